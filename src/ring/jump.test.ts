import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jumpBucketOf, jumpHash } from './jump.ts';

/** The code of Lamping and Veach 2014, page 2, over bigints. */
function published(key: bigint, bucketCount: number): number {
  let state = BigInt.asUintN(64, key);
  let [bucket, next] = [-1, 0];
  while (next < bucketCount) {
    bucket = next;
    state = BigInt.asUintN(64, state * 2862933555777941757n + 1n);
    next = Math.trunc((bucket + 1) * (2 ** 31 / Number((state >> 33n) + 1n)));
  }
  return bucket;
}

test("agrees with the values that Guava's and Go's tests hold theirs against", () => {
  const golden = [0, 55, 62, 8, 45, 59, 86, 97, 82, 59, 73, 37, 17, 56, 86, 21, 90, 37, 38, 83];
  expect(golden.map((_, key) => jumpHash(BigInt(key), 100))).toEqual(golden);
  expect(jumpHash(10863919174838991n, 11)).toBe(6);
  expect(jumpHash(2016238256797177309n, 11)).toBe(3);
  expect(jumpHash(1673758223894951030n, 11)).toBe(5);
  expect([2n, 2201n, 2202n].map((key) => jumpHash(key, 100_001))).toEqual([80_343, 22_152, 15_018]);
  const growing = (key: bigint) => Array.from({ length: 19 }, (_, at) => jumpHash(key, at + 1));
  expect(growing(1n)).toEqual([0, 0, 0, 0, 0, 0, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 17, 17]);
  expect(growing(0xdeadbeefn)).toEqual([0, 1, 2, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 16, 16, 16]);
  expect(growing(0x0ddc0ffeebadf00dn)).toEqual([0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 15, 15, 15, 15]);
});

test('is the published code for every 64-bit key and every count', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -1n, max: 2n ** 64n - 1n }),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      (key, count) => {
        expect(jumpHash(key, count)).toBe(published(key, count));
        expect(jumpHash(key, (count % 100) + 1)).toBe(published(key, (count % 100) + 1));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('is the published code also where the lower half overflows exactly, once in 2^32 steps', () => {
  const low = 1717769131n; // times the multiplier, plus 1: 2^32
  for (const high of [0n, 1n, 0xffffffffn, 0x12345678n])
    expect(jumpHash((high << 32n) | low, 2 ** 31 - 1)).toBe(published((high << 32n) | low, 2 ** 31 - 1));
});

test('one bucket more moves keys to it alone, and 1/n of them', () => {
  for (const count of [9, 99]) {
    let movedCount = 0;
    for (let key = 0; key < 100_000; key++) {
      const [before, after] = [jumpBucketOf(`key-${key}`, count), jumpBucketOf(`key-${key}`, count + 1)];
      if (before === after) continue;
      movedCount++;
      expect(after).toBe(count);
    }
    expect(Math.abs((movedCount / 100_000) * (count + 1) - 1)).toBeLessThan(0.1);
  }
});

test('buckets of texts are frozen', () => {
  expect(['', 'a', 'session-81', 'Zürich'].map((key) => jumpBucketOf(key, 1_000))).toEqual([194, 527, 153, 706]);
});

test.each([0, -1, 1.5, 2 ** 31, Number.NaN])('%d buckets cannot be', (count) => {
  expect(() => jumpHash(1n, count)).toThrow(expect.objectContaining({ kind: 'misuse' }));
  expect(() => jumpBucketOf('a', count)).toThrow(expect.objectContaining({ kind: 'misuse' }));
});
