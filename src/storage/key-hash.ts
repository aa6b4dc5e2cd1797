/**
 * The hash of a key, made once for a read and used by every memtable and every filter on its way: MurmurHash3 x86_32
 * (Austin Appleby, public domain; SMHasher), seed 0. Not the 128-bit one of `src/bytes/hash.ts`, which takes five times
 * as long for a short key: 32 bits add one false answer in 4,000 to a filter of a million keys. Filters are stored, so
 * another function here is another format of tables.
 */
const c1 = 0xcc9e2d51;
const c2 = 0x1b873593;

/** Of `bytes` from `start` to `end` (excluded), as a signed 32-bit number. */
export function keyHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  let at = start;
  for (const endOfWords = end - 3; at < endOfWords; at += 4) {
    let word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    word = Math.imul(word, c1);
    hash ^= Math.imul((word << 15) | (word >>> 17), c2);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (at < end) {
    let rest = 0;
    for (let last = end - 1; last >= at; last--) rest = (rest << 8) | (bytes[last] as number);
    rest = Math.imul(rest, c1);
    hash ^= Math.imul((rest << 15) | (rest >>> 17), c2);
  }
  return mixed(hash ^ (end - start));
}

/** MurmurHash3's last step: every bit of the number decides about every bit of the answer, and no two numbers give one. */
export function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
