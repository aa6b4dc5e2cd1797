/** Timers of a partition over a log in memory, in a calm world. */
import type { Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { committed, inWorld, led } from '../../../test/models/partition-world.ts';
import { hybridWall } from '../../clock/timestamp.ts';
import { Waits } from '../../observe/waits.ts';
import type { Partition } from '../partition.ts';
import { timerService, type TimerHandler, type TimerServiceOptions } from './timer-service.ts';
import {
  cancelTimer,
  deadTimers,
  dropDeadTimer,
  reviveTimer,
  setTimer,
  timerDue,
  type TimerOptions,
  type TimerSet,
} from './timer.ts';

interface Ran {
  readonly name: string;
  readonly dueMs: number;
  readonly atMs: number;
  readonly place: string | null;
}

/** A handler that writes what it does beside what the state says, and notes it. */
function noting(ran: Ran[]): TimerHandler {
  return (tx, { name, due, place }) => {
    const count = ((tx.local.get(['ran', name]) as number | undefined) ?? 0) + 1;
    tx.local.set(['ran', name], count);
    ran.push({ name, dueMs: due.getTime(), atMs: hybridWall(tx.now), place });
  };
}

const set = (partition: Partition, place: string | null, options: TimerOptions) =>
  committed(partition, place, (tx) => setTimer(tx, options)) as Promise<TimerSet>;

async function deadOf(partition: Partition) {
  const snapshot = await partition.read('linearizable');
  if (snapshot.kind !== 'snapshot') expect.unreachable();
  const dead = [...deadTimers(snapshot)];
  snapshot[Symbol.dispose]();
  return dead;
}

const withTimers = (env: Env, options: TimerServiceOptions) => ({
  services: [timerService(options)],
  waits: new Waits(env.clock, env.timers),
});

describe('a timer', () => {
  test('fires once, when it is due, at its place, and explains what comes next', async () => {
    await inWorld(async (env, log) => {
      const ran: Ran[] = [];
      const late: number[] = [];
      const observer = { onFired: (_: unknown, lateMs: number) => void late.push(lateMs) };
      const options = withTimers(env, { handlers: { remind: noting(ran) }, observer });
      const partition = await led(env, log, options);
      const { due } = await set(partition, 'bob', {
        kind: 'remind',
        name: 'one',
        after: '3s',
        payload: { text: 'hi' },
      });
      await set(partition, null, { kind: 'remind', name: 'two', after: '2s' });
      await env.sleep('100ms');
      expect(options.waits.explain({ key: 'timers' })).toMatchObject([
        { what: 'timer', waitsFor: expect.stringContaining("remind 'two'") as string },
      ]);
      await env.sleep('1800ms');
      expect(ran).toEqual([]);
      await env.sleep('2s');
      expect(ran.map(({ name, place }) => [name, place])).toEqual([
        ['two', null],
        ['one', 'bob'],
      ]);
      for (const { atMs, dueMs } of ran) expect(atMs).toBeGreaterThanOrEqual(dueMs);
      expect(ran[1]?.dueMs).toBe(due.getTime());
      expect(Math.max(...late)).toBeLessThan(50);
      await env.sleep('5s');
      expect(ran.length).toBe(2);
      await partition.close();
      expect(options.waits.explain()).toEqual([]);
    });
  });

  test('is moved and cancelled, and a name means a place', async () => {
    await inWorld(async (env, log) => {
      const ran: Ran[] = [];
      const partition = await led(env, log, withTimers(env, { handlers: { k: noting(ran) } }));
      const about = { kind: 'k', name: 'same' };
      expect((await set(partition, 'a', { ...about, after: '1s' })).kind).toBe('set');
      const moved = await set(partition, 'a', { ...about, after: '4s' });
      expect(moved.kind).toBe('moved');
      expect(await committed(partition, 'a', (tx) => timerDue(tx, about)?.getTime() ?? 0)).toBe(moved.due.getTime());
      await set(partition, 'b', { ...about, after: '2s' });
      await set(partition, 'c', { ...about, after: '2s' });
      expect(await committed(partition, 'c', (tx) => cancelTimer(tx, about))).toBe('cancelled');
      expect(await committed(partition, 'c', (tx) => cancelTimer(tx, about))).toBe('absent');
      await env.sleep('3s');
      expect(ran.map(({ place }) => place)).toEqual(['b']);
      await env.sleep('3s');
      expect(ran.map(({ place }) => place)).toEqual(['b', 'a']);
      await partition.close();
    });
  });

  test('whose handler sets it again for the same moment fires again, also beside others that end with it', async () => {
    await inWorld(async (env, log) => {
      const ran: Ran[] = [];
      const note = noting(ran);
      const again: TimerHandler = (tx, fired) => {
        note(tx, fired);
        if (ran.length < 9) setTimer(tx, { kind: fired.kind, name: fired.name, at: fired.due });
      };
      const partition = await led(env, log, withTimers(env, { handlers: { again } }));
      const at = new Date(env.clock.wall() + 1_000);
      for (const name of ['one', 'two', 'three']) await set(partition, null, { kind: 'again', name, at });
      await env.sleep('3s');
      expect(ran.length).toBe(9 + 2); // the last three were on their way
      await partition.close();
    });
  });

  test('what is rolled back sets nothing, and what is no timer is refused', async () => {
    await inWorld(async (env, log) => {
      const ran: Ran[] = [];
      const partition = await led(env, log, withTimers(env, { handlers: { k: noting(ran) } }));
      const failing = partition.transact('a', (tx) => {
        setTimer(tx, { kind: 'k', name: 'x', after: '10ms' });
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      for (const wrong of [{ at: new Date(NaN) }, { at: new Date('2090-01-01') }, { cron: 'x' }])
        await expect(set(partition, 'a', { kind: 'k', name: 'x', ...wrong })).rejects.toMatchObject({ kind: 'misuse' });
      await expect(set(partition, 'a', { kind: 'k', name: '', after: '1s' })).rejects.toMatchObject({ kind: 'misuse' });
      await env.sleep('1s');
      expect(ran).toEqual([]);
      expect(() => timerService({ handlers: {}, settings: { attemptsMax: 0 } })).toThrow('no setting');
      await partition.close();
    });
  });

  test('a handler that throws is tried again, rolled back each time, and dies in the open; it can be revived', async () => {
    await inWorld(async (env, log) => {
      let isBroken = true;
      const failures: boolean[] = [];
      const handler: TimerHandler = (tx) => {
        tx.set(['tried'], ((tx.get(['tried']) as number | undefined) ?? 0) + 1);
        if (isBroken) throw new Error('out of order');
      };
      const observer = { onFailed: (_: unknown, __: unknown, isDead: boolean) => void failures.push(isDead) };
      const settings = { attemptsMax: 3, backoffMs: 100 };
      const partition = await led(env, log, withTimers(env, { handlers: { k: handler }, settings, observer }));
      const { due } = await set(partition, 'a', { kind: 'k', name: 'x', after: '10ms', payload: 7 });
      await env.sleep('2s');
      expect(failures).toEqual([false, false, true]);
      const facts = { kind: 'k', name: 'x', place: 'a', payload: 7, due, failures: 3, error: 'out of order' };
      expect(await deadOf(partition)).toMatchObject([facts]);
      expect(await committed(partition, 'a', (tx) => tx.get(['tried']) ?? 0)).toBe(0);
      isBroken = false;
      expect(await committed(partition, 'a', (tx) => reviveTimer(tx, { kind: 'k', name: 'x' }))).toBe('revived');
      await env.sleep('100ms');
      expect(await deadOf(partition)).toEqual([]);
      expect(await committed(partition, 'a', (tx) => tx.get(['tried']) ?? 0)).toBe(1);
      expect(await committed(partition, 'a', (tx) => dropDeadTimer(tx, { kind: 'k', name: 'x' }))).toBe('absent');
      await partition.close();
    });
  });

  test('far more than memory holds fire in their order, also those of one moment', async () => {
    await inWorld(async (env, log) => {
      const ran: Ran[] = [];
      const settings = { nearCountMax: 20, inFlightMax: 7 };
      const partition = await led(env, log, withTimers(env, { handlers: { k: noting(ran) }, settings }));
      const startMs = env.now().getTime() + 2_000;
      for (let index = 0; index < 600; index++) {
        const atMs = index < 100 ? startMs : startMs + ((index * 7_919) % 3_000);
        void set(partition, `p${index % 5}`, { kind: 'k', name: `${index}`, at: new Date(atMs) });
      }
      await env.sleep('8s');
      expect(new Set(ran.map(({ name }) => name)).size).toBe(600);
      expect(ran.length).toBe(600);
      expect(ran.map(({ dueMs }) => dueMs)).toEqual(ran.map(({ dueMs }) => dueMs).toSorted((a, b) => a - b));
      await partition.close();
    });
  });
});

describe('a change of leader', () => {
  test('what was due while nobody led fires once, repeating ones as they say', async () => {
    await inWorld(async (env, log) => {
      const ran: Ran[] = [];
      const skipped: string[] = [];
      const observer = { onSkipped: ({ name }: { readonly name: string }) => void skipped.push(name) };
      const settings = { missedAfterMs: 30_000 };
      const options = withTimers(env, { handlers: { k: noting(ran) }, observer, settings });
      const first = await led(env, log, options);
      await set(first, 'a', { kind: 'k', name: 'plain', after: '90s' });
      await set(first, 'a', { kind: 'k', name: 'once', cron: '* * * * *' });
      await set(first, 'a', { kind: 'k', name: 'skip', cron: '* * * * *', missed: 'skip' });
      await first.close();
      await env.sleep('290s');
      expect(ran).toEqual([]);
      const second = await led(env, log, options);
      await env.sleep('1s');
      expect(ran.map(({ name }) => name).toSorted()).toEqual(['once', 'plain']);
      expect(skipped).toEqual(['skip']);
      await env.sleep('61s');
      expect(ran.map(({ name }) => name).toSorted()).toEqual(['once', 'once', 'plain', 'skip']);
      await second.close();
    });
  });

  test('more than is read at a time, half of it due at one moment, fires once each and in order', async () => {
    await inWorld(async (env, log) => {
      const ran: Ran[] = [];
      const first = await led(env, log, withTimers(env, { handlers: {} }));
      const startMs = env.now().getTime() + 60_000;
      await committed(first, 'a', (tx) => {
        for (let index = 0; index < 600; index++)
          setTimer(tx, { kind: 'k', name: `${index}`, at: new Date(startMs + Math.max(0, index - 300)) });
        return null;
      });
      await first.close();
      const settings = { inFlightMax: 7 };
      const second = await led(env, log, withTimers(env, { handlers: { k: noting(ran) }, settings }));
      await env.sleep('65s');
      expect(new Set(ran.map(({ name }) => name)).size).toBe(600);
      expect(ran.length).toBe(600);
      expect(ran.map(({ dueMs }) => dueMs)).toEqual(ran.map(({ dueMs }) => dueMs).toSorted((a, b) => a - b));
      await second.close();
    });
  });

  test('a timer of a kind that nobody knows waits for a leader who does', async () => {
    await inWorld(async (env, log) => {
      const ran: Ran[] = [];
      const first = await led(env, log, withTimers(env, { handlers: {} }));
      await set(first, 'a', { kind: 'new', name: 'x', after: '1s' });
      await env.sleep('20s');
      await first.close();
      const second = await led(env, log, withTimers(env, { handlers: { new: noting(ran) } }));
      await env.sleep('1s');
      expect(ran.length).toBe(1);
      await second.close();
    });
  });
});
