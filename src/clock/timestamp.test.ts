import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wallTime } from '../kernel/time.ts';
import {
  compareHybrid,
  hybridDate,
  hybridOf,
  hybridParts,
  hybridTimestamp,
  hybridWall,
  hybridWallMax,
  hybridWallMin,
  nextHybrid,
  parseHybrid,
  printHybrid,
  type HybridTimestamp,
} from './timestamp.ts';

const stamp = fc.maxSafeNat().map((value) => hybridTimestamp(value) as HybridTimestamp);

test('parts, numbers and texts are inverses of each other', () => {
  fc.assert(
    fc.property(stamp, (timestamp) => {
      expect(hybridOf(hybridParts(timestamp))).toBe(timestamp);
      expect(parseHybrid(printHybrid(timestamp))).toBe(timestamp);
      expect(hybridParts(timestamp).wall).toBe(hybridWall(timestamp));
      expect(hybridDate(timestamp).getTime()).toBe(hybridWall(timestamp));
    }),
  );
});

test('numbers, texts and pairs of wall time and counter have one order', () => {
  fc.assert(
    fc.property(stamp, stamp, (a, b) => {
      const [first, second] = [hybridParts(a), hybridParts(b)];
      const byParts = first.wall - second.wall || first.counter - second.counter;
      expect(Math.sign(compareHybrid(a, b))).toBe(Math.sign(byParts));
      expect(printHybrid(a) < printHybrid(b)).toBe(a < b);
    }),
  );
});

test('the range is from 2020 to 2089 and all of it is safe integers', () => {
  expect(new Date(hybridWallMin).toISOString()).toBe('2020-01-01T00:00:00.000Z');
  expect(new Date(hybridWallMax).toISOString()).toBe('2089-09-06T15:47:35.551Z');
  expect(hybridOf({ wall: hybridWallMin, counter: 0 })).toBe(0);
  expect(hybridOf({ wall: hybridWallMax, counter: 4_095 })).toBe(Number.MAX_SAFE_INTEGER);
  expect(hybridOf({ wall: wallTime(hybridWallMin - 1), counter: 0 })).toBeNull();
  expect(hybridOf({ wall: wallTime(hybridWallMax + 1), counter: 0 })).toBeNull();
  expect(hybridOf({ wall: hybridWallMin, counter: 4_096 })).toBeNull();
  expect(hybridOf({ wall: hybridWallMin, counter: 0.5 })).toBeNull();
  expect([-1, 0.5, 2 ** 53, Number.NaN, Infinity].map(hybridTimestamp)).toEqual([null, null, null, null, null]);
});

test('after a full counter comes the next millisecond, after the last timestamp nothing', () => {
  const full = hybridOf({ wall: wallTime(hybridWallMin + 7), counter: 4_095 }) as HybridTimestamp;
  expect(hybridParts(nextHybrid(full) as HybridTimestamp)).toEqual({ wall: hybridWallMin + 8, counter: 0 });
  expect(nextHybrid(Number.MAX_SAFE_INTEGER as HybridTimestamp)).toBeNull();
});

test('text that was not printed is null', () => {
  const good = '2026-11-22T12:00:07.381Z.0042';
  expect(printHybrid(parseHybrid(good) as HybridTimestamp)).toBe(good);
  const bad = [
    '',
    good.slice(0, -1),
    `${good} `,
    good.replace('.0042', '.4096'),
    good.replace('11-22', '02-30'),
    good.replace('11-22', '13-01'),
    good.replace('T12', 'T24'),
    good.replace('2026', '2019'),
    good.replace('2026', '2090'),
  ];
  expect(bad.filter((text) => parseHybrid(text) !== null)).toEqual([]);
  fc.assert(fc.property(fc.string(), (text) => void parseHybrid(text)));
});
