/** A partition over a log in memory, in a calm world: what transactions see, what comes of them, what reads are told. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import type { Log } from '../log/port.ts';
import { Waits } from '../observe/waits.ts';
import { commandId } from './command-id.ts';
import { openPartition, type PartitionOptions } from './open-partition.ts';
import type { Partition } from './partition.ts';
import type { Snapshot } from './snapshot.ts';
import type { Rejection } from './transaction.ts';

const config = { silenceMs: 300, pauseMsMax: 100, attemptMsMax: 400, settleMsMax: 3_000 };

async function inWorld(play: (env: Env, log: Log) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config });
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      await play(env, log);
      await engine.close();
    });
  });
}

const open = (env: Env, log: Log, options: Partial<PartitionOptions> = {}): Promise<Partition> =>
  openPartition(env, { log, payloadBytesMax: 1024 * 1024, directory: 'state', owner: 'node', ...options });

async function led(env: Env, log: Log, options: Partial<PartitionOptions> = {}): Promise<Partition> {
  const partition = await open(env, log, options);
  await partition.leading();
  return partition;
}

async function snapshotOf(partition: Partition): Promise<Snapshot> {
  const outcome = await partition.read('linearizable');
  return outcome.kind === 'snapshot' ? outcome : expect.unreachable();
}

const reject = <Code extends string>(code: Code): Rejection<Code, null> => ({ kind: 'rejected', code, details: null });

describe('a partition that leads', () => {
  test('runs a transaction, tells its value once it is durable, and reads what it wrote', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      const outcome = await partition.transact('account', (tx) => {
        tx.set(['balance'], 100);
        tx.local.set(['seen'], 1);
        return (tx.get(['balance']) as number) + 1;
      });
      expect(outcome).toMatchObject({ kind: 'committed', value: 101, revision: 2 });
      using snapshot = await snapshotOf(partition);
      expect([snapshot.at('account/any').get(['balance']), snapshot.local.get(['seen'])]).toEqual([100, 1]);
      expect(snapshot.at('other').get(['balance'])).toBeUndefined();
      await partition.close();
    });
  });

  test('a key that can be no place is refused before anything runs, whatever that would have touched', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      let ran = 0;
      const work = (): number => ++ran;
      for (const key of ['lone \ud800', 'x'.repeat(10_000)])
        await expect(partition.transact(key, work)).rejects.toMatchObject({ happened: 'no' });
      expect(ran).toBe(0);
      await partition.close();
    });
  });

  test('those of one moment see each other in order, and become durable together', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      const add = (): Promise<unknown> =>
        partition.transact('counter', (tx) => {
          const count = ((tx.get(['count']) as number | undefined) ?? 0) + 1;
          tx.set(['count'], count);
          return count;
        });
      const before = await log.tail();
      const outcomes = await Promise.all(Array.from({ length: 50 }, add));
      expect(outcomes.map((one) => (one as { readonly value: number }).value)).toEqual(
        Array.from({ length: 50 }, (_, index) => index + 1),
      );
      expect((await log.tail()) - before).toBeLessThanOrEqual(2);
      await partition.close();
    });
  });

  test('a rejection and an error drop what was written', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      const rejected = await partition.transact('a', (tx) => {
        tx.set(['x'], 1);
        return reject('no-funds');
      });
      expect(rejected).toMatchObject({ kind: 'rejected', code: 'no-funds' });
      const broken = partition.transact('a', (tx) => {
        tx.set(['x'], 2);
        throw new Error('broken');
      });
      await expect(broken).rejects.toThrow('broken');
      using snapshot = await snapshotOf(partition);
      expect(snapshot.at('a').get(['x'])).toBeUndefined();
      await partition.close();
    });
  });

  test('ids that were remembered before are counted by who leads next: the oldest are forgotten when there are too many', async () => {
    await inWorld(async (env, log) => {
      const options = { settings: { commandCountMax: 1_060 } };
      const send = (partition: Partition, minutesAgo: number, name: string) => {
        const id = commandId(new Date(env.clock.wall() - minutesAgo * 60_000), name);
        return partition.transact('a', (tx) => tx.set(['x'], 1), { commandId: id });
      };
      const before = await led(env, log, options);
      await Promise.all(Array.from({ length: 1_050 }, (_, at) => send(before, 30 - Math.floor(at / 35), `old-${at}`)));
      await before.close();
      const partition = await led(env, log, options);
      await env.sleep('1s'); // a part at a time
      for (let at = 0; at < 20; at++) await send(partition, 0, `new-${at}`);
      expect(await send(partition, 40, 'older')).toEqual({ kind: 'expired' });
      expect(await send(partition, 25, 'middle')).toMatchObject({ kind: 'committed' });
      await partition.close();
    });
  });

  test('while there are few nobody counts them; once there may be many, those of before are counted too', async () => {
    await inWorld(async (env, log) => {
      const options = { settings: { commandCountMax: 60 } };
      const nowMs = env.clock.wall();
      const send = (partition: Partition, minutesAgo: number, name: string) => {
        const id = commandId(new Date(nowMs - minutesAgo * 60_000), name);
        return partition.transact('a', (tx) => tx.set(['x'], 1), { commandId: id });
      };
      const before = await led(env, log, options);
      for (let at = 0; at < 20; at++) await send(before, 30, `old-${at}`);
      await before.close();
      const partition = await led(env, log, options);
      for (let at = 0; at < 20; at++) await send(partition, 20, `middle-${at}`);
      await env.sleep('1s');
      for (let at = 0; at < 19; at++) await send(partition, 0, `new-${at}`);
      expect(await send(partition, 30, 'old-0')).toMatchObject({ kind: 'already-done' });
      for (let at = 0; at < 2; at++) await send(partition, 0, `last-${at}`);
      expect(await send(partition, 30, 'old-0')).toEqual({ kind: 'expired' });
      expect(await send(partition, 20, 'middle-0')).toMatchObject({ kind: 'already-done' });
      await partition.close();
    });
  });

  test('ids of a clock that is ahead leave room for everybody else: nobody who sends now is forgotten for them', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log, { settings: { commandCountMax: 100 } });
      const send = (minutesAhead: number, name: string) => {
        const id = commandId(new Date(env.clock.wall() + minutesAhead * 60_000), name);
        return partition.transact('a', (tx) => tx.set(['x'], 1), { commandId: id });
      };
      const ahead = (at: number) => send(23 * 60 + (at % 2), `ahead-${at}`);
      for (let at = 0; at < 10; at++) expect((await ahead(at)).kind).toBe('committed');
      for (let at = 10; at < 20; at++)
        await expect(ahead(at)).rejects.toMatchObject({ kind: 'overloaded', happened: 'no' });
      for (let at = 0; at < 300; at++) expect((await send(0, `now-${at}`)).kind).toBe('committed');
      expect((await send(1, 'a minute ahead')).kind).toBe('committed');
      expect((await send(23 * 60, 'ahead-0')).kind).not.toBe('expired');
      await partition.close();
    });
  });

  test('a command id is run once; its first outcome comes back; one that is too old is never run', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log, { settings: { commandWindowMs: 1_000 } });
      const id = env.newId();
      let runs = 0;
      const send = (commandId: string) =>
        partition.transact(
          'a',
          (tx) => {
            runs++;
            tx.set(['x'], runs);
            return { runs };
          },
          { commandId },
        );
      const first = await send(id);
      expect(await send(id)).toMatchObject({ kind: 'already-done', value: { runs: 1 }, revision: 2 });
      expect(first).toMatchObject({ kind: 'committed', value: { runs: 1 }, revision: 2 });
      await env.sleep('3s');
      expect(await send(id)).toEqual({ kind: 'expired' });
      expect(await send(commandId(env.now(), 'mine'))).toMatchObject({ kind: 'committed' });
      expect(runs).toBe(2);
      using snapshot = await snapshotOf(partition);
      expect([...snapshot.system('command', null).range()].length).toBe(1);
      await expect(send('mine')).rejects.toMatchObject({ kind: 'invalid' });
      await partition.close();
    });
  });

  test('misuse is told: promises, nesting, a transaction that is over, another place', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      // @ts-expect-error a function that returns a promise does not compile either
      await expect(partition.transact('a', async () => 1)).rejects.toMatchObject({ kind: 'misuse' });
      const nested = partition.transact('a', () => void partition.transact('a', () => 1));
      await expect(nested).rejects.toMatchObject({ kind: 'misuse' });
      const kept = await partition.transact('a', (tx) => [tx] as unknown as string);
      const [tx] = (kept as unknown as { readonly value: readonly [{ get(key: string[]): unknown }] }).value;
      expect(() => tx.get(['x'])).toThrow('this transaction is over');
      const elsewhere = partition.transact('a/1', (tx) => tx.at('b/1').get(['x']) ?? null);
      await expect(elsewhere).rejects.toThrow('not-colocated');
      await expect(partition.transact('a/1', (tx) => tx.at('a/2').get(['x']) ?? 0)).resolves.toMatchObject({
        value: 0,
      });
      await expect(partition.transact('a', (tx) => tx.send('b', 1))).rejects.toMatchObject({ kind: 'misuse' });
      await partition.close();
    });
  });

  test('ranges see what was written before, within bounds, both ways', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      await partition.transact('p', (tx) => {
        for (const at of [1, 2, 3]) for (const to of ['a', 'b']) tx.set(['item', at, to], at);
        tx.set(['other'], 0);
      });
      await partition.transact('p', (tx) => {
        tx.deleteRange({ prefix: ['item', 2] });
        tx.delete(['item', 1, 'a']);
        tx.set(['item', 4, 'a'], 4);
        const keys = [...tx.range({ prefix: ['item'] })].map(([key]) => key.slice(1).join(''));
        expect(keys).toEqual(['1b', '3a', '3b', '4a']);
        const back = [...tx.range({ prefix: ['item'], reverse: true, limit: 2 })].map(([key]) => key.slice(1).join(''));
        expect(back).toEqual(['4a', '3b']);
        expect([...tx.range({ from: ['item', 3], to: ['item', 4] })].length).toBe(2);
      });
      await partition.close();
    });
  });

  test('what waits beyond the limit is refused, and what is too large for the log', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log, { payloadBytesMax: 10_000, settings: { waitingCountMax: 10 } });
      const put = (bytes: number) => partition.transact('a', (tx) => tx.set(['x'], 'x'.repeat(bytes)));
      expect(await put(20_000)).toEqual({ kind: 'refused', reason: 'too-large' });
      const outcomes = await Promise.all(Array.from({ length: 12 }, () => put(4_000)));
      expect(outcomes.map(({ kind }) => kind)).toEqual([
        ...Array.from({ length: 10 }, () => 'committed'),
        'refused',
        'refused',
      ]);
      await partition.close();
      expect(await put(1)).toEqual({ kind: 'refused', reason: 'stopping' });
    });
  });
});

describe('reads', () => {
  test('at least as new as a token, at most so old, on a follower too', async () => {
    await inWorld(async (env, log) => {
      const waits = new Waits(env.clock, env.timers);
      const leader = await led(env, log, { waits });
      const follower = await open(env, log, { directory: 'other', owner: 'other', stands: false, waits });
      const outcome = await leader.transact('a', (tx) => tx.set(['x'], 1));
      if (outcome.kind !== 'committed') expect.unreachable();
      const read = await follower.read({ atLeast: outcome.token });
      if (read.kind !== 'snapshot') expect.unreachable();
      expect([read.at('a').get(['x']), read.revision >= outcome.revision]).toEqual([1, true]);
      read[Symbol.dispose]();
      expect(() => read.at('a').get(['x'])).toThrow('disposed');
      await leader.transact('a', (tx) => tx.set(['x'], 2));
      const fresh = await follower.read({ staleMsMax: 0 });
      if (fresh.kind !== 'snapshot') expect.unreachable();
      expect(fresh.at('a').get(['x'])).toBe(2);
      fresh[Symbol.dispose]();
      expect(await follower.read('linearizable')).toEqual({ kind: 'not-leader', leader: 'node' });
      expect(await follower.transact('a', () => 1)).toEqual({ kind: 'not-leader', leader: 'node' });
      await follower.close();
      await leader.close();
      expect(waits.explain()).toEqual([]);
    });
  });

  test('a snapshot stays as it was, and ends by itself when it is too old', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log, { settings: { snapshotMsMax: 2_000 } });
      const snapshot = await snapshotOf(partition);
      await partition.transact('a', (tx) => tx.set(['x'], 1));
      expect(snapshot.at('a').get(['x'])).toBeUndefined();
      await env.sleep('3s');
      expect(() => snapshot.at('a').get(['x'])).toThrow('too old');
      await partition.close();
    });
  });
});

test('snapshots end with their partition', async () => {
  await inWorld(async (env, log) => {
    const partition = await led(env, log);
    const snapshot = await snapshotOf(partition);
    await partition.close();
    expect(() => snapshot.at('a').get(['x'])).toThrow('closed');
    snapshot[Symbol.dispose]();
  });
});

describe('a change of leader', () => {
  test('state, identity and revisions go on; the one that stepped down follows', async () => {
    await inWorld(async (env, log) => {
      const one = await led(env, log, { owner: 'one', directory: 'one' });
      const first = await one.transact('a', (tx) => tx.set(['x'], 1));
      const two = await open(env, log, { owner: 'two', directory: 'two' });
      await one.stepDown();
      await two.leading();
      const second = await two.transact('a', (tx) => tx.get(['x']) ?? null);
      expect(second).toMatchObject({ kind: 'committed', value: 1 });
      if (first.kind !== 'committed') expect.unreachable();
      const read = await one.read({ atLeast: first.token });
      expect(read.kind).toBe('snapshot');
      await one.close();
      await two.close();
    });
  });

  test('what was written is there when it is opened again', async () => {
    await inWorld(async (env, log) => {
      const one = await led(env, log);
      await one.transact('a', (tx) => tx.set(['x'], 1));
      const { token } = one.status;
      await one.close();
      const again = await led(env, log);
      const read = await again.read({ atLeast: token });
      if (read.kind !== 'snapshot') expect.unreachable();
      expect(read.at('a').get(['x'])).toBe(1);
      read[Symbol.dispose]();
      await again.close();
    });
  });
});
