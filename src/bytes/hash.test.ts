import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hash128 } from './hash.ts';

const words = new Uint32Array(4);

function hashBytes(bytes: Uint8Array, seed: number): Uint8Array {
  hash128(words, bytes, 0, bytes.length, seed);
  const out = new DataView(new ArrayBuffer(16));
  words.forEach((word, index) => out.setUint32(index * 4, word, true));
  return new Uint8Array(out.buffer);
}

const hex = (text: string, seed: number): string => {
  hash128(words, new TextEncoder().encode(text), 0, text.length, seed);
  return [...words].map((word) => word.toString(16).padStart(8, '0')).join('');
};

test("the hash passes SMHasher's verification: 0xB3ECE62A for MurmurHash3 x86_128", () => {
  const hashes = new Uint8Array(16 * 256);
  for (let length = 0; length < 256; length++) {
    const key = Uint8Array.from({ length }, (_, index) => index);
    hashes.set(hashBytes(key, 256 - length), 16 * length);
  }
  expect(new DataView(hashBytes(hashes, 0).buffer).getUint32(0, true)).toBe(0xb3ece62a);
});

test('the hash of nothing is 0, and each input has its own', () => {
  expect(hex('', 0)).toBe('0'.repeat(32));
  expect(hex('', 1)).not.toBe('0'.repeat(32));
  const found = new Set<string>();
  for (let index = 0; index < 10_000; index++) found.add(hex(`key-${index}`, 0).slice(0, 16));
  expect(found.size).toBe(10_000);
});

test('the hash of a part of an array is that of the part alone', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), fc.nat(80), (bytes, first, second) => {
      const [start, end] = [Math.min(first, second, bytes.length), Math.min(Math.max(first, second), bytes.length)];
      hash128(words, bytes, start, end, 5);
      const found = [...words];
      hash128(words, bytes.slice(start, end), 0, end - start, 5);
      expect(found).toEqual([...words]);
    }),
  );
});
