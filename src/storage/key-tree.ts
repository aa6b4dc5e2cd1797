/**
 * The ordered index of a memtable: which key comes where, by the key's number. Keys themselves lie in a slab; a leaf
 * holds up to 64 numbers beside the first six bytes of their keys as a number, so that most comparisons touch one
 * cache line and no key. Two levels are enough: a new leaf costs a move within a directory of a few thousand.
 */
import { compareRanges } from '../bytes/compare.ts';
import { assert } from '../kernel/assert.ts';
import { grown, newFloat64s, newInt32s } from './slab.ts';

const leafSize = 64;
const half = leafSize / 2;

/** Where the keys lie: the key of number n is `bytes` from `starts[n]` on, `lengths[n]` long. */
export interface KeySlab {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
}

/** The first six bytes as a whole number, zeros behind a shorter key: orders keys, but for ties. */
export function keyPrefix(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= 6) {
    const upper = ((bytes[start] as number) << 16) | ((bytes[start + 1] as number) << 8) | (bytes[start + 2] as number);
    const lower =
      ((bytes[start + 3] as number) << 16) | ((bytes[start + 4] as number) << 8) | (bytes[start + 5] as number);
    return upper * 0x1_00_00_00 + lower;
  }
  let prefix = 0;
  for (let at = 0; at < 6; at++) prefix = prefix * 256 + (start + at < end ? (bytes[start + at] as number) : 0);
  return prefix;
}

/** All there is of a tree, for another thread. */
export interface KeyTreeState {
  readonly directory: Int32Array;
  readonly counts: Int32Array;
  readonly ids: Int32Array;
  readonly leafCount: number;
}

export class KeyTree {
  /** Leaves in order of their keys. */
  #directory = newInt32s(64);
  /** Beside it: the prefix of each leaf's first key. */
  #firstPrefixes = newFloat64s(64);
  #leafCount = 0;
  /** By leaf: how many numbers it has, the numbers, their prefixes. */
  #counts = newInt32s(64);
  #ids = newInt32s(64 * leafSize);
  #prefixes = newFloat64s(64 * leafSize);
  /** Grows with every insertion: a place that was found before it may have moved. */
  changes = 0;
  /** What the last `locate` found: the place of the first key that is not before the asked one. */
  place = 0;
  slot = 0;

  get leafCount(): number {
    return this.#leafCount;
  }

  countAt(place: number): number {
    return this.#counts[this.#directory[place] as number] as number;
  }

  idAt(place: number, slot: number): number {
    return this.#ids[(this.#directory[place] as number) * leafSize + slot] as number;
  }

