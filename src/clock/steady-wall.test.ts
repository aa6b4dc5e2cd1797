import { expect, test } from 'vitest';
import type { Clock } from '../env/clock.ts';
import { instant, wallTime } from '../kernel/time.ts';
import { SteadyWall } from './steady-wall.ts';

const noonMs = Date.UTC(2026, 10, 22, 12);

class HandClock implements Clock {
  nowMs = 0;
  wallMs = noonMs;

  now() {
    return instant(this.nowMs);
  }

  wall() {
    return wallTime(Math.floor(this.wallMs));
  }

  pass(ms: number, wallMs = ms): void {
    this.nowMs += ms;
    this.wallMs += wallMs;
  }
}

test('a jump ahead is not shown: it goes on by the monotonic clock until the time of day is back', () => {
  const clock = new HandClock();
  const steady = new SteadyWall(clock, 500);
  clock.pass(1_000);
  expect(steady.wall()).toBe(noonMs + 1_000);
  clock.pass(0, 3_600_000);
  expect([steady.wall(), steady.jumpMs]).toEqual([noonMs + 1_000, 3_600_000]);
  clock.pass(2_000);
  expect([steady.wall(), steady.jumpMs]).toEqual([noonMs + 3_000, 3_600_000]);
  clock.pass(0, -3_600_000);
  expect([steady.wall(), steady.jumpMs]).toEqual([noonMs + 3_000, 0]);
});

test('once it is accepted the time of day is shown as it is', () => {
  const clock = new HandClock();
  const steady = new SteadyWall(clock, 500);
  clock.pass(0, 3_600_000);
  steady.wall();
  steady.accept();
  expect([steady.wall(), steady.jumpMs]).toEqual([noonMs + 3_600_000, 0]);
});

test('a time of day that is set back, or is a little ahead, is shown', () => {
  const clock = new HandClock();
  const steady = new SteadyWall(clock, 500);
  clock.pass(0, 500);
  expect([steady.wall(), steady.jumpMs]).toEqual([noonMs + 500, 0]);
  clock.pass(0, -3_600_000);
  expect([steady.wall(), steady.jumpMs]).toEqual([noonMs - 3_599_500, 0]);
});

test('what was set back is gone on from: setting it right again is a jump (leases, seed 77)', () => {
  const clock = new HandClock();
  const steady = new SteadyWall(clock, 500);
  clock.pass(0, -3_000);
  steady.wall();
  clock.pass(1_000);
  expect([steady.wall(), steady.jumpMs]).toEqual([noonMs - 2_000, 0]);
  clock.pass(0, 3_000);
  expect([steady.wall(), steady.jumpMs]).toEqual([noonMs - 2_000, 3_000]);
});

test('many small steps ahead are one jump', () => {
  const clock = new HandClock();
  const steady = new SteadyWall(clock, 500);
  for (let count = 0; count < 100; count++) {
    clock.pass(10, 110);
    expect(steady.wall()).toBeLessThanOrEqual(noonMs + (count + 1) * 10 + 501);
  }
  expect(steady.jumpMs).toBeGreaterThan(9_900);
});

test('clocks that differ in speed by 150 ppm never part, in a day of looking or of not looking', () => {
  for (const looks of [1, 24 * 60]) {
    const clock = new HandClock();
    const steady = new SteadyWall(clock, 500);
    for (let look = 0; look < looks; look++) {
      const ms = 86_400_000 / looks;
      clock.pass(ms, ms * 1.000_15);
      expect([steady.wall(), steady.jumpMs]).toEqual([Math.floor(clock.wallMs), 0]);
    }
  }
});

test('a bound that is no number of milliseconds is misuse', () => {
  for (const jumpMsMax of [-1, Number.NaN, Infinity])
    expect(() => new SteadyWall(new HandClock(), jumpMsMax)).toThrow(expect.objectContaining({ kind: 'misuse' }));
});
