/**
 * Waiting with an end: for a promise at most so long, until a signal, or again and again until a deadline. `AbortSignal.any` and
 * `timeout` are not used: they follow the collector and the host's clock.
 */
import type { Clock } from '../env/clock.ts';
import type { Randomness } from '../env/randomness.ts';
import type { Timers } from '../env/timers.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { elapsedMs, type Instant } from '../kernel/time.ts';
import type { LogConfig } from './config.ts';

/** What the engines of this room need of a world. */
export interface LogPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly randomness: Randomness;
}

export type Within<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'late' };

/**
 * What `begin` gives, if it does so within `ms` (endless is allowed). The signal that it gets is aborted when it is too
 * late or one of `signals` is; in the latter case this rejects with that one's reason. A late end is nobody's.
 */
export function within<T>(
  timers: Timers,
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
  begin: (signal: AbortSignal) => Promise<T>,
): Promise<Within<T>> {
  return new Promise((resolve, reject) => {
    const aborted = signals.find((signal) => signal?.aborted);
    if (aborted !== undefined) return reject(aborted.reason);
    const stop = new AbortController();
    const onAbort = (event: Event): void => {
      const reason: unknown = (event.target as AbortSignal).reason;
      end();
      reject(reason);
      stop.abort(reason);
    };
    const onLate = (): void => {
      end();
      resolve({ kind: 'late' });
      stop.abort(new LockstepError('stopped', 'nobody waits for this any more'));
    };
    const timer = ms === Infinity ? null : timers.after(ms, onLate);
    const end = (): void => {
      timer?.cancel();
      for (const signal of signals) signal?.removeEventListener('abort', onAbort);
    };
    for (const signal of signals) signal?.addEventListener('abort', onAbort, { once: true });
    begin(stop.signal).then(
      (value) => {
        end();
        resolve({ kind: 'done', value });
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
  });
}

/** A pause; rejects with the reason of the first signal that is aborted. */
export async function pause(
  timers: Timers,
  ms: number,
  signals: readonly (AbortSignal | undefined)[] = [],
): Promise<void> {
  await within(timers, ms, signals, () => new Promise<never>(() => {}));
}

/** Whether the same call may succeed in a moment. */
export const isPassing = (error: unknown): error is LockstepError =>
  isLockstepError(error, 'unavailable') || isLockstepError(error, 'overloaded') || isLockstepError(error, 'unknown');

/** Tries one call until its deadline, with growing random pauses. Remembers whether one of the attempts is in doubt. */
export class Attempts {
  /** An attempt may have had an effect though nobody knows. */
  inDoubt = false;
  #count = 0;
  #cause: unknown = undefined;
  readonly #ports: LogPorts;
  readonly #config: LogConfig;
  readonly #since: Instant;

  constructor(ports: LogPorts, config: LogConfig) {
    this.#ports = ports;
    this.#config = config;
    this.#since = ports.clock.now();
  }

  get leftMs(): number {
    return this.#config.settleMsMax - elapsedMs(this.#since, this.#ports.clock.now());
  }

  /** One attempt: what it gives, or null when it failed in a way that may pass; then it has paused. Other failures are thrown. */
  async once<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
    const { timers } = this.#ports;
    try {
      const ended = await within(timers, Math.min(this.#config.attemptMsMax, this.leftMs), [], call);
      if (ended.kind === 'done') return ended.value;
      this.inDoubt = true;
      return null;
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (error.happened === 'unknown') this.inDoubt = true;
      this.#cause = error;
    }
    await this.pause();
    return null;
  }

  /** At random, up to twice as long each time, but never past the deadline. */
  async pause(): Promise<void> {
    const { timers, randomness } = this.#ports;
    const ms = randomness.float() * Math.min(10 * 2 ** Math.min(this.#count++, 6), this.#config.attemptMsMax);
    await pause(timers, Math.max(0, Math.min(ms, this.leftMs)));
  }

  /** What to throw at the deadline. */
  failure(what: string, kind: 'unknown' | 'unavailable' = this.inDoubt ? 'unknown' : 'unavailable'): LockstepError {
    return new LockstepError(kind, `${what} did not come to an end in time`, {
      values: { withinMs: this.#config.settleMsMax },
      cause: this.#cause,
    });
  }
}

/** A call that may be repeated without harm, until it answers. @throws LockstepError `unavailable` at its deadline. */
export async function persist<T>(ports: LogPorts, config: LogConfig, what: string, call: () => Promise<T>): Promise<T> {
  const attempts = new Attempts(ports, config);
  for (;;) {
    const answer = await attempts.once(async () => ({ value: await call() }));
    if (answer !== null) return answer.value;
    if (attempts.leftMs <= 0) throw attempts.failure(what, 'unavailable');
  }
}
