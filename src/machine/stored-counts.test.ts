/** What of a node's events does not fit newer code is counted, and told, when it declines to lead. */
import { calm, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { instant } from '../kernel/time.ts';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import type { LockstepNode } from '../node/node.ts';
import { openNode } from '../node/open.ts';
import type { Snapshot } from '../partition/snapshot.ts';
import { defineApp } from './app.ts';
import { machine } from './machine.ts';
import { unchecked, type Schema } from './schema.ts';
import { countStored } from './stored-counts.ts';

/** A schema of numbers that says so, or of something else. */
function saying(type: string): Schema<number> {
  const shape = () => ({ type });
  return { '~standard': { ...unchecked<number>()['~standard'], jsonSchema: { input: shape, output: shape } } };
}

const counterOf = (name: string, Added: Schema<number>) =>
  machine({
    name,
    initial: () => ({ sum: 0 }),
    commands: { Add: unchecked<number>() },
    events: { Added },
    decide: { Add: (_state, count, { event }) => Array.from({ length: count }, () => event('Added', 1)) },
    evolve: { Added: ({ sum }, count) => ({ sum: sum + count }) },
  });

test('a refusal says how many streams and events are stored', async () => {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const stores = new MemoryStores();
      const opened = (...parts: readonly ReturnType<typeof counterOf>[]): Promise<LockstepNode> => {
        const app = defineApp({ name: 'app', parts });
        return openNode(env, app, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
      };
      const [one, other] = [counterOf('one', saying('integer')), counterOf('other', saying('integer'))];
      const node = await opened(one, other);
      for (const key of ['a', 'b', 'b']) await node.send(one, key, 'Add', 400);
      await node.send(other, 'a', 'Add', 1);

      using snapshot = (await node.partitions.at(0).read('linearizable')) as Snapshot;
      const counts = countStored(snapshot, env);
      expect([counts.streams('one'), counts.events('one', 'Added')]).toEqual(['2', '1,200']);
      expect([counts.streams('none'), counts.events('other', 'Gone')]).toEqual(['0', '0']);
      let ms = 0;
      const hasty = countStored(snapshot, { clock: { ...env.clock, now: () => instant((ms += 70)) } });
      expect([hasty.streams('one'), hasty.events('other', 'Added')]).toEqual(['at least 1', 'at least 0']);
      snapshot[Symbol.dispose]();
      await node.close();

      const refused = async (...parts: readonly ReturnType<typeof counterOf>[]): Promise<unknown> => {
        const newer = await opened(...parts);
        const why = await newer.leading().then(
          () => null,
          (error: unknown) => error,
        );
        await newer.close();
        return why;
      };
      expect(await refused(counterOf('one', saying('string')), other)).toMatchObject({
        kind: 'misuse',
        summary: 'an event has a new shape and no new version; the node did not start',
        values: { event: 'one.Added', stored: '1,200' },
      });
      expect(await refused(other)).toMatchObject({
        summary: expect.stringContaining('2 streams have no code') as string,
      });
      // Who does not say a shape has any.
      expect(await refused(counterOf('one', unchecked()), counterOf('other', unchecked()))).toBeNull();
    });
  });
});
