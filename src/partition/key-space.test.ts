import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from '../bytes/compare.ts';
import type { KeyPart } from '../bytes/tuple.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { slotOf } from '../ring/slot.ts';
import { KeySpace, meaningOf, type StoredKey } from './key-space.ts';

const name = fc.string({ unit: 'grapheme', maxLength: 6 });
const key: fc.Arbitrary<KeyPart[]> = fc.array(
  fc.oneof(name, fc.integer(), fc.boolean(), fc.constant(null), fc.uint8Array({ maxLength: 4 })),
  { maxLength: 3 },
);
const meaning: fc.Arbitrary<StoredKey> = fc.record({
  place: fc.option(name, { nil: null }),
  system: fc.option(name, { nil: null }),
  key,
});

function spaceOf({ place, system }: StoredKey): KeySpace {
  if (place === null) return system === null ? KeySpace.ofLocal() : KeySpace.ofSystem(system);
  return system === null
    ? KeySpace.ofPlace(slotOf(place), place)
    : KeySpace.ofPlaceSystem(slotOf(place), place, system);
}

test('a stored key says of which space it is, and what it is there', () => {
  fc.assert(
    fc.property(meaning, (stored) => {
      const space = spaceOf(stored);
      const bytes = space.key(stored.key);
      expect(meaningOf(bytes)).toEqual(stored);
      expect(space.has(bytes, 0, bytes.length)).toBe(true);
      expect(space.tupleOf(bytes)).toEqual(stored.key);
    }),
  );
});

test('spaces have nothing in common, and the bounds of one have all of it and of no other', () => {
  fc.assert(
    fc.property(meaning, meaning, (a, b) => {
      const bounds = spaceOf(a).bounds({}) ?? expect.unreachable();
      const bytes = spaceOf(b).key(b.key);
      const isWithin = compareBytes(bounds.from, bytes) <= 0 && compareBytes(bytes, bounds.to) < 0;
      expect(isWithin).toBe(a.place === b.place && a.system === b.system);
    }),
  );
});

test('a range is what its prefix, its beginning and its end have in common', () => {
  fc.assert(
    fc.property(key, key, key, key, (prefix, from, to, asked) => {
      const space = KeySpace.ofLocal();
      const bounds = space.bounds({ prefix, from, to });
      const bytes = space.key(asked);
      const isIn = (one: { readonly from: Uint8Array; readonly to: Uint8Array } | null): boolean =>
        one !== null && compareBytes(one.from, bytes) <= 0 && compareBytes(bytes, one.to) < 0;
      const expected =
        isIn(space.bounds({ prefix })) &&
        compareBytes(space.key(from), bytes) <= 0 &&
        compareBytes(bytes, space.key(to)) < 0;
      expect(isIn(bounds)).toBe(expected);
    }),
  );
});

test('bytes that are no key are told as corrupt', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      try {
        const stored = meaningOf(bytes);
        if (stored.place === null) expect(spaceOf(stored).key(stored.key)).toEqual(bytes);
      } catch (error) {
        expect(isLockstepError(error, 'corrupt')).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
  expect(() => KeySpace.ofLocal().key(['x'.repeat(5_000)])).toThrow('more bytes than the limit');
});
