/** An event that was stored in an older shape is read in the newest, whichever way it is read. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp, type App } from '../machine/app.ts';
import { fromCloudEvent, toCloudEvent } from '../machine/cloud-event.ts';
import { machine } from '../machine/machine.ts';
import { unchecked } from '../machine/schema.ts';
import { versions } from '../machine/versions.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

const before = machine({
  name: 'order',
  initial: () => ({ total: 0 }),
  commands: { Place: unchecked<number>() },
  events: { Placed: unchecked<number>() },
  decide: { Place: (_order, total, { event }) => [event('Placed', total)] },
  evolve: { Placed: (_order, total) => ({ total }) },
  tags: { Placed: () => ['placed'] },
});

const after = machine({
  name: 'order',
  initial: () => ({ total: 0 }),
  commands: { Place: unchecked<number>() },
  events: {
    Placed: versions(unchecked<number>()).next(unchecked<{ total: number; currency: string }>(), (total) => ({
      total,
      currency: 'EUR',
    })),
  },
  decide: { Place: (_order, total, { event }) => [event('Placed', { total, currency: 'USD' })] },
  evolve: { Placed: (_order, { total }) => ({ total }) },
});

async function opened(env: Env, stores: MemoryStores, app: App<unknown>): Promise<LockstepNode> {
  const node = await openNode(env, app, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
  await node.leading();
  return node;
}

test('old events are read in the newest shape: followed, bounded, by tag, by subscription and as CloudEvents', async () => {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const stores = new MemoryStores();
      const old = await opened(env, stores, defineApp({ name: 'app', parts: [before] }));
      await old.send(before, 'a', 'Place', 7);
      await old.close();
      const node = await opened(env, stores, defineApp({ name: 'app', parts: [after] }));
      const { events } = await node.readStream(after, 'a');
      const tagged = await node.readTagged('a', { queries: [{ tags: ['placed'] }] });
      const all: unknown[] = [...events, ...tagged.events].map(({ data }) => data);
      for (const source of [node.events(after), node.allEvents({ order: 'time' }), node.subscription('all')])
        for await (const event of source) {
          all.push(event.data);
          break;
        }
      const newest = { total: 7, currency: 'EUR' };
      expect(all).toEqual(Array.from({ length: 5 }, () => newest));
      for (const event of events)
        expect(fromCloudEvent(toCloudEvent(event, { source: 'urn:shop' })).data).toEqual(newest);
      await node.close();
    });
  });
});

test('an older shape that cannot be read is told with the event that has it, and only to who asks for it', async () => {
  const pair = machine({
    name: 'pair',
    initial: () => ({ total: 0 }),
    commands: { Place: unchecked<number>() },
    events: { Placed: unchecked<number>(), Noted: unchecked<string>() },
    decide: { Place: (_order, total, { event }) => [event('Placed', total), event('Noted', `of ${total}`)] },
    evolve: { Placed: (_order, total) => ({ total }), Noted: (order) => order },
  });
  const strict = machine({
    name: 'pair',
    initial: () => ({ total: 0 }),
    commands: { Place: unchecked<number>() },
    events: {
      Placed: versions(unchecked<number>()).next(unchecked<string>(), (total) => {
        if (total === 13) throw new Error('bad luck');
        return String(total);
      }),
      Noted: unchecked<string>(),
    },
    decide: { Place: () => [] },
    evolve: { Placed: (order) => order, Noted: (order) => order },
  });
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const stores = new MemoryStores();
      const old = await opened(env, stores, defineApp({ name: 'app', parts: [pair] }));
      for (const total of [7, 13, 8]) await old.send(pair, 'a', 'Place', total);
      await old.close();
      const node = await opened(env, stores, defineApp({ name: 'app', parts: [strict] }));
      const noted: string[] = [];
      for await (const { data } of node.events(strict, { types: ['Noted'] })) if (noted.push(data) === 3) break;
      expect(noted).toEqual(['of 7', 'of 13', 'of 8']);
      await expect(node.readStream(strict, 'a')).rejects.toMatchObject({
        kind: 'misuse',
        values: { event: 'pair/a@3', type: 'Placed', shape: 1 },
        cause: expect.objectContaining({ message: 'bad luck' }),
      });
      await node.close();
    });
  });
});
