/** The floor as a function, and the list of times that it looks into. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextFloor, RevisionTimes, type RevisionTime } from './floor.ts';

const none: readonly RevisionTime[] = [];

test('it follows the oldest reader, else the newest revision, and never goes back', () => {
  const at = { floor: 3, newest: 10, oldestHeld: null, times: none, nowMs: 0, keepMs: 0 };
  expect(nextFloor(at)).toBe(10);
  expect(nextFloor({ ...at, oldestHeld: 7 })).toBe(7);
  expect(nextFloor({ ...at, oldestHeld: 12 })).toBe(10);
  expect(nextFloor({ ...at, oldestHeld: 1 })).toBe(3);
  expect(nextFloor({ ...at, keepMs: 5 })).toBe(3); // nobody knows what was the newest then
  const times = [
    { atMs: 1, revision: 4 },
    { atMs: 6, revision: 8 },
  ];
  expect(nextFloor({ ...at, times, keepMs: 5, nowMs: 10 })).toBe(4);
  expect(nextFloor({ ...at, times, keepMs: 5, nowMs: 11 })).toBe(8);
  expect(nextFloor({ ...at, times, keepMs: 5, nowMs: 11, oldestHeld: 5 })).toBe(5);
});

test('whatever comes when: what was the newest revision within the time can be read, and the list stays short', () => {
  const writes = fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(writes, fc.constantFrom(0, 1, 20, 500), (steps, keepMs) => {
      const times = new RevisionTimes(keepMs);
      const newest: RevisionTime[] = [{ atMs: 0, revision: 0 }];
      times.note(0, 0);
      let [nowMs, revision, floor] = [0, 0, 0];
      for (const [pauseMs, count] of steps) {
        nowMs += pauseMs;
        revision += count;
        newest.push({ atMs: nowMs, revision });
        times.note(nowMs, revision);
        floor = nextFloor({ floor, newest: revision, oldestHeld: null, times: times.list, nowMs, keepMs });
        const needed = keepMs === 0 ? revision : (newest.findLast(({ atMs }) => atMs <= nowMs - keepMs)?.revision ?? 0);
        expect(floor).toBeLessThanOrEqual(needed);
        if (keepMs === 0) expect(floor).toBe(revision);
      }
      expect(times.list.length).toBeLessThan(70);
      const later = nextFloor({
        floor,
        newest: revision,
        oldestHeld: null,
        times: times.list,
        nowMs: nowMs + 2 * keepMs,
        keepMs,
      });
      expect(later).toBeGreaterThanOrEqual(times.list.at(-1)?.revision ?? revision);
    }),
  );
});
