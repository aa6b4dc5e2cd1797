import { expect, test } from 'vitest';
import { xxHash32 } from './xxhash32.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hash = (bytes: Uint8Array, seed = 0): number => xxHash32(bytes, 0, bytes.length, seed);

test('it gives the published values', () => {
  expect(hash(bytesOf(''))).toBe(0x02cc5d05);
  expect(hash(bytesOf('a'))).toBe(0x550d7456);
  expect(hash(bytesOf('abc'))).toBe(0x32d153ff);
  expect(hash(bytesOf('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f);
  expect(hash(bytesOf(''), 0x9e3779b1)).toBe(0x36b78ae7);
});

test('it covers the range that it was given, and no more', () => {
  const bytes = Uint8Array.from({ length: 200 }, (_, index) => index);
  for (const [start, end] of [
    [0, 200],
    [3, 20],
    [7, 7],
    [1, 18],
    [100, 163],
  ] as const) {
    expect(xxHash32(bytes, start, end, 5)).toBe(hash(bytes.slice(start, end), 5));
  }
});

test('one bit changed anywhere, or another seed, is another value', () => {
  const bytes = Uint8Array.from({ length: 77 }, (_, index) => index * 31);
  const seen = new Set([hash(bytes), hash(bytes, 1)]);
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ (1 << bit);
      seen.add(hash(changed));
    }
  }
  expect(seen.size).toBe(2 + 77 * 8);
});
