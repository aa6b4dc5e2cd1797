import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes, compareRanges, equalBytes } from './compare.ts';

const bytes = fc.array(fc.constantFrom(0, 1, 127, 128, 255), { maxLength: 5 }).map((array) => Uint8Array.from(array));

test('bytes compare as Buffer.compare does', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const expected = Buffer.compare(a, b);
      expect(Math.sign(compareBytes(a, b))).toBe(expected);
      expect(equalBytes(a, b)).toBe(expected === 0);
      const [inA, inB] = [Uint8Array.of(9, ...a, 9), Uint8Array.of(9, 9, ...b)];
      expect(Math.sign(compareRanges(inA, 1, 1 + a.length, inB, 2, 2 + b.length))).toBe(expected);
    }),
    { numRuns: 1_000 },
  );
});
