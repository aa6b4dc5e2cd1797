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
/** Below this length a view costs more than it gains. */
const viewFromBytes = 64;

/**
 * Writes the 128 bits of the hash of `bytes` from `start` to `end` (excluded) into `into[0..3]`. Who needs 64 bits takes
 * the first two words: they are well mixed by themselves.
 */
export function hash128(into: Uint32Array, bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): void {
  assert(into.length >= 4, 'the hash has four words');
  if (end - start < viewFromBytes) return hashShort(into, bytes, start, end, seed);
  hash128View(into, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), start, end, seed);
}

/**
 * The same over a view, for who hashes many parts of one buffer: making a view costs as much as hashing 300 bytes.
 *
 * Written out by hand, and apart from the loop for short ones: with calls for its steps, and both loops in one function,
 * V8 gives up inlining and it is four times as slow.
 */
export function hash128View(into: Uint32Array, view: DataView, start: number, end: number, seed = 0): void {
  let h1 = seed | 0;
  let h2 = h1;
  let h3 = h1;
  let h4 = h1;
  let at = start;
  for (const endOfBlocks = end - 15; at < endOfBlocks; at += 16) {
    let word = Math.imul(view.getInt32(at, true), c1);
    h1 ^= Math.imul((word << 15) | (word >>> 17), c2);
    h1 = (Math.imul(((h1 << 19) | (h1 >>> 13)) + h2, 5) + 0x561ccd1b) | 0;
    word = Math.imul(view.getInt32(at + 4, true), c2);
    h2 ^= Math.imul((word << 16) | (word >>> 16), c3);
    h2 = (Math.imul(((h2 << 17) | (h2 >>> 15)) + h3, 5) + 0x0bcaa747) | 0;
    word = Math.imul(view.getInt32(at + 8, true), c3);
    h3 ^= Math.imul((word << 17) | (word >>> 15), c4);
    h3 = (Math.imul(((h3 << 15) | (h3 >>> 17)) + h4, 5) + 0x96cd1c35) | 0;
    word = Math.imul(view.getInt32(at + 12, true), c4);
    h4 ^= Math.imul((word << 18) | (word >>> 14), c1);
    h4 = (Math.imul(((h4 << 13) | (h4 >>> 19)) + h1, 5) + 0x32ac3b17) | 0;
  }
  if (at < end) {
    h1 ^= scramble(wordOfView(view, at, end), c1, 15, c2);
    h2 ^= scramble(wordOfView(view, at + 4, end), c2, 16, c3);
    h3 ^= scramble(wordOfView(view, at + 8, end), c3, 17, c4);
    h4 ^= scramble(wordOfView(view, at + 12, end), c4, 18, c1);
  }
  finish(into, end - start, h1, h2, h3, h4);
}

function hashShort(into: Uint32Array, bytes: Uint8Array, start: number, end: number, seed: number): void {
  let h1 = seed | 0;
  let h2 = h1;
  let h3 = h1;
  let h4 = h1;
  for (let at = start; at < end; at += 16) {
    const isWhole = at + 16 <= end;
    h1 ^= scramble(wordOfBytes(bytes, at, end), c1, 15, c2);
    if (isWhole) h1 = stir(h1, 19, h2, 0x561ccd1b);
    h2 ^= scramble(wordOfBytes(bytes, at + 4, end), c2, 16, c3);
    if (isWhole) h2 = stir(h2, 17, h3, 0x0bcaa747);
    h3 ^= scramble(wordOfBytes(bytes, at + 8, end), c3, 17, c4);
    if (isWhole) h3 = stir(h3, 15, h4, 0x96cd1c35);
    h4 ^= scramble(wordOfBytes(bytes, at + 12, end), c4, 18, c1);
    if (isWhole) h4 = stir(h4, 13, h1, 0x32ac3b17);
  }
  finish(into, end - start, h1, h2, h3, h4);
}

function finish(into: Uint32Array, length: number, h1: number, h2: number, h3: number, h4: number): void {
  const mixed = (h1 ^ length) + (h2 ^ length) + (h3 ^ length) + (h4 ^ length);
  const first = finalMix(mixed);
  const second = finalMix(mixed + (h2 ^ length));
  const third = finalMix(mixed + (h3 ^ length));
  const fourth = finalMix(mixed + (h4 ^ length));
  const sum = first + second + third + fourth;
  into[0] = sum;
  into[1] = sum + second;
  into[2] = sum + third;
  into[3] = sum + fourth;
}

const stir = (hash: number, by: number, next: number, added: number): number =>
  (Math.imul(((hash << by) | (hash >>> (32 - by))) + next, 5) + added) | 0;

const scramble = (value: number, first: number, by: number, second: number): number => {
  const multiplied = Math.imul(value, first);
  return Math.imul((multiplied << by) | (multiplied >>> (32 - by)), second);
};

/** Murmur's last step: every bit of the number decides about every bit of the answer, and no two numbers give one. */
export function finalMix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Four bytes; those past the end are 0. */
function wordOfBytes(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) {
    const upper = ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | upper;
  }
  let value = 0;
  for (let index = end - 1; index >= at; index--) value = (value << 8) | (bytes[index] as number);
  return value;
}

function wordOfView(view: DataView, at: number, end: number): number {
  if (at + 4 <= end) return view.getInt32(at, true);
  let value = 0;
  for (let index = end - 1; index >= at; index--) value = (value << 8) | view.getUint8(index);
  return value;
}
