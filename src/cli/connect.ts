/**
 * A connection to the node that runs over a directory of this machine, or at an address. The file that tells where it runs
 * is read again whenever nobody answers, so a connection outlives the node, its port and its restarts.
 */
import type { WebPorts } from '../server/web-ports.ts';
import { webPorts } from '../server/web-ports.ts';
import { connect as connectTo, type ConnectOptions, type RemoteConnection } from '../client/connect.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { readRunning } from '../os/running.ts';
import { codeOf } from '../os/system-code.ts';

/**
 * To a node's URL, or to the directory of a node that `lockstep dev` or `lockstep serve` runs on this machine: its `data`.
 * While none runs there calls wait for one, up to their deadlines.
 * @throws LockstepError from its verbs, as those of a node; `misuse` for another bearer (401).
 */
export function connect(urlOrDirectory: string, options: ConnectOptions = {}): RemoteConnection {
  if (/^https?:\/\//.test(urlOrDirectory)) return connectTo(urlOrDirectory, options);
  return connectTo('', { ...options, fetch: fetchFrom(urlOrDirectory, options.fetch ?? webPorts.fetch) });
}

/** Takes paths alone. */
export function fetchFrom(data: string, fetch: WebPorts['fetch']): WebPorts['fetch'] {
  let url: string | null = null;
  return async (path, init) => {
    assert(typeof path === 'string', 'whoever asks has no address of its own');
    url ??= readRunning(data)?.url ?? null;
    if (url === null) throw nobody(data);
    try {
      return await fetch(`${url}${path}`, init);
    } catch (error) {
      url = null;
      if (init?.signal?.aborted !== true && isRefused(error)) throw nobody(data);
      throw error;
    }
  };
}

/** What callers that send again take for: certainly not done, and it may be there in a moment. */
const nobody = (data: string): LockstepError =>
  new LockstepError('stopped', 'no node runs over this directory', { values: { data } });

/** Nobody listened, so nothing was sent. */
const isRefused = (error: unknown): boolean => error instanceof Error && codeOf(error.cause) === 'ECONNREFUSED';
