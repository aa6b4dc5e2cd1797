/** Functions that wait: serializable with all others, run again when they come too late, once by a command id. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import { Waits } from '../observe/waits.ts';
import { openPartition } from './open-partition.ts';
import type { Partition } from './partition.ts';

async function led(play: (env: Env, partition: Partition, waits: Waits) => Promise<void>): Promise<void> {
  await simulate({ seeds: 3, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config: { silenceMs: 300, pauseMsMax: 100 } });
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      const waits = new Waits(env.clock, env.timers);
      const options = { log, payloadBytesMax: 1024 * 1024, directory: 'state', owner: 'node', waits };
      const partition = await openPartition(env, options);
      await partition.leading();
      await play(env, partition, waits);
      await partition.close();
      await engine.close();
    });
  });
}

const add = (env: Env, partition: Partition, attempts: number) =>
  partition.transactAsync(
    'counter',
    async (tx) => {
      const count = Number(tx.get(['count']) ?? 0);
      await env.sleep('5ms');
      tx.set(['count'], count + 1);
      return count + 1;
    },
    { attempts },
  );

async function countOf(partition: Partition): Promise<number> {
  const outcome = await partition.transact('counter', (tx) => Number(tx.get(['count']) ?? 0));
  return outcome.kind === 'committed' ? outcome.value : expect.unreachable();
}

describe('a function that waits', () => {
  test('is committed when nothing that it read was changed, and run again when something was', async () => {
    await led(async (env, partition) => {
      const outcomes = await Promise.all(Array.from({ length: 6 }, () => add(env, partition, 100)));
      const values = outcomes.map((one) => (one.kind === 'committed' ? one.value : expect.unreachable()));
      expect(values.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(await countOf(partition)).toBe(6);
    });
  });

  test('that comes too late every time is a conflict, which says who was in the way', async () => {
    await led(async (env, partition) => {
      const [first, second] = await Promise.all([add(env, partition, 1), add(env, partition, 1)]);
      expect(first.kind).toBe('committed');
      expect(second).toMatchObject({ kind: 'conflict', attempts: 1 });
      expect(JSON.stringify(second)).toContain('of the place counter');
      expect(await countOf(partition)).toBe(1);
    });
  });

  test('sees one moment, and what is changed behind it in a range or where nothing was counts as well', async () => {
    await led(async (env, partition) => {
      const claim = (name: string) =>
        partition.transactAsync('desk', async (tx) => {
          const taken = [...tx.range({ prefix: ['on call'] })].length;
          await env.sleep('5ms');
          if (taken > 0) return 'somebody is';
          tx.set(['on call', name], true);
          return 'mine';
        });
      const outcomes = await Promise.all(['ann', 'bob', 'cid'].map(claim));
      const values = outcomes.map((one) => (one.kind === 'committed' ? one.value : expect.unreachable()));
      expect(values.filter((one) => one === 'mine').length).toBe(1);
    });
  });

  test('is run once by its id, though it was sent twice', async () => {
    await led(async (env, partition) => {
      const commandId = env.newId();
      const send = () =>
        partition.transactAsync(
          'counter',
          async (tx) => {
            await env.sleep('5ms');
            tx.set(['count'], Number(tx.get(['count']) ?? 0) + 1);
            return env.newId();
          },
          { commandId },
        );
      const [first, second] = await Promise.all([send(), send()]);
      expect([first.kind, second.kind].toSorted()).toEqual(['already-done', 'committed']);
      expect((first as { readonly value: string }).value).toBe((second as { readonly value: string }).value);
      expect(await countOf(partition)).toBe(1);
    });
  });

  test('that does not end in time has written nothing, and stands among what waits until then', async () => {
    await led(async (env, partition, waits) => {
      const hanging = partition.transactAsync(
        'counter',
        async (tx) => {
          tx.set(['count'], 1);
          await env.sleep('1h');
          tx.set(['count'], 2);
        },
        { withinMs: 1_000 },
      );
      const refused = expect(hanging).rejects.toMatchObject({ kind: 'unavailable' });
      expect(waits.explain().map(({ what, waitsFor }) => [what, waitsFor])).toEqual([['transact', 'its function']]);
      await refused;
      expect(waits.explain()).toEqual([]);
      expect(await countOf(partition)).toBe(0);
    });
  });

  test('that throws or rejects drops what it wrote', async () => {
    await led(async (env, partition) => {
      const broken = partition.transactAsync('counter', async (tx) => {
        tx.set(['count'], 1);
        await env.sleep('1ms');
        throw new Error('broken');
      });
      await expect(broken).rejects.toThrow('broken');
      const rejected = await partition.transactAsync('counter', async (tx) => {
        tx.set(['count'], 1);
        await env.sleep('1ms');
        return { kind: 'rejected', code: 'no', details: null } as const;
      });
      expect(rejected).toMatchObject({ kind: 'rejected', code: 'no' });
      expect(await countOf(partition)).toBe(0);
    });
  });
});
