import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram, histogramErrorMax, type HistogramSnapshot } from './histogram.ts';

const recordable = fc.double({ min: 2 ** -10, max: 2 ** 40, noNaN: true });
const anySize = fc.oneof(recordable, fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }));

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test('a percentile is the nearest rank of the sorted values, off by at most the stated error', () => {
  fc.assert(
    fc.property(
      fc.array(recordable, { minLength: 1, maxLength: 50 }),
      fc.double({ min: 0, max: 100, noNaN: true }),
      (values, percent) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil((percent / 100) * values.length) - 1)] as number;
        const told = histogramOf(values).percentile(percent) as number;
        expect(Math.abs(told - exact)).toBeLessThanOrEqual(exact * histogramErrorMax * (1 + 1e-12));
      },
    ),
  );
});

test('every value lies in the bucket that holds it, also at the borders, at zero and beyond the range', () => {
  const borders = [-11, -10, -1, 0, 1, 10, 39, 40, 41].flatMap((exponent) => {
    const power = 2 ** exponent;
    return [power, power * (1 - 2 ** -53), power * (1 + 2 ** -52), power * 1.0625];
  });
  for (const value of [0, Number.MIN_VALUE, Number.MAX_VALUE, ...borders]) {
    const [bucket, ...others] = histogramOf([value]).snapshot().buckets;
    expect(others).toEqual([]);
    expect(bucket?.atLeast).toBeLessThanOrEqual(value);
    expect(bucket?.below ?? Infinity).toBeGreaterThan(value);
  }
});

test('merging gives what recording everything in one gives', () => {
  fc.assert(
    fc.property(fc.array(anySize), fc.array(anySize), (here, there) => {
      const merged = histogramOf(here);
      merged.merge(histogramOf(there).snapshot());
      const { sum, ...rest } = merged.snapshot();
      const { sum: expectedSum, ...expected } = histogramOf([...here, ...there]).snapshot();
      expect(rest).toEqual(expected);
      // Sums of doubles depend on their order.
      expect(Math.abs(sum - expectedSum)).toBeLessThanOrEqual(expectedSum * 1e-9);
    }),
  );
});

test('a snapshot survives the way over the network as JSON', () => {
  const histogram = histogramOf([0, 0.5, 3, 1e9, Number.MAX_VALUE, Number.MAX_VALUE]);
  const merged = new Histogram();
  merged.merge(JSON.parse(JSON.stringify(histogram.snapshot())) as HistogramSnapshot);
  expect(merged.snapshot()).toEqual(histogram.snapshot());
});

test('what does not add up is refused and adds nothing', () => {
  const good = histogramOf([1, 2]).snapshot();
  const bad = [
    { ...good, count: 3 },
    { ...good, sum: Number.NaN },
    { ...good, min: null },
    { ...good, min: 5 },
    { ...good, buckets: [{ atLeast: 1, below: 3, count: 2 }] },
    { ...good, buckets: [{ atLeast: -1, below: 0, count: 2 }] },
    { ...good, buckets: [{ atLeast: 1, below: 1.0625, count: 2.5 }] },
  ];
  for (const snapshot of bad) {
    const histogram = histogramOf([7]);
    expect(() => histogram.merge(snapshot)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(histogram.snapshot()).toEqual(histogramOf([7]).snapshot());
  }
});

test('an empty histogram has no percentiles, and numbers that are none are refused', () => {
  const histogram = new Histogram();
  expect(histogram.percentile(50)).toBeNull();
  expect(histogram.snapshot()).toEqual({ count: 0, sum: 0, min: null, max: null, buckets: [] });
  for (const value of [-1, Number.NaN, Infinity])
    expect(() => histogram.record(value)).toThrow(expect.objectContaining({ kind: 'misuse' }));
  expect(() => histogram.percentile(101)).toThrow(expect.objectContaining({ kind: 'misuse' }));
  expect(histogram.count).toBe(0);
});
