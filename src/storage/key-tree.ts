/**
 * The ordered index of a memtable: which key comes where, by the key's number. Keys themselves lie in a slab; a leaf
 * holds up to 64 numbers beside the first six bytes of their keys as a number, so that most comparisons touch one
 * cache line and no key. Two levels are enough: a new leaf costs a move within a directory of a few thousand.
 */
import { assert } from '../kernel/assert.ts';
import { compareKey, keyOrder, keyPrefix, type KeySlab } from './key-order.ts';
import { grown } from './slab.ts';

const leafSize = 64;
const half = leafSize / 2;
/** Of a leaf that is built. */
const leafFilled = 48;

const int32s = (count: number): Int32Array => new Int32Array(count);
const float64s = (count: number): Float64Array => new Float64Array(count);

export class KeyTree {
  /** Leaves in order of their keys. */
  #directory: Int32Array = new Int32Array(64);
  /** Beside it: the prefix of each leaf's first key. */
  #firstPrefixes: Float64Array = new Float64Array(64);
  #leafCount = 0;
  /** By leaf: how many numbers it has, the numbers, their prefixes. */
  #counts: Int32Array = new Int32Array(64);
  #ids: Int32Array = new Int32Array(64 * leafSize);
  #prefixes: Float64Array = new Float64Array(64 * leafSize);
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

  clear(): void {
    this.#leafCount = 0;
    this.changes++;
  }

  /** All keys of numbers below `count`, in place of what was here, with room in each leaf for some more. */
  rebuild(slab: KeySlab, count: number): void {
    const order = keyOrder(slab, count);
    const prefixes = new Float64Array(count); // in the order of the slab: it is larger than the caches
    for (let id = 0; id < count; id++) {
      const start = slab.starts[id] as number;
      prefixes[id] = keyPrefix(slab.bytes, start, start + (slab.lengths[id] as number));
    }
    const leafCount = Math.ceil(count / leafFilled);
    const room = 2 ** Math.ceil(Math.log2(Math.max(64, leafCount * 1.25)));
    this.changes++;
    this.#leafCount = leafCount;
    this.#directory = new Int32Array(room);
    this.#counts = new Int32Array(room);
    this.#firstPrefixes = new Float64Array(room);
    this.#ids = new Int32Array(room * leafSize);
    this.#prefixes = new Float64Array(room * leafSize);
    for (let leaf = 0, next = 0; leaf < leafCount; leaf++) {
      const filled = Math.min(leafFilled, count - next);
      const base = leaf * leafSize;
      for (let slot = 0; slot < filled; slot++) {
        const id = order[next++] as number;
        this.#ids[base + slot] = id;
        this.#prefixes[base + slot] = prefixes[id] as number;
      }
      this.#directory[leaf] = leaf;
      this.#counts[leaf] = filled;
      this.#firstPrefixes[leaf] = this.#prefixes[base] as number;
    }
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
      this.#counts = grown(this.#counts, int32s, count);
      this.#directory = grown(this.#directory, int32s, count);
      this.#firstPrefixes = grown(this.#firstPrefixes, float64s, count);
      this.#ids = grown(this.#ids, int32s, count * leafSize);
      this.#prefixes = grown(this.#prefixes, float64s, count * leafSize);
    }
    this.#directory.copyWithin(place + 1, place, leaf);
    this.#firstPrefixes.copyWithin(place + 1, place, leaf);
    this.#directory[place] = leaf;
    this.#counts[leaf] = 0; // cleared trees leave something there
    return leaf;
  }
}
