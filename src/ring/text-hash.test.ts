import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textHash } from './text-hash.ts';

const seed = 0x9747b28c;

test.each([
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['a', seed, 0x7fa09ea6],
  ['aa', seed, 0x5d211726],
  ['aaa', seed, 0x283e0130],
  ['aaaa', seed, 0x5a97808a],
  ['test', 0, 0xba6bd213],
  ['test', seed, 0x704b81dc],
  ['Hello, world!', 0, 0xc0363e43],
  ['Hello, world!', seed, 0x24884cba],
  ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
  ['The quick brown fox jumps over the lazy dog', seed, 0x2fa826cd],
  ['ππππππππ', seed, 0xd58063c1],
])('the published MurmurHash3 x86_32 of %j with seed %i', (text, seed, hash) => {
  expect(textHash(text, seed) >>> 0).toBe(hash);
});

/** MurmurHash3 x86_32 of bytes, as it is defined. */
function definition(bytes: Uint8Array, seed: number): number {
  const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by));
  const scramble = (word: number) => Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
  let hash = seed;
  for (let at = 0; at < bytes.length; at += 4) {
    const word = [...bytes.slice(at, at + 4)].reduce((sum, byte, place) => sum | (byte << (8 * place)), 0);
    hash ^= scramble(word);
    if (at + 4 <= bytes.length) hash = Math.imul(rotate(hash, 13), 5) + 0xe6546b64;
  }
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

test('of any text, also one that is not well-formed, it is the hash of what TextEncoder writes', () => {
  const encoder = new TextEncoder();
  const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
  const anyText = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(unit).map((units) => units.join('')),
  );
  fc.assert(
    fc.property(anyText, fc.integer(), (text, seed) => {
      expect(textHash(text, seed) >>> 0).toBe(definition(encoder.encode(text), seed));
    }),
    { numRuns: 500 },
  );
});

test('of the beginning of a text it is the hash of that beginning, also where it cuts a character', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  fc.assert(
    fc.property(text, text, fc.nat({ max: 20 }), (start, rest, cut) => {
      expect(textHash(start + rest, 7, start.length)).toBe(textHash(start, 7));
      const end = Math.min(cut, start.length);
      expect(textHash(start, 7, end)).toBe(textHash(start.slice(0, end), 7));
    }),
    { numRuns: 1_000 },
  );
});
