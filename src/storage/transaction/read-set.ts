/**
 * What a transaction has read: keys, absent ones included, and ranges as far as they were read. At its commit this is
 * what must not have changed.
 */
import { compareBytes } from '../../bytes/compare.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { copy } from '../block-builder.ts';
import type { ReadBounds } from '../recent-writes.ts';
import type { VisibleBounds } from '../visible-cursor.ts';

/** The most that a read set remembers, in bytes: keys, and 16 for each read. */
export const readSetBytesMax: number = 8 * 1024 * 1024;

const overheadBytes = 16;
/** Larger ones are not kept for the next transaction. */
const bytesKept = 64 * 1024;

export class ReadSet {
  /** Keys one after the other. */
  bytes: Uint8Array = new Uint8Array(256);
  /** Of each of `keyCount` keys where it ends in `bytes`. */
  readonly ends: number[] = [];
  keyCount = 0;
  readonly ranges: RangeRead[] = [];
  readonly #bytesMax: number;
  #usedBytes = 0;
  #isFull = false;

  constructor(bytesMax: number = readSetBytesMax) {
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.keyCount === 0 && this.ranges.length === 0;
  }

  /** More was read than it remembers: this transaction cannot be checked, and so not committed. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** @throws LockstepError `invalid` when it is full: from then on for every read. */
  addKey(key: Uint8Array): void {
    this.#count(key.length);
    const count = this.keyCount;
    const start = count === 0 ? 0 : (this.ends[count - 1] as number);
    const end = start + key.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    copy(key, 0, key.length, this.bytes, start);
    this.ends[count] = end;
    this.keyCount = count + 1;
  }

  /** A walk begins within these bounds; nothing was read yet. @throws as `addKey`. */
  addRange(bounds: VisibleBounds, reverse: boolean): RangeRead {
    this.#count((bounds.from?.length ?? 0) + (bounds.to?.length ?? 0));
    const range = new RangeRead(bounds, reverse);
    this.ranges.push(range);
    return range;
  }

  clear(): void {
    if (this.bytes.length > bytesKept) {
      this.bytes = new Uint8Array(256);
      this.ends.length = 0;
    }
    this.keyCount = 0;
    if (this.ranges.length > 0) this.ranges.length = 0;
    this.#usedBytes = 0;
    this.#isFull = false;
  }

  /** @throws LockstepError `invalid` when more was read than it remembers. */
  check(): void {
    if (!this.#isFull) return;
    throw new LockstepError('invalid', 'a transaction has read more than can be checked at its commit', {
      values: { readSetBytesMax: this.#bytesMax },
      advice: [
        'read a range in place of single keys: it counts once, however much lies in it',
        'read what need not be checked from a snapshot, or with isolation `snapshot`',
      ],
    });
  }

  #count(keyBytes: number): void {
    this.#usedBytes += overheadBytes + keyBytes;
    if (this.#usedBytes > this.#bytesMax) this.#isFull = true;
    this.check();
  }
}

/** One walk: what it has seen of its bounds so far. */
export class RangeRead {
  readonly #from: Uint8Array | null;
  readonly #to: Uint8Array | null;
  readonly #reverse: boolean;
  /** The last key that was shown, so far as `#lastLength` says: everything up to it was read. -1: none was. */
  #last: Uint8Array = new Uint8Array(32);
  #lastLength = -1;
  #isWhole = false;

  constructor({ from, to }: VisibleBounds, reverse: boolean) {
    this.#from = from?.slice() ?? null;
    this.#to = to?.slice() ?? null;
    this.#reverse = reverse;
  }

  /** Everything was read up to this key, in the direction of the walk. */
  upTo(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > this.#last.length) this.#last = new Uint8Array(length * 2);
    copy(bytes, start, end, this.#last, 0);
    this.#lastLength = length;
  }

  /** Everything was read to the end of the bounds. */
  whole(): void {
    this.#isWhole = true;
  }

  /** From where to where it was read; null when nothing was. */
  get read(): ReadBounds | null {
    const [from, to] = [this.#from, this.#to];
    if (from !== null && to !== null && compareBytes(from, to) >= 0) return null;
    if (this.#isWhole) return { from, to, toIncluded: false };
    if (this.#lastLength < 0) return null;
    const last = this.#last.slice(0, this.#lastLength);
    return this.#reverse ? { from: last, to, toIncluded: false } : { from, to: last, toIncluded: true };
  }
}
