/** When groups are appended, by a clock that runs while transactions do. */
import { calm, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { committed, inWorld, led, withAppends } from '../../test/models/partition-world.ts';
import { elapsedMs, instant } from '../kernel/time.ts';
import { memoryEngine } from '../log/memory.ts';
import { Waits } from '../observe/waits.ts';
import { openPartition } from './open-partition.ts';

interface Asked {
  readonly count: number;
  /** How long each runs. */
  readonly msEach?: number;
  readonly valueBytes?: number;
}

/** How many records the transactions of one moment make. */
async function recordsOf({ count, msEach = 0, valueBytes = 0 }: Asked): Promise<number> {
  let records = 0;
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env);
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      let ranMs = 0;
      const clock = { now: () => instant(env.clock.now() + ranMs), wall: () => env.clock.wall() };
      const ported = { ...env, clock };
      const tree = { memtableBytes: 2_000, blockBytes: 512, tableBytes: 8_000 };
      const about = { log, payloadBytesMax: 1_000_000, directory: 'state', owner: 'node', tree };
      const partition = await openPartition(ported, about);
      await partition.leading();
      await partition.transact('account', (tx) => tx.set(['begun'], true));
      const before = await log.tail();
      const one = (index: number): Promise<unknown> =>
        partition.transact('account', (tx) => {
          ranMs += msEach;
          tx.set(['entry'], [index, new Uint8Array(valueBytes)]);
        });
      const outcomes = await Promise.all(Array.from({ length: count }, (_, index) => one(index)));
      expect(outcomes.map((outcome) => (outcome as { readonly kind: string }).kind)).toEqual(
        outcomes.map(() => 'committed'),
      );
      records = (await log.tail()) - before;
      await partition.close();
      await engine.close();
    });
  });
  return records;
}

test('what is asked for in one go is one record', async () => {
  expect(await recordsOf({ count: 100 })).toBe(1);
});

test('where that runs for longer than an append takes, what is there is appended while the rest runs', async () => {
  expect(await recordsOf({ count: 100, msEach: 1 })).toBe(2);
});

test('what fills many memtables before any of it is durable does not wait for their flush', async () => {
  expect(await recordsOf({ count: 100, valueBytes: 200 })).toBe(1);
});

test('of a large group some are told at a time, in order, between which others have their turn', async () => {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env);
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      const about = { log, payloadBytesMax: 1_000_000, directory: 'state', owner: 'node' };
      const partition = await openPartition(env, about);
      await partition.leading();
      const told: number[] = [];
      const toldByTurn: number[] = [];
      const all = Array.from({ length: 200 }, async (_, index) => {
        await partition.transact('account', (tx) => tx.set(['entry', index], null));
        told.push(index);
      });
      const turn = (): void => {
        toldByTurn.push(told.length);
        if (told.length < 200) env.timers.after(0, turn);
      };
      turn();
      await Promise.all(all);
      expect(told).toEqual(told.toSorted((a, b) => a - b));
      const steps = toldByTurn.map((count, at) => count - (toldByTurn[at - 1] ?? 0));
      expect(steps.filter((step) => step > 0).length).toBeGreaterThan(1);
      expect(Math.max(...steps)).toBeLessThan(100);
      const last = Array.from({ length: 200 }, () => partition.transact('account', (tx) => tx.set(['last'], null)));
      await partition.close(); // tells all of them first
      expect(new Set((await Promise.all(last)).map(({ kind }) => kind))).toEqual(new Set(['committed']));
      await engine.close();
    });
  });
});

test('each group has its own deadline, the one that is appended and the one that gathers behind it', async () => {
  await inWorld(async (env, real) => {
    const gate = Promise.withResolvers<void>();
    let isHeld = false;
    const log = withAppends(real, async (append) => {
      if (isHeld) await gate.promise;
      return append();
    });
    const partition = await led(env, log, { settings: { withinMs: 1_000 } });
    const begunAt = env.clock.now();
    const lateAfterMs = async (index: number): Promise<number> => {
      const write = partition.transact('account', (tx) => tx.set(['entry', index], null));
      await expect(write).rejects.toMatchObject({ kind: 'unknown', values: { withinMs: 1_000 } });
      return Math.round(elapsedMs(begunAt, env.clock.now()) / 10) * 10;
    };
    isHeld = true;
    const appended = lateAfterMs(1);
    await env.sleep('300ms');
    const gathered = lateAfterMs(2);
    await env.sleep('300ms');
    const joined = lateAfterMs(3);
    expect(await Promise.all([appended, gathered, joined])).toEqual([1_000, 1_300, 1_300]);
    isHeld = false;
    gate.resolve();
    expect(await committed(partition, 'account', (tx) => tx.get(['entry', 3]))).toBe(null);
    await partition.close();
  });
});

test('while the log stands still who comes later has a deadline too, and a read has its own', async () => {
  await inWorld(async (env, real) => {
    const gate = Promise.withResolvers<void>();
    let isHeld = false;
    const log = withAppends(real, async (append) => {
      if (isHeld) await gate.promise;
      return append();
    });
    const partition = await led(env, log, { settings: { withinMs: 3_000 } });
    isHeld = true;
    const write = async (index: number): Promise<number> => {
      const begunAt = env.clock.now();
      const outcome = partition.transact('account', (tx) => tx.set(['entry', index], null));
      await expect(outcome).rejects.toMatchObject({ kind: 'unknown', values: { withinMs: 3_000 } });
      return elapsedMs(begunAt, env.clock.now());
    };
    const all: Promise<number>[] = [];
    for (let index = 0; index < 30; index++) {
      all.push(write(index));
      await env.sleep('400ms');
    }
    const begunAt = env.clock.now();
    await expect(partition.read('linearizable', { withinMs: 500 })).rejects.toMatchObject({ kind: 'unavailable' });
    expect(Math.round(elapsedMs(begunAt, env.clock.now()))).toBe(500);
    const stop = new AbortController();
    const read = partition.read('linearizable', { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(read).rejects.toThrow('enough');
    for (const ms of await Promise.all(all)) {
      expect(ms).toBeGreaterThan(2_000 - 1);
      expect(ms).toBeLessThan(3_000 + 1);
    }
    isHeld = false;
    gate.resolve();
    expect(await committed(partition, 'account', (tx) => tx.get(['entry', 29]))).toBe(null);
    await partition.close();
  });
});

test('a registry of waits without room costs an explanation, and nobody their outcome', async () => {
  await inWorld(async (env, log) => {
    const waits = new Waits(env.clock, env.timers, { countMax: 1 });
    const partition = await led(env, log, { waits });
    using _other = waits.enter({ what: 'lock', key: 'other', waitsFor: 'its turn', withinMs: null });
    expect(await committed(partition, 'account', (tx) => (tx.set(['x'], 1), 'written'))).toBe('written');
    await partition.stepDown();
    while (partition.status.kind === 'following') await env.sleep('10ms');
    expect(await committed(partition, 'account', (tx) => tx.get(['x']))).toBe(1);
    expect(partition.status).toMatchObject({ kind: 'leading', failure: null });
    await partition.close();
  });
});
