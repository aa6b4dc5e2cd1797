import type { Duration } from '../kernel/time.ts';
import type { Clock } from './clock.ts';
import type { Disk } from './disk.ts';
import type { Fetch } from './fetch.ts';
import type { Jobs } from './jobs.ts';
import type { Network } from './network.ts';
import type { Ownership } from './ownership.ts';
import type { Randomness } from './randomness.ts';
import type { Timers } from './timers.ts';

/** What one process may ask of the outside world: nothing else reaches it. */
export interface Ports {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly randomness: Randomness;
  readonly disk: Disk;
  readonly ownership: Ownership;
  readonly network: Network;
  readonly jobs: Jobs;
  readonly fetch: Fetch;
  /** Aborts when the process is to stop. */
  readonly signal: AbortSignal;
}

/** The ports, and the verbs that services use every day. */
export interface Env extends Ports {
  /** The time of day. For intervals use `clock.now()`. */
  now(): Date;
  /** At least 0, below 1. */
  random(): number;
  /** A new id, ordered by time (UUID version 7, RFC 9562). */
  newId(): string;
  /**
   * Resolves after at least this long. Rejects with the signal's reason once `signal` (default: the process' own)
   * is aborted.
   */
  sleep(duration: Duration, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}
