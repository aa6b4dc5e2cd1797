/** Who waits for a replica to come further. */
import type { Waits } from '../observe/waits.ts';
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';

interface Waiter {
  readonly isDone: () => boolean;
  readonly end: (error: Error | null) => void;
}

export interface ProgressAbout {
  readonly what: string;
  readonly key: string;
  readonly waitsFor: string;
  readonly heldBy?: string | null | undefined;
  readonly withinMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Goes on where the registry of waits has no room to tell of it. Default: then it is refused. */
  readonly evenUntold?: boolean | undefined;
}

export class Progress {
  readonly #timers: Timers;
  readonly #waits: Waits | null;
  readonly #waiters = new Set<Waiter>();
  #failure: Error | null = null;

  constructor(timers: Timers, waits: Waits | null) {
    this.#timers = timers;
    this.#waits = waits;
  }

  /** It has come further: whoever waited for that goes on. */
  advance(): void {
    for (const waiter of this.#waiters) if (waiter.isDone()) waiter.end(null);
  }

  /** It will come no further. */
  fail(error: Error): void {
    this.#failure = error;
    for (const waiter of this.#waiters) waiter.end(error);
  }

  /**
   * Resolves once the condition holds.
   * @throws LockstepError `unavailable` at the deadline; `overloaded` when too many wait; the signal's reason; what it failed with.
   */
  async until(isDone: () => boolean, about: ProgressAbout): Promise<void> {
    if (isDone()) return;
    if (this.#failure !== null) throw this.#failure;
    about.signal?.throwIfAborted();
    const entry = about.evenUntold === true ? this.#waits?.enterIfRoom(about) : this.#waits?.enter(about);
    try {
      await this.#wait(isDone, about);
    } finally {
      entry?.leave();
    }
  }

  #wait(isDone: () => boolean, { what, key, waitsFor, withinMs, signal }: ProgressAbout): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => waiter.end(signal?.reason as Error);
      const timer = this.#timers.after(withinMs, () =>
        waiter.end(
          new LockstepError('unavailable', 'the deadline came before what was waited for', {
            values: { what, key, waitsFor, withinMs },
          }),
        ),
      );
      const waiter: Waiter = {
        isDone,
        end: (error) => {
          this.#waiters.delete(waiter);
          timer.cancel();
          signal?.removeEventListener('abort', onAbort);
          if (error === null) resolve();
          else reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