  /** Sets `place` and `slot` to the first key at or after this one; true if it is this one. Past the end: `place` is `leafCount`. */
  locate(slab: KeySlab, bytes: Uint8Array, start: number, end: number): boolean {
    const prefix = keyPrefix(bytes, start, end);
    const place = this.#placeOf(slab, prefix, bytes, start, end);
    if (place < 0) {
      this.place = 0;
      this.slot = 0;
      return false;
    }
    const leaf = this.#directory[place] as number;
    const count = this.#counts[leaf] as number;
    const base = leaf * leafSize;
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#prefixes[base + middle] as number;
      const order =
        other === prefix ? compareKey(slab, this.#ids[base + middle] as number, bytes, start, end) : other - prefix;
      if (order === 0) {
        this.place = place;
        this.slot = middle;
        return true;
      }
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    const isPast = low === count;
    this.place = isPast ? place + 1 : place;
    this.slot = isPast ? 0 : low;
    return false;
  }

  /** Puts the key of this number where the last `locate`, which did not find it, says. Nothing may have changed since. */
  insert(slab: KeySlab, id: number): void {
    const start = slab.starts[id] as number;
    const prefix = keyPrefix(slab.bytes, start, start + (slab.lengths[id] as number));
    this.changes++;
    if (this.#leafCount === 0) {
      this.#addLeaf(0);
      return this.#put(0, 0, id, prefix);
    }
    let { place, slot } = this;
    if (slot === 0 && place > 0) slot = this.countAt(--place); // behind the last of the leaf before rather than before the first
    if (this.countAt(place) === leafSize) {
      // Keys that come in order leave full leaves behind.
      const kept = slot === leafSize && place === this.#leafCount - 1 ? leafSize : half;
      this.#split(place, kept);
      if (slot > kept || kept === leafSize) {
        place++;
        slot -= kept;
      }
    }
    this.#put(place, slot, id, prefix);
  }

  state(): KeyTreeState {
    return { directory: this.#directory, counts: this.#counts, ids: this.#ids, leafCount: this.#leafCount };
  }

  /** A tree to walk, of another thread's: it can be neither searched nor changed. */
  static toWalk(state: KeyTreeState): KeyTree {
    const tree = new KeyTree();
    tree.#directory = state.directory;
    tree.#counts = state.counts;
    tree.#ids = state.ids;
    tree.#leafCount = state.leafCount;
    return tree;
  }

  /** The last leaf whose first key is not after this one; -1 if all are. */
  #placeOf(slab: KeySlab, prefix: number, bytes: Uint8Array, start: number, end: number): number {
    let [low, high] = [0, this.#leafCount];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#firstPrefixes[middle] as number;
      const order =
        other === prefix
          ? compareKey(slab, this.#ids[(this.#directory[middle] as number) * leafSize] as number, bytes, start, end)
          : other - prefix;
      if (order <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #put(place: number, slot: number, id: number, prefix: number): void {
    const leaf = this.#directory[place] as number;
    const base = leaf * leafSize;
    const count = this.#counts[leaf] as number;
    assert(slot <= count && count < leafSize, 'a leaf has room where a key is put');
    const [ids, prefixes] = [this.#ids, this.#prefixes];
    for (let at = base + count; at > base + slot; at--) {
      ids[at] = ids[at - 1] as number;
      prefixes[at] = prefixes[at - 1] as number;
    }
    ids[base + slot] = id;
    prefixes[base + slot] = prefix;
    this.#counts[leaf] = count + 1;
    if (slot === 0) this.#firstPrefixes[place] = prefix;
  }

  /** Moves all but the first `kept` numbers of a leaf to a new one behind it. */
  #split(place: number, kept: number): void {
    const leaf = this.#directory[place] as number;
    const added = this.#addLeaf(place + 1);
    const [from, to] = [leaf * leafSize, added * leafSize];
    this.#ids.copyWithin(to, from + kept, from + leafSize);
    this.#prefixes.copyWithin(to, from + kept, from + leafSize);
    this.#counts[leaf] = kept;
    this.#counts[added] = leafSize - kept;
    this.#firstPrefixes[place + 1] = this.#prefixes[to] as number;
  }

  /** An empty leaf at this place of the directory. */
  #addLeaf(place: number): number {
    const leaf = this.#leafCount++;
    if (leaf === this.#counts.length) {
      const count = leaf * 2;
      this.#counts = grown(this.#counts, newInt32s, count);
      this.#directory = grown(this.#directory, newInt32s, count);
      this.#firstPrefixes = grown(this.#firstPrefixes, newFloat64s, count);
      this.#ids = grown(this.#ids, newInt32s, count * leafSize);
      this.#prefixes = grown(this.#prefixes, newFloat64s, count * leafSize);
    }
    this.#directory.copyWithin(place + 1, place, leaf);
    this.#firstPrefixes.copyWithin(place + 1, place, leaf);
    this.#directory[place] = leaf;
    return leaf;
  }
}

function compareKey(slab: KeySlab, id: number, bytes: Uint8Array, start: number, end: number): number {
  const from = slab.starts[id] as number;
  return compareRanges(slab.bytes, from, from + (slab.lengths[id] as number), bytes, start, end);
}
