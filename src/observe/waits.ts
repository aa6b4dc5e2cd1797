/**
 * The registry of waits: who waits for what, since when, until when, and who has it. Nothing in this product waits in
 * silence: what waits enters here first and leaves when it is over, however it ends, and `explain` tells what is left.
 * Not a scheduler: it wakes nobody but those whose deadline has come.
 */
import type { Clock } from '../env/clock.ts';
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import { elapsedMs, type Instant } from '../kernel/time.ts';

/** One wait as `explain` tells it. Plain data; the dates are by the wall clock of when it was asked. */
export interface Wait {
  /** What kind of thing waits: `lock`, `query`, `append`. */
  readonly what: string;
  /** Which one of them, by its key. */
  readonly key: string;
  readonly since: Date;
  /** In words: `its turn`, `revision 812`. */
  readonly waitsFor: string;
  /** Who could end it: a node, a holder; null when nobody is known. */
  readonly heldBy: string | null;
  /** Null when it waits until somebody ends it. */
  readonly deadline: Date | null;
}

export interface WaitAbout {
  readonly what: string;
  readonly key: string;
  readonly waitsFor: string;
  readonly heldBy?: string | null | undefined;
}

export interface EnterAbout extends WaitAbout {
  /** When it is meant to end, in milliseconds from now; whoever entered sees to it. Null: no deadline of its own. */
  readonly withinMs: number | null;
}

export interface UntilAbout extends WaitAbout {
  /** The deadline, in milliseconds from now. */
  readonly withinMs: number;
  /**
   * The kind of the error at the deadline. Default `unavailable`: giving up certainly changed nothing. `unknown` where
   * what was waited for may have an effect all the same, such as a write under way.
   */
  readonly atDeadline?: 'unavailable' | 'unknown' | undefined;
  /** Ends the wait early; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Somebody who waits. What it waits for and on whom may change while it does. */
export interface WaitEntry extends Disposable {
  waitsFor: string;
  heldBy: string | null;
  /** It is over. Harmless when it already was. */
  leave(): void;
}

export interface WaitsOptions {
  /** How many may wait at once. Default 10,000. */
  readonly countMax?: number | undefined;
}

export class Waits {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #countMax: number;
  /** In the order of entering, which is what `explain` promises. */
  readonly #entries = new Set<Entry>();

  constructor(clock: Clock, timers: Timers, options: WaitsOptions = {}) {
    this.#clock = clock;
    this.#timers = timers;
    this.#countMax = options.countMax ?? 10_000;
    if (!(Number.isSafeInteger(this.#countMax) && this.#countMax > 0))
      throw new LockstepError('misuse', 'a registry of waits has room for at least one', {
        values: { countMax: this.#countMax },
      });
  }

  /** How many wait. */
  get count(): number {
    return this.#entries.size;
  }

  /**
   * Enters a wait that the caller ends: `leave`, in a `finally`, or `using` where the language has it.
   * @throws LockstepError `overloaded` when `countMax` wait already; `misuse` for a deadline that is no number of milliseconds.
   */
  enter(about: EnterAbout): WaitEntry {
    return this.#enter(about);
  }

  /** As `enter`; null where `countMax` wait already: for what goes on whether or not it is told of. */
  enterIfRoom(about: EnterAbout): WaitEntry | null {
    return this.#entries.size < this.#countMax ? this.#enter(about) : null;
  }

  /**
   * Waits for a promise, or for what `work` begins, at most until the deadline; settles as it does. `work` is not
   * called when there is no room, and may tell through its argument on whom it waits now. What it does after the wait
   * has ended is nobody's: a late rejection is dropped, a late value too; stop it through a signal of your own.
   * @throws LockstepError `unavailable` (or `atDeadline`) at the deadline, naming what waited, for what, on whom, since
   * when; `overloaded` and `misuse` as `enter`. The signal's reason when that is aborted first.
   */
  async until<T>(work: Promise<T> | ((entry: WaitEntry) => Promise<T>), about: UntilAbout): Promise<T> {
    // Not even a wait that is refused may leave the caller's promise without a handler.
    if (typeof work !== 'function') work.catch(() => {});
    about.signal?.throwIfAborted();
    const entry = this.#enter(about);
    try {
      return await this.#race(typeof work === 'function' ? work(entry) : work, entry, about);
    } finally {
      entry.leave();
    }
  }

  /** What waits, oldest first; with a key, what waits under it. */
  explain(about: { readonly key?: string | undefined } = {}): readonly Wait[] {
    const now = this.#clock.now();
    const wallMs = this.#clock.wall();
    return [...this.#entries]
      .filter(({ key }) => about.key === undefined || key === about.key)
      .map((entry) => entry.explain(now, wallMs));
  }

  #enter(about: EnterAbout): Entry {
    const { withinMs } = about;
    if (withinMs !== null && !(withinMs >= 0 && withinMs < Infinity))
      throw new LockstepError('misuse', 'a wait has a deadline, in milliseconds from now', {
        values: { what: about.what, key: about.key, withinMs },
      });
    if (this.#entries.size >= this.#countMax)
      throw new LockstepError('overloaded', 'too many wait already; this wait did not begin', {
        values: { what: about.what, key: about.key, waitsFor: about.waitsFor, countMax: this.#countMax },
      });
    const entry = new Entry(about, this.#clock.now(), this.#entries);
    this.#entries.add(entry);
    return entry;
  }

  #race<T>(promise: Promise<T>, entry: Entry, about: UntilAbout): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { signal } = about;
      const onAbort = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = this.#timers.after(about.withinMs, () => {
        signal?.removeEventListener('abort', onAbort);
        reject(this.#tooLate(entry, about));
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
      };
      // Both handlers stay on the promise when the deadline wins, so that its late rejection is handled.
      promise.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error);
        },
      );
    });
  }

  #tooLate(entry: Entry, about: UntilAbout): LockstepError {
    const { what, key, since, waitsFor, heldBy } = entry.explain(this.#clock.now(), this.#clock.wall());
    return new LockstepError(about.atDeadline ?? 'unavailable', 'the deadline came before what was waited for', {
      values: { what, key, waitsFor, heldBy, since: since.toISOString(), withinMs: about.withinMs },
    });
  }
}

class Entry implements WaitEntry {
  readonly what: string;
  readonly key: string;
  waitsFor: string;
  heldBy: string | null;
  readonly #since: Instant;
  readonly #withinMs: number | null;
  readonly #entries: Set<Entry>;

  constructor(about: EnterAbout, since: Instant, entries: Set<Entry>) {
    this.what = about.what;
    this.key = about.key;
    this.waitsFor = about.waitsFor;
    this.heldBy = about.heldBy ?? null;
    this.#since = since;
    this.#withinMs = about.withinMs;
    this.#entries = entries;
  }

  leave(): void {
    this.#entries.delete(this);
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  /** Since when is measured by the monotonic clock and told by the wall clock, which may have jumped in between. */
  explain(now: Instant, wallMs: number): Wait {
    const sinceMs = wallMs - elapsedMs(this.#since, now);
    return {
      what: this.what,
      key: this.key,
      since: new Date(Math.round(sinceMs)),
      waitsFor: this.waitsFor,
      heldBy: this.heldBy,
      deadline: this.#withinMs === null ? null : new Date(Math.round(sinceMs + this.#withinMs)),
    };
  }
}
