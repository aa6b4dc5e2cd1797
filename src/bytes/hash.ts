/**
 * MurmurHash3 x86_128 (Austin Appleby, public domain; SMHasher), for fingerprints, filters and chains of bytes. Chosen
 * because it is published with a verification value and needs 32-bit multiplications alone, which JavaScript has
 * (`Math.imul`): XXH64 and its kin need 64-bit ones, so BigInt or four multiplications for one. Not for secrets and
 * not against an adversary: collisions are easy to make. Damage is `crc32c`'s business.
 */
import { assert } from '../kernel/assert.ts';

const c1 = 0x239b961b;
const c2 = 0xab0e9789;
const c3 = 0x38b34ae5;
const c4 = 0xa1e38b93;
/** From this length on the words are read through a view. */
const viewFromBytes = 512;

/**
 * Writes the 128 bits of the hash of `bytes` from `start` to `end` (excluded) into `into[0..3]`, allocating nothing.
 * Who needs 64 bits takes the first two words: they are well mixed by themselves.
 */
export function hash128(into: Uint32Array, bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): void {
  assert(into.length >= 4, 'the hash has four words');
  let h1 = seed | 0;
  let h2 = h1;
  let h3 = h1;
  let h4 = h1;
  let at = start;
  const endOfBlocks = end - 15;
  if (end - start >= viewFromBytes) {
    // The same over a view: two and a half times as fast once the view has paid for itself.
    const view = new DataView(bytes.buffer, bytes.byteOffset, end);
    for (; at < endOfBlocks; at += 16) {
      h1 = block(h1, scramble(view.getInt32(at, true), c1, 15, c2), 19, h2, 0x561ccd1b);
      h2 = block(h2, scramble(view.getInt32(at + 4, true), c2, 16, c3), 17, h3, 0x0bcaa747);
      h3 = block(h3, scramble(view.getInt32(at + 8, true), c3, 17, c4), 15, h4, 0x96cd1c35);
      h4 = block(h4, scramble(view.getInt32(at + 12, true), c4, 18, c1), 13, h1, 0x32ac3b17);
    }
  }
  for (; at < endOfBlocks; at += 16) {
    h1 = block(h1, scramble(word(bytes, at), c1, 15, c2), 19, h2, 0x561ccd1b);
    h2 = block(h2, scramble(word(bytes, at + 4), c2, 16, c3), 17, h3, 0x0bcaa747);
    h3 = block(h3, scramble(word(bytes, at + 8), c3, 17, c4), 15, h4, 0x96cd1c35);
    h4 = block(h4, scramble(word(bytes, at + 12), c4, 18, c1), 13, h1, 0x32ac3b17);
  }
  h1 ^= scramble(wordOfRest(bytes, at, end), c1, 15, c2);
  h2 ^= scramble(wordOfRest(bytes, at + 4, end), c2, 16, c3);
  h3 ^= scramble(wordOfRest(bytes, at + 8, end), c3, 17, c4);
  h4 ^= scramble(wordOfRest(bytes, at + 12, end), c4, 18, c1);
  const length = end - start;
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = finalMix(h1 + h2);
  h3 = finalMix(h1 + h3);
  h4 = finalMix(h1 + h4);
  h1 = finalMix(h1);
  h1 = (h1 + h2 + h3 + h4) | 0;
  into[0] = h1;
  into[1] = h1 + h2;
  into[2] = h1 + h3;
  into[3] = h1 + h4;
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

const block = (hash: number, scrambled: number, by: number, next: number, added: number): number =>
  (Math.imul(rotate(hash ^ scrambled, by) + next, 5) + added) | 0;

const scramble = (value: number, first: number, by: number, second: number): number =>
  Math.imul(rotate(Math.imul(value, first), by), second);

function finalMix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24);

/** Up to four bytes; 0 for those past the end. */
function wordOfRest(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let index = Math.min(end, at + 4) - 1; index >= at; index--) value = (value << 8) | (bytes[index] as number);
  return value;
}
