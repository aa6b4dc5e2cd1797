/**
 * MurmurHash3 x86_32 (Austin Appleby, public domain; SMHasher) of the UTF-8 of a string, without making its bytes.
 * Published with test vectors and there in every language, so that others can find a slot or a node as we do. Not for
 * secrets and not against an adversary: who chooses keys freely can crowd one slot or one node.
 */
import { finalMix } from '../bytes/hash.ts';

const c1 = 0xcc9e2d51;
const c2 = 0x1b873593;

/**
 * Of the first `end` UTF-16 units of `text`, as a signed 32-bit number. What is not well-formed is hashed as
 * `TextEncoder` writes it: U+FFFD for each lone surrogate.
 */
export function textHash(text: string, seed: number, end: number = text.length): number {
  let hash = seed | 0;
  let at = 0;
  let word = 0;
  for (const endOfWords = end - 3; at < endOfWords; at += 4) {
    const first = text.charCodeAt(at);
    const second = text.charCodeAt(at + 1);
    const third = text.charCodeAt(at + 2);
    const fourth = text.charCodeAt(at + 3);
    if ((first | second | third | fourth) > 0x7f) return hashOfAll(text, seed, end);
    hash = round(hash, first | (second << 8) | (third << 16) | (fourth << 24));
  }
  for (let shift = 0; at < end; at++, shift += 8) {
    const unit = text.charCodeAt(at);
    if (unit > 0x7f) return hashOfAll(text, seed, end);
    word |= unit << shift;
  }
  return finalMix(hash ^ scrambled(word) ^ end);
}

/** The same for text that is not ASCII: the bytes of each character, as a number, are pushed into words of four. */
function hashOfAll(text: string, seed: number, end: number): number {
  let hash = seed | 0;
  let word = 0;
  let bits = 0;
  let bytes = 0;
  for (let at = 0; at < end; at++) {
    let point = text.codePointAt(at) as number;
    if (point > 0xffff && at + 1 < end) at++;
    else if (point > 0xffff || (point >= 0xd800 && point <= 0xdfff)) point = 0xfffd;
    const count = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    const encoded = utf8Word(point, count);
    bytes += count;
    word |= encoded << bits;
    const after = bits + 8 * count;
    if (after >= 32) {
      hash = round(hash, word);
      word = bits === 0 ? 0 : encoded >>> (32 - bits);
    }
    bits = after & 31;
  }
  return finalMix(hash ^ scrambled(word) ^ bytes);
}

/** The UTF-8 of a code point, its first byte lowest. */
function utf8Word(point: number, count: number): number {
  const last = 0x80 | (point & 0x3f);
  switch (count) {
    case 1:
      return point;
    case 2:
      return 0xc0 | (point >> 6) | (last << 8);
    case 3:
      return 0xe0 | (point >> 12) | ((0x80 | ((point >> 6) & 0x3f)) << 8) | (last << 16);
    default: {
      const middle = ((0x80 | ((point >> 12) & 0x3f)) << 8) | ((0x80 | ((point >> 6) & 0x3f)) << 16);
      return 0xf0 | (point >> 18) | middle | (last << 24);
    }
  }
}

const round = (hash: number, word: number): number => {
  const mixed = hash ^ scrambled(word);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
};

const scrambled = (word: number): number => {
  const multiplied = Math.imul(word, c1);
  return Math.imul((multiplied << 15) | (multiplied >>> 17), c2);
};
