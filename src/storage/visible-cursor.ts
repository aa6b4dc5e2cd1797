/**
 * What a reader at one revision sees of a merge of sources: of each key the newest version not above that revision,
 * unless it is a tombstone or a range tombstone newer than it covers the key. Walks both ways within bounds.
 *
 * Forwards the newest visible version comes first and the older ones are passed over. Backwards the oldest comes first,
 * so the newest visible one is only known when the next key is reached: it is kept in a copy meanwhile.
 */
import { compareRanges } from '../bytes/compare.ts';
import type { EntryCursor } from './entry-cursor.ts';
import type { RangeTombstones } from './range-tombstones.ts';

export interface VisibleBounds {
  /** The first key, included. */
  readonly from: Uint8Array | null;
  /** Where it ends, excluded. */
  readonly to: Uint8Array | null;
}

/** A transaction's own writes, as they were when its walk began: they hide what lies beneath. */
export interface OwnVersions {
  readonly tombstones: RangeTombstones;
  /** The newest that the walk shows; revisions from `ownRevisions` on are the transaction's own. */
  readonly upTo: number;
}

/** Above every revision of a tree: where a transaction's own writes are counted from. */
export const ownRevisions: number = 2 ** 52;

/** So many invisible versions of one key are stepped over before it is sought. */
const stepsMax = 8;

export class VisibleCursor {
  /** The key and value it stands on: offsets into bytes that are good until it moves. */
  keyBytes: Uint8Array = new Uint8Array(64);
  keyStart = 0;
  keyEnd = 0;
  valueBytes: Uint8Array = empty;
  valueStart = 0;
  valueEnd = 0;
  valid = false;
  readonly #entries: EntryCursor;
  readonly #tombstones: readonly RangeTombstones[];
  readonly #revision: number;
  readonly #bounds: VisibleBounds;
  readonly #own: OwnVersions | null;
  /** -1: none of its own. */
  readonly #ownUpTo: number;
  /** Where values are kept on a walk backwards. */
  #kept: Uint8Array = empty;
  /** Where the entries stand, relative to the key that is shown: on it or past it in the direction of the walk. */
  #direction: 'forward' | 'backward' = 'forward';

  /** The entries of `own` are among `entries`. */
  constructor(
    entries: EntryCursor,
    tombstones: readonly RangeTombstones[],
    revision: number,
    bounds: VisibleBounds,
    own: OwnVersions | null = null,
  ) {
    this.#entries = entries;
    this.#tombstones = tombstones.filter((one) => one.meets(bounds.from, bounds.to));
    this.#revision = revision;
    this.#bounds = bounds;
    this.#own = own;
    this.#ownUpTo = own?.upTo ?? -1;
  }

  first(): void {
    this.#direction = 'forward';
    if (this.#bounds.from === null) this.#entries.first();
    else this.#entries.seek(this.#bounds.from, Infinity);
    this.#findForward();
  }

  last(): void {
    this.#direction = 'backward';
    if (this.#bounds.to === null) this.#entries.last();
    else this.#entries.seekBefore(this.#bounds.to, Infinity);
    this.#findBackward();
  }

  /** To the first key at or after this one, within the bounds. */
  seek(key: Uint8Array): void {
    const { from } = this.#bounds;
    this.#direction = 'forward';
    this.#entries.seek(from !== null && compare(from, key) > 0 ? from : key, Infinity);
    this.#findForward();
  }

  next(): void {
    if (this.#direction === 'backward') {
      this.#direction = 'forward';
      this.#seekPastShown();
    } else {
      this.#passShown();
    }
    this.#findForward();
  }

  previous(): void {
    if (this.#direction === 'forward') {
      this.#direction = 'backward';
      this.#entries.seekBefore(this.#shownKey(), Infinity);
    }
    this.#findBackward();
  }

  #shownKey(): Uint8Array {
    return this.keyBytes.slice(this.keyStart, this.keyEnd);
  }

  /** From the first entry of a key on: shows the first key that has a value here. */
  #findForward(): void {
    const entries = this.#entries;
    const { to } = this.#bounds;
    while (entries.valid) {
      if (to !== null && compareKey(entries, to) >= 0) break;
      if (this.#isHidden(entries.revision)) {
        this.#skipHidden();
        continue;
      }
      this.#keepKey();
      if (!entries.isDelete && !this.#isCovered(entries.revision)) {
        this.valueBytes = entries.valueBytes;
        this.valueStart = entries.valueStart;
        this.valueEnd = entries.valueEnd;
        this.valid = true;
        return;
      }
      this.#passShown();
    }
    this.valid = false;
  }

