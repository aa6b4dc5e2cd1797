import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InvariantError } from './assert.ts';
import { durationMs, elapsedMs, instant, instantAfter, wallTime, type Duration } from './time.ts';

test('instants are for intervals: what goes on and what has gone by are inverses', () => {
  const from = instant(1.5);
  expect(elapsedMs(from, instantAfter(from, 10))).toBe(10);
  for (const ms of [-1, Number.NaN, Infinity]) expect(() => instant(ms)).toThrow(InvariantError);
  expect(() => instantAfter(from, -2)).toThrow(InvariantError);
});

test('wall time is whole milliseconds, also before 1970', () => {
  expect(wallTime(-1)).toBe(-1);
  for (const ms of [0.5, Number.NaN, Infinity, 2 ** 53]) expect(() => wallTime(ms)).toThrow(InvariantError);
});

test('a duration is a number and a unit', () => {
  const durations: readonly [Duration, number][] = [
    ['0ms', 0],
    ['250ms', 250],
    ['1.5ms', 1.5],
    ['30s', 30_000],
    ['5min', 300_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
  ];
  for (const [text, ms] of durations) expect(durationMs(text)).toBe(ms);
  fc.assert(
    fc.property(fc.nat(), (count) => {
      expect(durationMs(`${count}s`)).toBe(count * 1_000);
    }),
  );
});

test('anything else is misuse, and the error shows it', () => {
  for (const text of [
    '',
    '30',
    's',
    '-1s',
    '+1s',
    '1 s',
    '1.s',
    '.5s',
    '1e3s',
    '1m',
    '1S',
    ' 1s',
    '1s ',
    '1s\n',
    30,
    null,
  ])
    expect(() => durationMs(text as Duration)).toThrow(
      expect.objectContaining({ kind: 'misuse', values: { duration: String(text) } }),
    );
});

test('a number too large to count is no duration', () => {
  expect(() => durationMs(`${'9'.repeat(400)}s` as Duration)).toThrow('a number and a unit');
});
