import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeOf, slot, slotCount, slotOf, slotOfKey } from './slot.ts';

test('the place is what stands before the first slash, or the whole key', () => {
  expect(['a-1', 'a-1/x', 'a-1/x/y', '/x', '', 'a-1/'].map(placeOf)).toEqual(['a-1', 'a-1', 'a-1', '', '', 'a-1']);
});

// Computed by an independent program from the definition in docs/ring.md.
test('slots are frozen: data is stored under them', () => {
  const places = ['', 'a', 'a-1', 'customer-4711', '0', 'Zürich', '東京', '😀', 'test', 'x'.repeat(100)];
  expect(places.map(slotOf)).toEqual([0, 962, 1_816, 2_858, 3_367, 662, 2_411, 3_051, 2_982, 2_503]);
  // All of a thousand of them, as one number.
  const slots = Array.from({ length: 1_000 }, (_, at) => slotOf(`place-${at}`));
  const sum = slots.reduce<number>((a, b) => (a * 31 + b) % 1_000_003, 0);
  expect(sum).toBe(107_434);
});

test('a key has the slot of its place', () => {
  const part = fc.string({ unit: 'binary', maxLength: 20 });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const key = parts.join('/');
      expect(slotOfKey(key)).toBe(slotOf(placeOf(key)));
      expect(slot(slotOfKey(key))).toBe(slotOfKey(key));
    }),
  );
});

test('places spread evenly over the slots: chi-square of 400,000 within six standard deviations', () => {
  const counts = new Uint32Array(slotCount);
  for (let at = 0; at < 400_000; at++) counts[slotOf(`customer-${at}`)]! += 1;
  const expected = 400_000 / slotCount;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(Math.abs(chiSquare - (slotCount - 1))).toBeLessThan(6 * Math.sqrt(2 * (slotCount - 1)));
});

test.each([-1, 4_096, 0.5, Number.NaN, Infinity])('%d is no slot', (value) => {
  expect(() => slot(value)).toThrow(expect.objectContaining({ kind: 'invalid' }));
});
