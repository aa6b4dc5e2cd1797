/** The node that a command talks to: one elsewhere by its URL, or the one that runs over a directory of this machine. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { remoteSetup } from '../client/client.ts';
import { RemoteConnection } from '../client/connect.ts';
import { Remote } from '../client/remote.ts';
import { LockstepError } from '../kernel/errors.ts';
import { readRunning } from '../os/running.ts';
import { codeOf } from '../os/system-code.ts';
import { webPorts } from '../server/web-ports.ts';
import { fetchFrom } from './connect.ts';
import { bearerGiven } from './settings.ts';

/** Holds the directories of the apps that `dev` and `serve` run, one by the name of each. */
export const dataRoot = '.lockstep';

export interface WhichNode {
  readonly data: string | undefined;
  readonly url: string | undefined;
}

/** @throws LockstepError `unavailable` when none runs, `misuse` when it is to be said which. */
export function remoteTo({ data, url }: WhichNode): Remote {
  const bearer = bearerGiven();
  const headers = (): Record<string, string> => (bearer === undefined ? {} : { authorization: `Bearer ${bearer}` });
  if (url !== undefined) return new Remote(remoteSetup(url, { headers }));
  return new Remote(remoteSetup('', { headers, fetch: fetchFrom(directoryOf(data), webPorts.fetch) }));
}

/** The same, by what whoever runs a node asks of it. @throws as `remoteTo`. */
export const connectionTo = (which: WhichNode): RemoteConnection => new RemoteConnection(remoteTo(which));

function directoryOf(data: string | undefined): string {
  const [found, ...more] = (data === undefined ? directories() : [data]).filter((one) => readRunning(one) !== null);
  if (found === undefined)
    throw new LockstepError('unavailable', 'no node runs here; nothing was done', {
      values: { data: data ?? dataRoot },
      advice: ['start it in another terminal: lockstep dev APP.ts', 'or say which one: --data DIR, or --url URL'],
    });
  if (more.length > 0)
    throw new LockstepError('misuse', 'several nodes run here; nothing was done', {
      advice: [`say which: --data ${found}`, ...more.map((one) => `       or: --data ${one}`)],
    });
  return found;
}

function directories(): readonly string[] {
  try {
    return readdirSync(dataRoot).map((name) => join(dataRoot, name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
