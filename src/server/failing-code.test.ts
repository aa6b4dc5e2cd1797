/** What an app's code throws while it is read: whoever asks learns that nothing was done, and that asking again is in vain. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { connect } from '../client/connect.ts';
import { SeededRandom } from '../kernel/random.ts';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp, type App } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { unchecked } from '../machine/schema.ts';
import { versions } from '../machine/versions.ts';
import type { LockstepNode } from '../node/node.ts';
import { openNode } from '../node/open.ts';
import { nodeHandler } from './node-handler.ts';

const bearer = 'sixteen-characters-and-more';
const common = {
  name: 'order',
  commands: { Place: unchecked<number>() },
  initial: () => ({ total: 0 }),
};
const before = machine({
  ...common,
  events: { Placed: unchecked<number>() },
  decide: { Place: (_order, total, { event }) => [event('Placed', total)] },
  evolve: { Placed: (_order, total) => ({ total }) },
});
const after = machine({
  ...common,
  codeVersion: 2, // states are folded again
  events: {
    Placed: versions(unchecked<number>()).next(unchecked<{ total: number }>(), () => {
      throw new Error('an amount without a currency');
    }),
  },
  decide: { Place: (_order, total, { event }) => [event('Placed', { total })] },
  evolve: { Placed: (_order, { total }) => ({ total }) },
});

const opened = async (env: Env, stores: MemoryStores, app: App<unknown>): Promise<LockstepNode> => {
  const node = await openNode(env, app, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
  await node.leading();
  return node;
};

test('a state, a page, a history and a stream whose events no code can read are told as certainly not done', async () => {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const stores = new MemoryStores();
      const old = await opened(env, stores, defineApp({ name: 'app', parts: [before] }));
      await old.send(before, 'a', 'Place', 7);
      await old.close();
      const node = await opened(env, stores, defineApp({ name: 'app', parts: [after] }));
      const errors: unknown[] = [];
      const handle = nodeHandler(node, { bearer, ports: env, onError: (error) => errors.push(error) });
      const ask = (path: string, accept: string): Promise<Response> =>
        handle(new Request(`http://shop.test${path}`, { headers: { authorization: `Bearer ${bearer}`, accept } }));
      const told = {
        kind: 'misuse',
        happened: 'no',
        retry: false,
        values: { threw: expect.stringContaining('currency') },
      };
      for (const path of [
        '/machines/order/state?key=a',
        '/machines/order/events',
        '/history?machine=order&key=a',
        '/events',
      ]) {
        const response = await ask(path, 'application/json');
        expect([path, response.status, await response.json()]).toEqual([path, 500, expect.objectContaining(told)]);
      }
      for (const path of ['/machines/order/events?key=a', '/machines/order/events', '/events']) {
        const text = await (await ask(path, 'text/event-stream')).text();
        expect(JSON.parse(/event: problem\ndata: (.*)/.exec(text)?.[1] ?? text)).toMatchObject(told);
      }
      expect(errors).toHaveLength(7);
      const shop = connect('http://shop.test', {
        bearer,
        ports: { ...env, randomness: new SeededRandom('client') },
        fetch: (url, init) => handle(new Request(url, init)),
      });
      await expect(shop.events(after)[Symbol.asyncIterator]().next()).rejects.toMatchObject(told);
      await node.close();
    });
  });
});
