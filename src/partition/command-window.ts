/**
 * Which command ids a partition remembers. Each stands in the state with its outcome; below a horizon, which stands there
 * too and only grows, all are forgotten and every id is `expired`. So whether an id is run is decided by the log alone,
 * not by anybody's clock, and what is forgotten is never run again.
 *
 * The horizon moves with the transactions that bring ids: to a window's length before now, and further when more ids are
 * remembered than may be, but never past now. Ids of a clock that is ahead cannot be forgotten before their time comes, so of
 * them there may be a part alone: else they would leave no room for those of everybody else. One object for an epoch, in which nobody else moves it: it keeps the horizon, and how many ids
 * there are of each minute of a day.
 */
import { durationMs } from '../kernel/time.ts';
import { hybridWall, type HybridTimestamp } from '../clock/timestamp.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import { timeOfCommand, timePrefix } from './command-id.ts';
import { systemNames } from './replica.ts';
import type { Transaction } from './transaction.ts';

export interface CommandWindowOptions {
  /** How long an id is remembered, by its own time. Default 24 h. */
  readonly windowMs: number;
  /** So many at most; the oldest are forgotten first. Default 1,000,000. */
  readonly countMax: number;
}

export const commandWindowDefaults: CommandWindowOptions = Object.freeze({
  windowMs: durationMs('24h'),
  countMax: 1_000_000,
});

/** Ids that are ahead of now are at most this part of all. */
const aheadShare = 0.1;

/** Reads the product's own state of this name, the newest. */
type ReadSystem = (name: string, key: readonly string[]) => StoredValue | undefined;

export type Remembered =
  | { readonly kind: 'new'; readonly ms: number }
  | { readonly kind: 'expired' }
  | { readonly kind: 'done'; readonly revision: number; readonly value: StoredValue | undefined };

export class CommandWindow {
  readonly #options: CommandWindowOptions;
  readonly #read: ReadSystem;
  /** Null: not read yet. */
  #horizon: number | null = null;
  /** What it is once the transaction that moves it is applied. */
  #nextHorizon = 0;
  /** Ids are counted and forgotten by so much: a minute of a day. */
  readonly #stepMs: number;
  /** By step, in no order. */
  readonly #counts = new Map<number, number>();
  #count = 0;

  constructor(options: CommandWindowOptions, read: ReadSystem) {
    this.#options = options;
    this.#read = read;
    this.#stepMs = Math.max(1, Math.floor(options.windowMs / 1_440));
  }

  #stepOf(ms: number): number {
    return Math.floor(ms / this.#stepMs);
  }

  /** To be told of every id that is there already, by the time of one of those that are counted together. */
  add(ms: number, count = 1): void {
    const step = this.#stepOf(ms);
    if (step < this.#stepOf(this.horizon)) return; // forgotten since
    this.#count += count;
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + count);
  }

  /** As if there were none. */
  forgetCounts(): void {
    this.#counts.clear();
    this.#count = 0;
  }

  /** The time behind all ids that are counted together with one of this time. */
  endOfStep(ms: number): number {
    return (this.#stepOf(ms) + 1) * this.#stepMs;
  }

  get count(): number {
    return this.#count;
  }

  /** All ids of an earlier time are forgotten, in milliseconds since 1970. */
  get horizon(): number {
    return (this.#horizon ??= horizonOf(this.#read(systemNames.horizon, [])));
  }

  /**
   * What is known of an id. `isFresh`: it was made for this attempt, so that nobody can have brought it before.
   * @throws LockstepError `invalid` for what is no command id, and for one made more than a window ahead of now;
   * `overloaded` for one ahead of now where too many of those are remembered.
   */
  look(id: string, now: HybridTimestamp, isFresh: boolean): Remembered {
    const ms = timeOfCommand(id);
    if (ms > hybridWall(now) + this.#options.windowMs)
      throw new LockstepError('invalid', 'this command id is made with a time that is far ahead', {
        values: { commandId: id.slice(0, 64), aheadMs: ms - hybridWall(now) },
        advice: ['make it with the time of now'],
      });
    if (ms < this.horizon || ms < hybridWall(now) - this.#options.windowMs) return { kind: 'expired' };
    const value = isFresh ? undefined : this.#read(systemNames.command, [id]);
    if (value === undefined) {
      this.#checkAhead(ms, hybridWall(now));
      return { kind: 'new', ms };
    }
    const { revision, value: first } = value as { readonly revision: number; readonly value?: StoredValue };
    return { kind: 'done', revision, value: first };
  }

  /** Those of the minute that comes are what clocks differ by. */
  #checkAhead(ms: number, nowMs: number): void {
    const ahead = this.#stepOf(nowMs) + 1;
    if (this.#stepOf(ms) <= ahead) return;
    const countMax = Math.floor(this.#options.countMax * aheadShare);
    let count = 0;
    for (const [step, ofStep] of this.#counts) if (step > ahead) count += ofStep;
    if (count < countMax) return;
    throw new LockstepError('overloaded', 'too many command ids are made with a time that is ahead', {
      values: { aheadMs: ms - nowMs, countMax },
      advice: ['make them with the time of now: the clock of whoever made this one is ahead'],
    });
  }

  /** Remembers an id with its outcome, as part of its transaction, and forgets what is too old or too many. */
  remember(tx: Transaction, id: string, ms: number, revision: number, value: StoredValue | undefined): void {
    const ids = tx.system(systemNames.command, 'local');
    ids.set([id], value === undefined ? { revision } : { revision, value });
    const before = this.horizon;
    const next = Math.max(before, this.#horizonWith(hybridWall(tx.now), ms));
    this.#nextHorizon = next;
    if (next === before) return;
    tx.system(systemNames.horizon, 'local').set([], next);
    ids.deleteRange({ to: [timePrefix(next)] });
  }

  /** The transaction of the last `remember` was applied: what it remembers and forgets is counted. */
  applied(ms: number): void {
    this.add(ms);
    if (this.#nextHorizon === this.#horizon) return;
    this.#horizon = this.#nextHorizon;
    for (const [step, count] of this.#counts) {
      if (step >= this.#stepOf(this.#horizon)) continue;
      this.#counts.delete(step);
      this.#count -= count;
    }
  }

  /** Whole steps; never past the id that is being remembered, nor past now: an id that is made now is none of the oldest. */
  #horizonWith(nowMs: number, ms: number): number {
    let step = this.#stepOf(Math.max(0, nowMs - this.#options.windowMs));
    let over = this.#count + 1 - this.#options.countMax;
    if (over > 0)
      for (const oldest of [...this.#counts.keys()].toSorted((a, b) => a - b)) {
        if (over <= 0) break;
        over -= this.#counts.get(oldest) ?? 0;
        step = Math.max(step, oldest + 1);
      }
    return Math.min(step, this.#stepOf(ms), this.#stepOf(nowMs)) * this.#stepMs;
  }
}

/** Ids with an earlier time are expired, in milliseconds since 1970. */
const horizonOf = (value: StoredValue | undefined): number => (typeof value === 'number' ? value : 0);
