import fc from 'fast-check';
import { expect, test } from 'vitest';
import { putUtf8, textOf } from './utf8.ts';

test('strings encode as TextEncoder has it, and -1 stands for lone surrogates', () => {
  const units = fc.oneof(fc.nat(0xffff), fc.constantFrom(0x41, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000));
  fc.assert(
    fc.property(fc.array(units, { maxLength: 10 }), (array) => {
      const text = String.fromCharCode(...array);
      const into = new Uint8Array(40);
      const end = putUtf8(into, 3, text);
      expect(end >= 0).toBe(text.isWellFormed());
      if (end >= 0) expect(into.slice(3, end)).toEqual(new TextEncoder().encode(text));
    }),
    { numRuns: 2_000 },
  );
});

test('bytes decode as a fatal TextDecoder has it, and null stands for its error', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const expected = (bytes: Uint8Array): string | null => {
    try {
      return decoder.decode(bytes);
    } catch {
      return null;
    }
  };
  const byte = fc.oneof(
    fc.nat(255),
    fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5),
  );
  const some = fc.oneof(
    fc.array(byte, { maxLength: 5 }).map((array) => Uint8Array.from(array)),
    fc.string({ unit: 'binary', maxLength: 6 }).map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(some, (bytes) => {
      expect(textOf(Uint8Array.of(9, ...bytes, 9), 1, bytes.length) === expected(bytes)).toBe(true);
      const long = Uint8Array.of(...bytes, ...new Uint8Array(30));
      expect(textOf(long, 0, long.length) === expected(long)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