  #isHidden(revision: number): boolean {
    return revision > this.#revision && (revision < ownRevisions || revision > this.#ownUpTo);
  }

  /** Past versions that are not seen: to the newest one that is, of this key or another, or nearer to it. */
  #skipHidden(): void {
    const entries = this.#entries;
    for (let step = 0; step < stepsMax; step++) {
      entries.next();
      if (!entries.valid || !this.#isHidden(entries.revision)) return;
    }
    const key = entries.keyBytes.slice(entries.keyStart, entries.keyEnd);
    entries.seek(key, entries.revision >= ownRevisions ? this.#ownUpTo : this.#revision);
  }

  /** Past all older versions of the key that was kept. */
  #passShown(): void {
    const entries = this.#entries;
    for (let step = 0; step < stepsMax; step++) {
      entries.next();
      if (!entries.valid || !this.#isKeptKey()) return;
    }
    this.#seekPastShown();
  }

  #seekPastShown(): void {
    const entries = this.#entries;
    entries.seek(this.#shownKey(), 0);
    while (entries.valid && this.#isKeptKey()) entries.next(); // at most one is of revision 0
  }

  /** From the oldest entry of a key on: shows the last key that has a value here. The entries end before that key. */
  #findBackward(): void {
    const entries = this.#entries;
    const { from } = this.#bounds;
    while (entries.valid) {
      if (from !== null && compareKey(entries, from) < 0) break;
      this.#keepKey();
      let revision = -1;
      let isDelete = true;
      do {
        if (this.#isHidden(entries.revision)) {
          const isBeforeOwn = this.#own !== null && entries.revision < ownRevisions;
          entries.seekBefore(this.#shownKey(), isBeforeOwn ? ownRevisions - 1 : Infinity);
          if (isBeforeOwn) continue;
          break;
        }
        revision = entries.revision;
        isDelete = entries.isDelete;
        if (!isDelete) this.#keepValue();
        entries.previous();
      } while (entries.valid && this.#isKeptKey());
      if (isDelete || this.#isCovered(revision)) continue;
      this.valid = true;
      return;
    }
    this.valid = false;
  }

  /** Whether a range tombstone that the reader sees is newer than this revision of the kept key. */
  #isCovered(revision: number): boolean {
    const own = this.#own?.tombstones.newestCovering(this.keyBytes, this.keyStart, this.keyEnd, this.#ownUpTo) ?? -1;
    if (own > revision) return true;
    for (const one of this.#tombstones) {
      if (one.newestCovering(this.keyBytes, this.keyStart, this.keyEnd, this.#revision) > revision) return true;
    }
    return false;
  }

  #isKeptKey(): boolean {
    const { keyBytes, keyStart, keyEnd } = this.#entries;
    return compareRanges(keyBytes, keyStart, keyEnd, this.keyBytes, this.keyStart, this.keyEnd) === 0;
  }

  #keepKey(): void {
    const { keyBytes, keyStart, keyEnd } = this.#entries;
    const length = keyEnd - keyStart;
    if (length > this.keyBytes.length) this.keyBytes = new Uint8Array(length * 2);
    for (let at = 0; at < length; at++) this.keyBytes[at] = keyBytes[keyStart + at] as number;
    this.keyStart = 0;
    this.keyEnd = length;
  }

  #keepValue(): void {
    const { valueBytes, valueStart, valueEnd } = this.#entries;
    const length = valueEnd - valueStart;
    if (length > this.#kept.length) this.#kept = new Uint8Array(length * 2);
    this.#kept.set(valueBytes.subarray(valueStart, valueEnd));
    this.valueBytes = this.#kept;
    this.valueStart = 0;
    this.valueEnd = length;
  }
}

const empty = new Uint8Array(0);

const compare = (a: Uint8Array, b: Uint8Array): number => compareRanges(a, 0, a.length, b, 0, b.length);

const compareKey = ({ keyBytes, keyStart, keyEnd }: EntryCursor, key: Uint8Array): number =>
  compareRanges(keyBytes, keyStart, keyEnd, key, 0, key.length);
