/**
 * Chains and log ids as bytes and as text: 16 bytes, or 32 hexadecimal digits in the order of the bytes. Inside they
 * are four words (little-endian), so that reading a log makes no text that nobody asks for.
 */
import { getUint32 } from '../bytes/little-endian.ts';
import type { Randomness } from '../env/randomness.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { LogId } from './port.ts';

/** What both take. */
export const digestBytes = 16;

/** The chain before the first record of every log. */
export const chainBeforeFirst: string = '0'.repeat(32);

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const shape = /^[0-9a-f]{32}$/;

/** @throws LockstepError `misuse` unless it is 32 lower-case hexadecimal digits. */
export function logId(text: string): LogId {
  if (!shape.test(text))
    throw new LockstepError('misuse', 'a log id is 32 hexadecimal digits', { values: { id: text } });
  return text as LogId;
}

/** A new name for a log: 16 random bytes. */
export function newLogId(randomness: Randomness): LogId {
  const drawn = (bytes: Uint8Array): Uint8Array => (randomness.fill(bytes), bytes);
  return logId(hexAt(drawn(new Uint8Array(digestBytes)), 0));
}

/**
 * Four words of 32 hexadecimal digits.
 * @throws LockstepError `misuse` for any other text: it may be what a caller kept.
 */
export function wordsOf(text: string): Uint32Array {
  const bytes = new Uint8Array(digestBytes);
  putHex(bytes, 0, text);
  return Uint32Array.from({ length: 4 }, (_, index) => getUint32(bytes, index * 4));
}

/** Writes the 16 bytes of 32 hexadecimal digits. @throws as `wordsOf`. */
export function putHex(into: Uint8Array, at: number, text: string): void {
  if (!shape.test(text))
    throw new LockstepError('misuse', 'a chain is 32 hexadecimal digits', { values: { chain: text } });
  assert(at + digestBytes <= into.length, 'there is room for 16 bytes');
  for (let index = 0; index < digestBytes; index++) {
    into[at + index] = (digitOf(text.charCodeAt(index * 2)) << 4) | digitOf(text.charCodeAt(index * 2 + 1));
  }
}

/** Whether the 16 bytes at `at` are these words. */
export const wordsAre = (bytes: Uint8Array, at: number, words: Uint32Array): boolean =>
  getUint32(bytes, at) === words[0] &&
  getUint32(bytes, at + 4) === words[1] &&
  getUint32(bytes, at + 8) === words[2] &&
  getUint32(bytes, at + 12) === words[3];

export function hexAt(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let index = at; index < at + digestBytes; index++) text += hexOfByte[bytes[index] as number];
  return text;
}

export const hexOfWord = (word: number): string =>
  `${hexOfByte[word & 0xff]}${hexOfByte[(word >>> 8) & 0xff]}${hexOfByte[(word >>> 16) & 0xff]}${hexOfByte[word >>> 24]}`;

export const hexOfWords = (words: Uint32Array): string =>
  hexOfWord(words[0] as number) +
  hexOfWord(words[1] as number) +
  hexOfWord(words[2] as number) +
  hexOfWord(words[3] as number);

/** Of `0` to `9`, `a` to `f`, by their codes. */
const digitOf = (code: number): number => (code < 58 ? code - 48 : code - 87);
