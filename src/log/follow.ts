/**
 * The rules of reading, one for all engines: what may come after what. A reader checks each record before it gives it
 * out; one that breaks a rule means that the engine broke its word or that this is another log, and is never followed.
 *
 * - Positions are dense, and every record is of this log.
 * - A record continues the chain of the one before. The first of all continues `chainBeforeFirst`.
 * - It is the next of its epoch's sequence, or sequence 0 of a higher epoch: nothing of an older epoch follows a claim.
 *
 * A reader that begins in the middle takes the chain that its first record names on trust, unless it was told which
 * one to expect.
 */
import { assert } from '../kernel/assert.ts';
import { chainBeforeFirst, hexOfWords, wordsOf } from './chain.ts';
import { nextPosition, position } from './coordinates.ts';
import type { LogBatch, LogId, Position } from './port.ts';
import type { StoredRecord } from './record.ts';

export type Diverged = Extract<LogBatch, { readonly kind: 'diverged' }>;

export interface FollowStart {
  readonly id: LogId;
  /** The position that was read last; 0 for the beginning. */
  readonly after: Position;
  /** The chain there; null: whatever the first record names. At the beginning it is known to everybody. */
  readonly chain?: string | null | undefined;
}

export class Follower {
  readonly #id: Uint32Array;
  readonly #idText: LogId;
  #last: Position;
  /** The chain at `#last`; meaningful while `#chainKnown`. */
  readonly #chain = new Uint32Array(4);
  #chainKnown = false;
  /** Of the last record; null before one was seen, 0 before the first of all. */
  #epoch: number | null = null;
  #sequence = 0;

  constructor({ id, after, chain }: FollowStart) {
    this.#idText = id;
    this.#id = wordsOf(id);
    this.#last = after;
    if (after === 0) this.#epoch = 0;
    const known = after === 0 ? chainBeforeFirst : (chain ?? null);
    if (known === null) return;
    this.#chain.set(wordsOf(known));
    this.#chainKnown = true;
  }

  /** The position that was accepted last. */
  get last(): Position {
    return this.#last;
  }

  /** The chain there; null when none is known. */
  get chain(): string | null {
    return this.#chainKnown ? hexOfWords(this.#chain) : null;
  }

  /** Null: it belongs here, and the next is expected after it. Otherwise which rule it breaks; nothing has changed then. */
  accept(record: StoredRecord): Diverged | null {
    const broken = this.#broken(record);
    if (broken !== null) return { kind: 'diverged', position: nextPosition(this.#last), ...broken };
    assert(record.position === this.#last + 1, 'a follower accepts the next record alone');
    this.#last = record.position;
    record.chainInto(this.#chain);
    this.#chainKnown = true;
    this.#epoch = record.epoch;
    this.#sequence = record.sequence;
    return null;
  }

  #broken(record: StoredRecord): { readonly expected: string; readonly found: string } | null {
    const { position, epoch, sequence } = record;
    if (!record.isOf(this.#id)) return { expected: `log ${this.#idText}`, found: `log ${record.id}` };
    if (position !== this.#last + 1) return { expected: `position ${this.#last + 1}`, found: `position ${position}` };
    if (this.#epoch !== null && !this.#mayFollow(epoch, sequence))
      return { expected: this.#expectedTurn(), found: `epoch ${epoch} sequence ${sequence}` };
    if (this.#chainKnown && !record.continues(this.#chain))
      return { expected: `chain ${hexOfWords(this.#chain)}`, found: `chain ${record.chainBefore}` };
    return null;
  }

  #mayFollow(epoch: number, sequence: number): boolean {
    if (epoch === this.#epoch) return sequence === this.#sequence + 1;
    return epoch > (this.#epoch ?? 0) && sequence === 0;
  }

  #expectedTurn(): string {
    const claim = `sequence 0 of an epoch above ${this.#epoch}`;
    return this.#epoch === 0 ? claim : `epoch ${this.#epoch} sequence ${this.#sequence + 1}, or ${claim}`;
  }
}

/** What a reader says when the log ends before the place from which it reads on: it was rolled back. */
export const rolledBack = (from: Position, last: Position): Diverged => ({
  kind: 'diverged',
  position: position(last + 1),
  expected: `a log that goes up to position ${from}`,
  found: `its end at position ${last}`,
});

/** What a reader says when the log with its id is no more. */
export const replaced = (id: LogId, from: Position): Diverged => ({
  kind: 'diverged',
  position: nextPosition(from),
  expected: `log ${id}`,
  found: 'none of this id',
});
