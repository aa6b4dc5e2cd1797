/** A walk over tables that do not overlap, in order of their keys, as over one: those of a level. One is open at a time. */
import { compareBytes } from '../bytes/compare.ts';
import { EntryCursor } from './entry-cursor.ts';
import type { KeyRange } from './key-range.ts';

/** A table of the run. */
export interface RunTable {
  readonly range: KeyRange;
  cursor(): EntryCursor;
}

export class RunCursor extends EntryCursor {
  readonly #tables: readonly RunTable[];
  #at = -1;
  #cursor: EntryCursor | null = null;

  constructor(tables: readonly RunTable[]) {
    super();
    this.#tables = tables;
  }

  override seek(key: Uint8Array, revision: number): void {
    const at = this.#firstThatEndsAt(key);
    this.#open(at)?.seek(key, revision);
    // A table that ends by a range may end at the key with which the next one begins.
    if (this.#cursor?.valid === false) this.#open(at + 1)?.seek(key, revision);
    this.#settle(1);
  }

  override seekBefore(key: Uint8Array, revision: number): void {
    this.#open(this.#lastThatBeginsAt(key))?.seekBefore(key, revision);
    this.#settle(-1);
  }

  override first(): void {
    this.#open(0)?.first();
    this.#settle(1);
  }

  override last(): void {
    this.#open(this.#tables.length - 1)?.last();
    this.#settle(-1);
  }

  override next(): void {
    this.#cursor?.next();
    this.#settle(1);
  }

  override previous(): void {
    this.#cursor?.previous();
    this.#settle(-1);
  }

  /** Of the tables the first whose last key is not before this one; their count if there is none. */
  #firstThatEndsAt(key: Uint8Array): number {
    let [low, high] = [0, this.#tables.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes((this.#tables[middle] as RunTable).range.largest, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Of the tables the last whose first key is not after this one; -1 if there is none. */
  #lastThatBeginsAt(key: Uint8Array): number {
    let [low, high] = [0, this.#tables.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes((this.#tables[middle] as RunTable).range.smallest, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #open(at: number): EntryCursor | null {
    if (at !== this.#at) this.#cursor = this.#tables[at]?.cursor() ?? null;
    this.#at = at;
    return this.#cursor;
  }

  /** Where the table has no entry any more the next one in this direction goes on. */
  #settle(direction: 1 | -1): void {
    let cursor = this.#cursor;
    while (cursor !== null && !cursor.valid) {
      cursor = this.#open(this.#at + direction);
      if (direction === 1) cursor?.first();
      else cursor?.last();
    }
    this.valid = cursor !== null;
    if (cursor === null) return;
    this.keyBytes = cursor.keyBytes;
    this.keyStart = cursor.keyStart;
    this.keyEnd = cursor.keyEnd;
    this.revision = cursor.revision;
    this.isDelete = cursor.isDelete;
    this.valueBytes = cursor.valueBytes;
    this.valueStart = cursor.valueStart;
    this.valueEnd = cursor.valueEnd;
  }
}
