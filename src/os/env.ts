/**
 * The real world as one `Env`: what a service gets in production. `hostEnv` is there without further ado, with its disk
 * in the current directory; `openHostEnv` has a data directory, limits and an end. Making either touches nothing but
 * memory, so importing this has no effects: threads, sockets and files come when they are asked for.
 */
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Env } from '../env/env.ts';
import { envOf } from '../env/verbs.ts';
import { LockstepError } from '../kernel/errors.ts';
import { HostClock } from './clock.ts';
import { HostDisk, syncDirectoryAt } from './disk.ts';
import { diskError } from './disk-errors.ts';
import { hostFetch } from './fetch.ts';
import { HostJobs } from './jobs.ts';
import { hostLimits, type HostLimits } from './limits.ts';
import { HostNetwork } from './network.ts';
import { HostOwnership } from './ownership.ts';
import { HostRandom } from './randomness.ts';
import { HostTimers } from './timers.ts';

export interface HostEnvOptions {
  /** The directory that `env.disk` is the root of; made, and its name made durable, if it is not there. Default: the current one. */
  readonly data?: string | undefined;
  /** When it aborts, so does `env.signal`, with the same reason. That asks services to stop; `close` makes them. */
  readonly signal?: AbortSignal | undefined;
  readonly limits?: { readonly [K in keyof HostLimits]?: HostLimits[K] | undefined } | undefined;
}

export interface HostEnv extends Env {
  /**
   * Aborts `signal`, ends listeners and streams (what they had queued is sent first, for up to
   * `limits.streamCloseMsMax`), ends job threads, closes files. Later calls of these ports are `stopped`. A timer that
   * was started without `sleep` still fires.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A fresh env over this machine. Two of them share nothing but the machine.
 * @throws LockstepError `disk-failed` or `disk-full` when the data directory cannot be made; `misuse` for a limit
 * that is none.
 */
export async function openHostEnv(options: HostEnvOptions = {}): Promise<HostEnv> {
  const host = new Host(options.data ?? '.', hostLimits(options.limits));
  if (options.data !== undefined) await makeDataDirectory(host.disk.root);
  const { signal } = options;
  const onAbort = (): void => host.stop(signal?.reason);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const close = async (): Promise<void> => {
    signal?.removeEventListener('abort', onAbort);
    await host.close();
  };
  return { ...host.env, close, [Symbol.asyncDispose]: close };
}

class Host {
  readonly disk: HostDisk;
  readonly env: Env;
  readonly #network: HostNetwork;
  readonly #jobs: HostJobs;
  readonly #ownership: HostOwnership;
  readonly #stop = new AbortController();

  constructor(root: string, limits: HostLimits) {
    this.disk = new HostDisk(root);
    this.#network = new HostNetwork(limits);
    this.#jobs = new HostJobs(() => this.disk.root, limits);
    this.#ownership = new HostOwnership(() => this.disk.root);
    this.env = envOf({
      clock: new HostClock(),
      timers: new HostTimers(),
      randomness: new HostRandom(),
      disk: this.disk,
      ownership: this.#ownership,
      network: this.#network,
      jobs: this.#jobs,
      fetch: hostFetch,
      signal: this.#stop.signal,
    });
  }

  stop(reason: unknown): void {
    this.#stop.abort(reason);
  }

  async close(): Promise<void> {
    this.stop(new LockstepError('stopped', 'the env was closed'));
    await Promise.all([this.#network.close(), this.#jobs.close(), this.#ownership.close()]);
    this.disk.close();
  }
}

/** The directory and its names on the way, durable: else a power cut could take everything synced below them. */
async function makeDataDirectory(root: string): Promise<void> {
  try {
    const made = mkdirSync(root, { recursive: true });
    if (made === undefined) return;
    const first = resolve(made);
    for (let directory = root; ; directory = dirname(directory)) {
      await syncDirectoryAt(dirname(directory));
      if (directory === first || directory === dirname(directory)) return;
    }
  } catch (error) {
    throw diskError(error, 'mkdir', root);
  }
}

/**
 * The real world for programs that need no more: the disk's root is the current directory of its first use, `signal`
 * never aborts, and it is never closed. It keeps no process alive by itself.
 */
export const hostEnv: Env = new Host('.', hostLimits()).env;
