/** Values taken apart, from bytes and as they are, against the values. */
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { ValueDecoder } from './value-decode.ts';
import { ValueEncoder } from './value-encode.ts';
import type { StoredValue } from './value-format.ts';
import { partsOf, type ValueParts } from './value-parts.ts';

const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.string({ minLength: 20, maxLength: 80 }),
  fc.uint8Array(),
);
const record = fc.record({ a: leaf, b: leaf });
/** With one object at most in each list. */
const list: fc.Arbitrary<StoredValue> = fc.letrec<{ list: StoredValue[] }>((tie) => ({
  list: fc
    .tuple(fc.array(fc.oneof({ depthSize: 'small' }, leaf, tie('list'))), fc.option(record))
    .map(([items, last]): StoredValue[] => (last === null ? items : [...items, last])),
})).list;

/** Takes apart what `like` says is a list. */
function taken(parts: ValueParts, like: StoredValue): StoredValue {
  if (!Array.isArray(like)) return parts.next();
  const count = parts.list();
  expect(count).toBe(like.length);
  return like.map((item) => taken(parts, item));
}

const encoder = new ValueEncoder();
const decoder = new ValueDecoder();

describe('a value that is taken apart', () => {
  test('is the value', () => {
    fc.assert(
      fc.property(list, fc.nat(8), (value, offset) => {
        const bytes = encoder.encode(value);
        const within = new Uint8Array(bytes.length + offset);
        within.set(bytes, offset);
        for (const parts of [decoder.begin(within, offset, within.length), partsOf(value)]) {
          expect(taken(parts, value)).toEqual(value);
          parts.end();
        }
        expect(decoder.decode(bytes)).toEqual(value); // nothing is left of before
      }),
    );
  });

  const wrongly: Readonly<Record<string, (parts: ValueParts) => unknown>> = {
    'a list where there is none': (parts) => [parts.list(), parts.list()],
    'an end before all was taken': (parts) => [parts.list(), parts.end()],
    'a part behind the last': (parts) => [parts.list(), parts.next(), parts.next(), parts.next()],
  };
  for (const [name, take] of Object.entries(wrongly))
    test(`otherwise than it is built is corrupt: ${name}`, () => {
      const value = [1, 'two'];
      const bytes = encoder.encode(value);
      for (const parts of [decoder.begin(bytes, 0, bytes.length), partsOf(value)])
        expect(() => take(parts)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
    });

  test('null may stand for a list', () => {
    const bytes = encoder.encode(null);
    for (const parts of [decoder.begin(bytes, 0, bytes.length), partsOf(null)]) {
      expect(parts.list()).toBeNull();
      parts.end();
    }
  });

  test('of damaged bytes never makes more than there is', () => {
    const bytes = encoder.encode([['a', 1], 'b', [2, 3]]);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const damaged = bytes.slice();
        damaged[at] = byte;
        const parts = decoder.begin(damaged, 0, damaged.length);
        try {
          const count = parts.list() ?? 0;
          expect(count).toBeLessThanOrEqual(bytes.length);
          for (let index = 0; index < count; index++) parts.next();
          parts.end();
        } catch (error) {
          expect(error).toMatchObject({ kind: 'corrupt' });
        }
      }),
    );
  });
});
