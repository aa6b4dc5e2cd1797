/** What handlers, indexes and shapes do wrong stays with the event that it comes of, and no answer is incomplete in silence. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp, type Part } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { projection } from '../machine/projection/projection.ts';
import { query } from '../machine/projection/query.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import { versions } from '../machine/versions.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

const cart = machine({
  name: 'cart',
  initial: () => ({}),
  commands: { Fill: unchecked<readonly string[]>() },
  events: { Added: unchecked<{ readonly items: string[] }>() },
  decide: { Fill: (_cart, items, { event }) => items.map((item) => event('Added', { items: [item] })) },
  evolve: { Added: (state) => state },
});

async function inWorld(play: (env: Env, stores: MemoryStores) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, (world) =>
    world.run('node', (env) => play(env, new MemoryStores())),
  );
}

async function opened(env: Env, stores: MemoryStores, ...parts: readonly Part[]): Promise<LockstepNode> {
  const app = defineApp({ name: 'shop', parts });
  const node = await openNode(env, app, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
  await node.leading();
  return node;
}

async function until(env: Env, isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await env.sleep('10ms');
}
const kindOf = async (node: LockstepNode): Promise<string | undefined> => (await node.projections())[0]?.kind;

test('what an index refuses is told with its very event, and one skip leaves out that one alone', async () => {
  const items = projection({
    name: 'items',
    from: { cart },
    row: unchecked<{ readonly title: string }>(),
    indexes: { byTitle: ({ title }) => [title] },
    on: { cart: { Added: ({ id, data: { items: all } }, rows) => rows.set(id, { title: all.join() }) } },
  });
  const titles = query({
    name: 'titles',
    input: nothing,
    reads: { items },
    at: () => 'x',
    run: (tables) => tables.items.list('byTitle', { limit: 100 }).map(({ title }) => title),
  });
  await inWorld(async (env, stores) => {
    const node = await opened(env, stores, cart, items, titles);
    await node.send(cart, 'k', 'Fill', ['first', 'x'.repeat(4_000), 'last']);
    const [status] = await node.projections();
    expect(status).toMatchObject({ kind: 'stopped', error: { event: { machine: 'cart', key: 'k', version: 2 } } });
    await node.skipProjectionEvent('items');
    await until(env, async () => (await kindOf(node)) === 'live');
    expect((await node.query(titles, undefined)).value).toEqual(['first', 'last']);
    await node.close();
  });
});

test('a handler changes nothing of what other projections, and the sender, are given', async () => {
  const of = (name: string) =>
    projection({
      name,
      from: { cart },
      row: unchecked<{ readonly items: string[] }>(),
      on: {
        cart: {
          Added: ({ key, data }, rows) => {
            const row = rows.get(key);
            row?.items.push(...data.items);
            rows.set(key, row ?? data);
          },
        },
      },
    });
  const [one, two] = [of('one'), of('two')];
  const both = query({
    name: 'both',
    input: nothing,
    reads: { one, two },
    at: () => 'x',
    run: (tables) => [tables.one.get('k')?.items, tables.two.get('k')?.items],
  });
  await inWorld(async (env, stores) => {
    const node = await opened(env, stores, cart, one, two, both);
    const sent = await node.send(cart, 'k', 'Fill', ['a', 'b', 'c']);
    expect(sent).toMatchObject({ events: ['a', 'b', 'c'].map((item) => ({ data: { items: [item] } })) });
    const all = ['a', 'b', 'c'];
    expect((await node.query(both, undefined)).value).toEqual([all, all]);
    await node.close();
  });
});

const countOf = (codeVersion: number, isBad: boolean) => {
  const count = projection({
    name: 'count',
    codeVersion,
    from: { cart },
    row: unchecked<number>(),
    on: {
      cart: {
        Added: ({ data: { items } }, rows) => {
          if (isBad && items.includes('unlucky')) throw new Error('bad luck');
          rows.set('all', (rows.get('all') ?? 0) + 1);
        },
      },
    },
  });
  const counted = query({
    name: 'counted',
    input: nothing,
    reads: { count },
    at: () => 'x',
    run: (tables) => tables.count.get('all'),
  });
  return { parts: [cart, count, counted], counted };
};

test('a skip of one event leaves out no other, however often it is asked for', async () => {
  const { parts, counted } = countOf(1, true);
  await inWorld(async (env, stores) => {
    const node = await opened(env, stores, ...parts);
    for (const key of ['a', 'b']) await node.send(cart, key, 'Fill', ['unlucky']);
    const event = (await node.projections())[0]?.error?.event ?? expect.unreachable();
    expect(event).toMatchObject({ key: 'a' });
    expect(await node.skipProjectionEvent('count', event)).toEqual([0]);
    await until(env, async () => (await node.projections())[0]?.error?.event.key === 'b');
    expect(await node.skipProjectionEvent('count', event)).toEqual([]);
    expect((await node.projections())[0]).toMatchObject({ kind: 'stopped', error: { event: { key: 'b' } } });
    expect(await node.skipProjectionEvent('count')).toEqual([0]);
    await until(env, async () => (await kindOf(node)) === 'live');
    expect((await node.query(counted, undefined)).value).toBe(undefined);
    await node.close();
  });
});

test('while newer code cannot go on its queries say so, whatever rows the code before has', async () => {
  await inWorld(async (env, stores) => {
    const before = await opened(env, stores, ...countOf(1, false).parts);
    for (const item of ['a', 'unlucky', 'b']) await before.send(cart, item, 'Fill', [item]);
    await before.close();
    const { parts, counted } = countOf(2, true);
    const node = await opened(env, stores, ...parts);
    await until(env, async () => (await kindOf(node)) === 'stopped');
    await expect(node.query(counted, undefined)).rejects.toThrow('bad luck');
    expect(await node.query(counted, undefined, { partial: true })).toMatchObject({
      missing: ['count of partition 0'],
    });
    await node.skipProjectionEvent('count');
    await until(env, async () => (await kindOf(node)) === 'live');
    expect((await node.query(counted, undefined)).value).toBe(2);
    await node.close();
  });
});

test('while newer code mends what stopped the code before, queries wait for it', async () => {
  await inWorld(async (env, stores) => {
    const before = await opened(env, stores, ...countOf(1, true).parts);
    for (let at = 0; at < 2_000; at++) await before.send(cart, `k-${at}`, 'Fill', [at === 1 ? 'unlucky' : 'a']);
    await before.close();
    const { parts, counted } = countOf(2, false);
    const node = await opened(env, stores, ...parts);
    expect((await node.query(counted, undefined)).value).toBe(2_000);
    await node.close();
  });
});

test('an event that nobody can read any more is told as the one that stops, and can be skipped', async () => {
  const note = (version: 1 | 2) =>
    machine({
      name: 'note',
      initial: () => ({}),
      commands: { Say: unchecked<readonly number[]>() },
      events: {
        Said:
          version === 1
            ? unchecked<number>()
            : versions(unchecked<number>()).next(unchecked<number>(), (old) => {
                if (old === 13) throw new Error('cannot read 13');
                return old;
              }),
      },
      decide: { Say: (_note, all, { event }) => all.map((one) => event('Said', one)) },
      evolve: { Said: (state) => state },
    });
  const partsOf = (version: 1 | 2) => {
    const said = note(version);
    const sums = projection({
      name: 'sums',
      codeVersion: version,
      from: { said },
      row: unchecked<number>(),
      on: { said: { Said: ({ data }, rows) => rows.set('sum', (rows.get('sum') ?? 0) + data) } },
    });
    const sum = query({
      name: 'sum',
      input: nothing,
      reads: { sums },
      at: () => 'x',
      run: (tables) => tables.sums.get('sum'),
    });
    return { said, sum, parts: [said, sums, sum] };
  };
  await inWorld(async (env, stores) => {
    const first = partsOf(1);
    const before = await opened(env, stores, ...first.parts);
    await before.send(first.said, 'k', 'Say', [1, 13, 2]);
    await before.close();
    const { sum, parts } = partsOf(2);
    const node = await opened(env, stores, ...parts);
    await until(env, async () => (await kindOf(node)) === 'stopped');
    expect((await node.projections())[0]?.error?.event).toEqual({ machine: 'note', key: 'k', version: 2 });
    await node.skipProjectionEvent('sums');
    expect((await node.query(sum, undefined)).value).toBe(3);
    await node.close();
  });
});
