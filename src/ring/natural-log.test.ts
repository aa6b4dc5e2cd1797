import fc from 'fast-check';
import { expect, test } from 'vitest';
import { minusLogOf } from './natural-log.ts';

const hash = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 0xffff0000, max: 0xffffffff }),
  fc.tuple(fc.nat({ max: 31 }), fc.integer({ min: -2, max: 2 })).map(([bits, by]) => Math.max(0, 2 ** bits + by)),
);

test('is the logarithm, right to 10^-14 of itself', () => {
  fc.assert(
    fc.property(hash, (hash) => {
      const share = (0xffffffff - hash + 0.5) / 2 ** 32; // 1 - u: near u = 1 the host's own is exact only through log1p
      const expected = -Math.log1p(-share);
      expect(Math.abs(minusLogOf(hash) / expected - 1)).toBeLessThan(1e-14);
    }),
    { numRuns: 5_000 },
  );
});

test('is smaller for a larger hash, also across powers of two and where a series is left for the next', () => {
  const edges = [0, 0xffffffff - 1, ...Array.from({ length: 32 }, (_, bits) => 2 ** bits - 1)];
  const sqrtEdges = Array.from({ length: 31 }, (_, bits) => Math.floor(2 ** (bits + 0.5)));
  for (const edge of [...edges, ...sqrtEdges])
    for (let at = Math.max(0, edge - 3); at < Math.min(edge + 3, 0xffffffff); at++)
      expect(minusLogOf(at + 1)).toBeLessThan(minusLogOf(at));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffffffff }), (at) => {
      expect(minusLogOf(at - 1)).toBeGreaterThan(minusLogOf(at));
    }),
    { numRuns: 5_000 },
  );
});

test('its bits are frozen: nodes on different engines must agree on them', () => {
  const bits = [0, 1, 2 ** 31, 3_037_000_499, 3_037_000_500, 0xffffffff, 123_456_789].map((hash) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, minusLogOf(hash));
    return view.getBigUint64(0).toString(16);
  });
  expect(bits).toEqual([
    '4036dfb516f20bbe',
    '4035c6766f473b8e',
    '3fe62e42feda39ef',
    '3fd62e42ff25503c',
    '3fd62e42fecacdc1',
    '3de0000000040000',
    '400c64fb98c406fd',
  ]);
});
