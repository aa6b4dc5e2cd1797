/** One caller's promise: settled once, whatever comes first. */
import { LockstepError } from '../kernel/errors.ts';
import type { Timers } from '../env/timers.ts';
import type { Member } from './group.ts';
import type { NotLeader } from './transaction.ts';

const notLeader: NotLeader = Object.freeze({ kind: 'not-leader', leader: null });

/**
 * `key`: the partition's, for errors. `wrote`: whether it may have an effect; then nobody knows when an append is in
 * doubt. `tell` makes what the caller gets, or throws it: called when it may be told.
 */
export class Outcome<T> implements Member {
  readonly promise: Promise<T | NotLeader>;
  readonly #key: string;
  readonly #wrote: boolean;
  readonly #tell: () => T;
  #resolve!: (outcome: T | NotLeader) => void;
  #reject!: (error: unknown) => void;
  #stopTimer: (() => void) | null = null;

  constructor(key: string, wrote: boolean, tell: () => T) {
    this.#key = key;
    this.#wrote = wrote;
    this.#tell = tell;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** A deadline of its own. */
  within(timers: Timers, ms: number): this {
    const timer = timers.after(ms, () => {
      this.fail(
        new LockstepError('unknown', 'the deadline came before this was durable; it may still become so', {
          values: { key: this.#key, withinMs: ms },
          advice: ['send it again with the same command id: it runs once at most'],
        }),
      );
    });
    this.#stopTimer = () => timer.cancel();
    return this;
  }

  release(): void {
    this.#stopTimer?.();
    try {
      this.#resolve(this.#tell());
    } catch (error) {
      this.#reject(error);
    }
  }

  deny(): void {
    this.#stopTimer?.();
    this.#resolve(notLeader);
  }

  /** What wrote nothing certainly had no effect, whatever became of the others. */
  fail(error: Error): void {
    this.#stopTimer?.();
    if (this.#wrote || !(error instanceof LockstepError) || error.happened === 'no') return this.#reject(error);
    this.#reject(
      new LockstepError('unavailable', 'what this rests on may not be durable; it wrote nothing', {
        values: { key: this.#key },
        cause: error,
      }),
    );
  }
}
