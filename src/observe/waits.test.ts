import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Timer } from '../env/timers.ts';
import { isLockstepError, type LockstepError } from '../kernel/errors.ts';
import { instant, wallTime } from '../kernel/time.ts';
import { printWaits } from './wait-text.ts';
import { Waits } from './waits.ts';

/** Time that only the test moves. */
class HandTime {
  nowMs = 100;
  wallMs = Date.UTC(2026, 0, 1);
  readonly pending: { readonly dueMs: number; readonly onDue: () => void }[] = [];
  readonly clock = { now: () => instant(this.nowMs), wall: () => wallTime(Math.floor(this.wallMs)) };
  readonly timers = {
    after: (delayMs: number, onDue: () => void): Timer => {
      const entry = { dueMs: this.nowMs + delayMs, onDue };
      this.pending.push(entry);
      return { cancel: () => void this.pending.splice(this.pending.indexOf(entry) >>> 0, 1) };
    },
  };

  async advance(ms: number): Promise<void> {
    this.nowMs += ms;
    this.wallMs += ms;
    for (const entry of this.pending.filter(({ dueMs }) => dueMs <= this.nowMs)) {
      this.pending.splice(this.pending.indexOf(entry), 1);
      entry.onDue();
    }
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

function setting(countMax = 10) {
  const time = new HandTime();
  return { time, waits: new Waits(time.clock, time.timers, { countMax }) };
}
const turn = { what: 'lock', key: 'acme/o-1', waitsFor: 'its turn', heldBy: 'node-2', withinMs: 5_000 };

test('until settles as the promise does and leaves nothing behind', async () => {
  const { time, waits } = setting();
  await expect(waits.until(Promise.resolve(42), turn)).resolves.toBe(42);
  const failure = new Error('no');
  await expect(waits.until(Promise.reject(failure), turn)).rejects.toBe(failure);
  await expect(waits.until(() => Promise.reject(failure), turn)).rejects.toBe(failure);
  const throwing = (): Promise<never> => {
    throw failure;
  };
  await expect(waits.until(throwing, turn)).rejects.toBe(failure);
  expect(waits.count).toBe(0);
  expect(time.pending).toEqual([]);
});

test('at the deadline it rejects, naming what waited, for what, on whom and since when', async () => {
  const { time, waits } = setting();
  const waiting = waits.until(new Promise(() => {}), turn).catch((error: unknown) => error);
  await time.advance(4_999);
  expect(waits.count).toBe(1);
  await time.advance(1);
  const error = (await waiting) as LockstepError;
  expect(isLockstepError(error, 'unavailable')).toBe(true);
  expect(error.values).toEqual({
    what: 'lock',
    key: 'acme/o-1',
    waitsFor: 'its turn',
    heldBy: 'node-2',
    since: '2026-01-01T00:00:00.000Z',
    withinMs: 5_000,
  });
  expect(waits.count).toBe(0);
});

test('a wait for a write under way ends as unknown', async () => {
  const { time, waits } = setting();
  const waiting = waits.until(new Promise(() => {}), { ...turn, atDeadline: 'unknown' });
  const outcome = expect(waiting).rejects.toMatchObject({ kind: 'unknown', happened: 'unknown' });
  await time.advance(5_000);
  await outcome;
});

test('a promise that loses against its deadline, or finds no room, is no unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', onUnhandled);
  try {
    const { time, waits } = setting(1);
    const { promise, reject } = Promise.withResolvers<never>();
    const waiting = expect(waits.until(promise, turn)).rejects.toMatchObject({ kind: 'unavailable' });
    const refused = Promise.reject(new Error('refused'));
    await expect(waits.until(refused, turn)).rejects.toMatchObject({ kind: 'overloaded', retry: true });
    await time.advance(5_000);
    await waiting;
    reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
});

test('beyond the limit nothing begins', async () => {
  const { waits } = setting(2);
  const first = waits.enter(turn);
  waits.enter(turn);
  let begun = false;
  const work = async (): Promise<void> => {
    begun = true;
  };
  await expect(waits.until(work, turn)).rejects.toMatchObject({ kind: 'overloaded', values: { countMax: 2 } });
  expect(begun).toBe(false);
  first.leave();
  first.leave();
  await waits.until(work, turn);
  expect(begun).toBe(true);
  expect(waits.count).toBe(1);
});

test('an aborted signal ends the wait with its reason, also before it begins', async () => {
  const { time, waits } = setting();
  const controller = new AbortController();
  const reason = new Error('the caller went away');
  const waiting = expect(waits.until(new Promise(() => {}), { ...turn, signal: controller.signal })).rejects.toBe(
    reason,
  );
  controller.abort(reason);
  await waiting;
  await expect(waits.until(Promise.resolve(1), { ...turn, signal: controller.signal })).rejects.toBe(reason);
  expect(waits.count).toBe(0);
  expect(time.pending).toEqual([]);
});

test('explain tells what waits, oldest first, and follows whoever holds it now', async () => {
  const { time, waits } = setting();
  const entry = waits.enter({ ...turn, heldBy: null, withinMs: null });
  await time.advance(1_500);
  const waiting = waits.until(
    (self) => {
      self.heldBy = 'node-3';
      self.waitsFor = 'the answer';
      return new Promise<never>(() => {});
    },
    { what: 'query', key: 'x', waitsFor: 'a leader', withinMs: 1_000 },
  );
  const rejected = expect(waiting).rejects.toMatchObject({ values: { heldBy: 'node-3', waitsFor: 'the answer' } });
  entry.heldBy = 'node-1';
  const started = Date.UTC(2026, 0, 1);
  const first = { what: 'lock', key: 'acme/o-1', since: new Date(started), waitsFor: 'its turn', heldBy: 'node-1' };
  expect(waits.explain()).toEqual([
    { ...first, deadline: null },
    {
      what: 'query',
      key: 'x',
      since: new Date(started + 1_500),
      waitsFor: 'the answer',
      heldBy: 'node-3',
      deadline: new Date(started + 2_500),
    },
  ]);
  expect(waits.explain({ key: 'acme/o-1' })).toEqual([{ ...first, deadline: null }]);
  expect(waits.explain({ key: 'nobody' })).toEqual([]);
  await time.advance(1_000);
  await rejected;
});

test('how long something has waited is measured by the monotonic clock, whatever the wall clock does', async () => {
  const { time, waits } = setting();
  waits.enter(turn);
  await time.advance(2_000);
  time.wallMs -= 3_600_000;
  const [wait] = waits.explain();
  expect(time.wallMs - (wait?.since.getTime() ?? 0)).toBe(2_000);
});

test('a deadline that is no number of milliseconds is misuse', () => {
  const { waits } = setting();
  for (const withinMs of [-1, Number.NaN, Infinity])
    expect(() => waits.enter({ ...turn, withinMs })).toThrow(expect.objectContaining({ kind: 'misuse' }));
  expect(waits.count).toBe(0);
});

test('whoever leaves, however, is out: nothing and no timer is left of any mix of ends', async () => {
  const ends = fc.constantFrom('resolve', 'reject', 'abort', 'deadline', 'leave');
  await fc.assert(
    fc.asyncProperty(fc.array(ends, { maxLength: 8 }), async (plan) => {
      const { time, waits } = setting();
      const settled: Promise<unknown>[] = [];
      const begun = plan.map((end) => {
        if (end === 'leave') return { end, entry: waits.enter(turn) };
        const { promise, resolve, reject } = Promise.withResolvers<number>();
        const controller = new AbortController();
        settled.push(waits.until(promise, { ...turn, signal: controller.signal }).catch(() => null));
        return { end, resolve, reject, controller };
      });
      expect(waits.count).toBe(plan.length);
      for (const one of begun) {
        if (one.end === 'leave') one.entry?.[Symbol.dispose]();
        if (one.end === 'resolve') one.resolve?.(1);
        if (one.end === 'reject') one.reject?.(new Error('no'));
        if (one.end === 'abort') one.controller?.abort();
      }
      await time.advance(5_000);
      await Promise.all(settled);
      expect(waits.count).toBe(0);
      expect(time.pending).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

test('the printed form says who waits for what, on whom, how long and how much longer', () => {
  const now = new Date(Date.UTC(2026, 0, 1, 12, 0, 10));
  const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 12, 0, second));
  const text = printWaits(
    [
      { what: 'lock', key: 'acme/o-1', since: at(3), waitsFor: 'its turn', heldBy: 'node-2', deadline: at(15) },
      { what: 'query', key: 'a\u001b[2Jb', since: at(9), waitsFor: 'revision 812', heldBy: null, deadline: null },
      { what: 'saga', key: 'x', since: at(0), waitsFor: 'approval', heldBy: null, deadline: at(8) },
    ],
    now,
  );
  expect(text).toBe(
    [
      'lock    acme/o-1      since 12:00:03.000 (7.0 s)    for its turn       held by node-2         5.0 s left',
      'query   a\\u{1b}[2Jb   since 12:00:09.000 (1.0 s)    for revision 812   held by nobody known   no deadline',
      'saga    x             since 12:00:00.000 (10.0 s)   for approval       held by nobody known   overdue by 2.0 s',
      '',
    ].join('\n'),
  );
  expect(printWaits([], now)).toBe('nothing waits\n');
});
