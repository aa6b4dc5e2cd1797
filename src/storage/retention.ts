/**
 * Which versions a compaction keeps. Nobody reads below the floor any more: of the versions of a key that are not above
 * it the newest alone is kept, and that one goes too when it is a tombstone with nothing older beneath it, or when a
 * range tombstone that every reader sees covers it. Everything above the floor stays.
 */
import { compareBytes, compareRanges } from '../bytes/compare.ts';
import type { EntryCursor, RangeTombstone } from './entry-cursor.ts';
import type { KeyRange } from './key-range.ts';
import type { RangeTombstones } from './range-tombstones.ts';

export class Retention {
  readonly #floor: number;
  readonly #ranges: RangeTombstones;
  /** What is older than all that is merged, by key: while a table there may have a key, its tombstone stays. */
  readonly #olders: readonly KeyRange[];
  #key = new Uint8Array(64);
  #keyLength = -1;
  /** Whether the newest version of the key that is not above the floor was met. */
  #isSettled = false;
  /** Whether the key lies in a table of `olders`: found when it is first asked for. */
  #hasOlder: boolean | null = null;

  constructor(floor: number, ranges: RangeTombstones, olders: readonly KeyRange[]) {
    this.#floor = floor;
    this.#ranges = ranges;
    this.#olders = olders;
  }

  /** Whether the entry that was asked for last is the first of its key. If that one goes, so do the others. */
  isNewKey = false;

  /** Asked for every entry of the merge, in order. */
  keeps(entry: EntryCursor): boolean {
    this.isNewKey = !this.#isSameKey(entry);
    if (this.isNewKey) this.#beginKey(entry);
    if (entry.revision > this.#floor) return true;
    if (this.#isSettled) return false;
    this.#isSettled = true;
    if (this.#ranges.count > 0) {
      const covering = this.#ranges.newestCovering(entry.keyBytes, entry.keyStart, entry.keyEnd, this.#floor);
      if (covering > entry.revision) return false;
    }
    return !entry.isDelete || this.#liesBeneath();
  }

  /** The range tombstones that stay, of all that are merged; none overlaps another but in revision. */
  ranges(): readonly RangeTombstone[] {
    return this.#ranges.fragments.flatMap(({ start, end, revisions }) => {
      const above = revisions.filter((one) => one > this.#floor);
      const newest = revisions.find((one) => one <= this.#floor);
      const stays =
        newest !== undefined &&
        this.#olders.some((one) => compareBytes(one.smallest, end) < 0 && compareBytes(start, one.largest) <= 0);
      return [...above, ...(stays ? [newest] : [])].map((revision) => ({ start, end, revision }));
    });
  }

  #isSameKey({ keyBytes, keyStart, keyEnd }: EntryCursor): boolean {
    return this.#keyLength >= 0 && compareRanges(keyBytes, keyStart, keyEnd, this.#key, 0, this.#keyLength) === 0;
  }

  #beginKey({ keyBytes, keyStart, keyEnd }: EntryCursor): void {
    const length = keyEnd - keyStart;
    if (length > this.#key.length) this.#key = new Uint8Array(length * 2);
    for (let at = 0; at < length; at++) this.#key[at] = keyBytes[keyStart + at] as number;
    this.#keyLength = length;
    this.#isSettled = false;
    this.#hasOlder = null;
  }

  #liesBeneath(): boolean {
    if (this.#hasOlder !== null) return this.#hasOlder;
    const key = this.#key.subarray(0, this.#keyLength);
    const isIn = (one: KeyRange): boolean =>
      compareBytes(one.smallest, key) <= 0 && compareBytes(key, one.largest) <= 0;
    this.#hasOlder = this.#olders.some(isIn);
    return this.#hasOlder;
  }
}
