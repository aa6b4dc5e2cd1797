import { expect, test } from 'vitest';
import { keyHash } from './key-hash.ts';

const hashOf = (text: string): number => keyHash(new TextEncoder().encode(text), 0, text.length) >>> 0;

test('it is MurmurHash3 x86_32 with seed 0', () => {
  // From the reference implementation, as Guava and others publish them.
  expect(hashOf('')).toBe(0);
  expect(hashOf('a')).toBe(0x3c2569b2);
  expect(hashOf('abc')).toBe(0xb3dd93fa);
  expect(hashOf('hello')).toBe(0x248bfa47);
  expect(hashOf('hello, world')).toBe(0x149bbb7f);
  expect(hashOf('The quick brown fox jumps over the lazy dog')).toBe(0x2e4ff723);
});

test('it covers the range that it was given, and no more', () => {
  const bytes = Uint8Array.from({ length: 60 }, (_, at) => at * 37);
  for (let start = 0; start < 8; start++) {
    for (let end = start; end < 40; end++) {
      const part = bytes.slice(start, end);
      expect(keyHash(bytes, start, end)).toBe(keyHash(part, 0, part.length));
    }
  }
});
