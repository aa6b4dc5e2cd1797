/** Several partitions, each with checkpoints of its own, and all of them restored. */
import { calm, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { directoryCheckpoints } from '../../checkpoint/directory.ts';
import type { CheckpointStore } from '../../checkpoint/port.ts';
import { memoryEngine } from '../../log/memory.ts';
import type { MessageHandler } from '../channel/message.ts';
import { openPartitions, type Partitions } from '../partitions.ts';
import { restorePartition } from './restore.ts';

const tree = { memtableBytes: 2_000, blockBytes: 512, tableBytes: 4_000, cacheBytes: 16_000 };
const settings = { checkpointEveryMs: 200 };

const onMessage: MessageHandler = (tx, { message }) => tx.set(['got'], message);

async function write(partitions: Partitions, n: number): Promise<void> {
  for (const place of places) await partitions.transact(place, (tx) => tx.set(['n', n], 'x'.repeat(50) + n));
}

/** As many as were written at each place. */
async function counts(partitions: Partitions): Promise<readonly number[]> {
  return Promise.all(
    places.map(async (place) => {
      const read = await partitions.read(place, { staleMsMax: 0 });
      if (read.kind !== 'snapshot') return expect.unreachable();
      using snapshot = read;
      return [...snapshot.at(place).range({ prefix: ['n'] })].length;
    }),
  );
}

/** Of partition 0, then of partition 1. */
const places = ['p1', 'p0'] as const;

test('several partitions publish to a store each; another node begins with them; all are restored from backups', async () => {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config: { silenceMs: 100, pauseMsMax: 50 } });
      const checkpoints = (index: number): Promise<CheckpointStore> => directoryCheckpoints(env, `published/${index}`);
      const options = { engine, settings, tree, checkpoints, onMessage };
      const first = await openPartitions(env, { ...options, directory: 'first', owner: 'first', count: 2 });
      await first.leading();
      expect(places.map((place) => first.indexOf(place))).toEqual([0, 1]);
      for (let n = 1; n <= 200; n++) {
        await write(first, n);
        if (n % 20 === 0) await env.sleep('100ms');
      }
      const second = await openPartitions(env, { ...options, directory: 'second', owner: 'second', stands: false });
      expect(await counts(second)).toEqual([200, 200]);
      expect([0, 1].map((index) => env.disk.stat(`second/${index}/current`) !== null)).toEqual([true, true]);
      await second.close();

      const stores = [await directoryCheckpoints(env, 'backup/0'), await directoryCheckpoints(env, 'backup/1')];
      for (const [index, store] of stores.entries()) await first.at(index).backup(store);
      await write(first, 201);
      await first.close();
      for (const [index, store] of stores.entries()) {
        const log = (await engine.open(`restored-${index}`, { create: true })) ?? expect.unreachable();
        await restorePartition(env, { store, log, directory: `restored/${index}`, tree });
        await log.close();
      }
      const { checkpoints: _, ...rest } = options;
      const restored = await openPartitions(env, { ...rest, name: 'restored', directory: 'restored', owner: 'first' });
      await restored.leading();
      expect([restored.count, await counts(restored)]).toEqual([2, [200, 200]]);
      await restored.transact(places[0], (tx) => tx.send(places[1], 'still reached'));
      const got = async (): Promise<unknown> => {
        const outcome = await restored.transact(places[1], (tx) => (tx.get(['got']) as string | undefined) ?? null);
        return outcome.kind === 'committed' ? outcome.value : outcome.kind;
      };
      while ((await got()) === null) await env.sleep('10ms');
      expect(await got()).toBe('still reached');
      await restored.close();
      await engine.close();
    });
  });
});
