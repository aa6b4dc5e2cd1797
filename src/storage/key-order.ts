/**
 * Keys that lie in a slab, by their numbers: how they compare, and all of them in order. Sorted as numbers, made of the
 * first bytes in which they differ and of their own number, by the engine's sort of such; only ties compare keys.
 */
import { compareRanges } from '../bytes/compare.ts';

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

export function compareKey(slab: KeySlab, id: number, bytes: Uint8Array, start: number, end: number): number {
  const from = slab.starts[id] as number;
  return compareRanges(slab.bytes, from, from + (slab.lengths[id] as number), bytes, start, end);
}

/** The numbers below `count` in the order of their keys, no two of which are equal. */
export function keyOrder(slab: KeySlab, count: number): Int32Array {
  const ids = new Int32Array(count);
  for (let id = 0; id < count; id++) ids[id] = id;
  sortFrom(slab, ids, -1);
  return ids;
}

/** So few are compared key by key. */
const comparedMax = 16;

/**
 * Puts ids into the order of their keys, of which it is known that they share the first bytes, `sharedBefore` at least. Keys
 * of one place share long beginnings: what ties is sorted by the next bytes in which it differs, and so on.
 */
function sortFrom(slab: KeySlab, ids: Int32Array, sharedBefore: number): void {
  const { bytes, starts, lengths } = slab;
  const count = ids.length;
  const shared = count <= comparedMax ? sharedBefore : commonLength(slab, ids, Math.max(0, sharedBefore));
  // That it did not grow: one of them ends there, and zeros behind others look like its end.
  if (shared === sharedBefore) return void ids.sort((a, b) => compareIds(slab, a, b));
  // Of 53 bits as many as the numbers need are theirs, the others the first of the prefix' 48.
  const atBits = Math.ceil(Math.log2(Math.max(2, count)));
  const [atRange, cut] = [2 ** atBits, 2 ** Math.max(0, atBits - 5)];
  const ranked = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const id = ids[at] as number;
    const start = starts[id] as number;
    const end = start + (lengths[id] as number);
    ranked[at] = Math.floor(keyPrefix(bytes, start + shared, end) / cut) * atRange + at;
  }
  ranked.sort();
  const before = ids.slice();
  for (let at = 0; at < count;) {
    const rank = Math.floor((ranked[at] as number) / atRange);
    const from = at;
    for (; at < count && Math.floor((ranked[at] as number) / atRange) === rank; at++)
      ids[at] = before[(ranked[at] as number) - rank * atRange] as number;
    if (at - from > 1) sortFrom(slab, ids.subarray(from, at), shared);
  }
}

/** How many bytes all keys begin with alike, of which so many are known. */
function commonLength({ bytes, starts, lengths }: KeySlab, ids: Int32Array, known: number): number {
  if (ids.length === 0) return 0;
  const first = starts[ids[0] as number] as number;
  let common = lengths[ids[0] as number] as number;
  for (const id of ids) {
    if (common === known) break;
    const start = starts[id] as number;
    common = Math.min(common, lengths[id] as number);
    let same = known;
    while (same < common && bytes[start + same] === bytes[first + same]) same++;
    common = same;
  }
  return common;
}

function compareIds(slab: KeySlab, a: number, b: number): number {
  const start = slab.starts[b] as number;
  return compareKey(slab, a, slab.bytes, start, start + (slab.lengths[b] as number));
}
