/** The event store of a node in a calm world: which events are followed, in which order, from where on; bounded reads. */
import { setImmediate as turn } from 'node:timers/promises';
import { calm, openInMemory, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import { defineApp } from '../machine/app.ts';
import { committed } from '../machine/connection.ts';
import { orderSystem } from '../machine/event-row.ts';
import { machine } from '../machine/machine.ts';
import { unchecked } from '../machine/schema.ts';
import type { Token } from '../partition/transaction.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

const counter = machine({
  name: 'counter',
  initial: () => ({ sum: 0 }),
  commands: { Add: unchecked<number>(), AddTwice: unchecked<number>() },
  events: { Added: unchecked<number>(), Doubled: unchecked<number>() },
  decide: {
    Add: (_state, count, { event }) => [event('Added', count)],
    AddTwice: (_state, count, { event }) => [event('Added', count), event('Doubled', count)],
  },
  evolve: {
    Added: ({ sum }, count) => ({ sum: sum + count }),
    Doubled: ({ sum }, count) => ({ sum: sum + count }),
  },
});

const bell = machine({
  name: 'bell',
  initial: () => ({ rung: 0 }),
  commands: { Ring: unchecked<string>() },
  events: { Rung: unchecked<string>() },
  decide: {
    Ring: (_state, by, { event, key, send }) => {
      send(counter, key, 'Add', 1);
      return [event('Rung', by)];
    },
  },
  evolve: { Rung: ({ rung }) => ({ rung: rung + 1 }) },
});

async function inWorld(partitions: number, play: (node: LockstepNode, env: Env) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const app = defineApp({ name: 'app', parts: [counter, bell] });
      const node = await openNode(env, app, {
        engine: memoryEngine(env),
        directory: 'state',
        owner: 'node',
        partitions,
      });
      await node.leading();
      await play(node, env);
      await node.close();
    });
  });
}

async function first<T>(count: number, items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === count) break;
  return found;
}

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const dataOf = <T>(events: readonly { readonly data: T }[]): T[] => events.map(({ data }) => data);

test('events of several machines are followed by prefix and by type, and an event says of which machine it is', async () => {
  await inWorld(2, async (node) => {
    for (const key of ['a/1', 'b/1', 'a/2']) {
      await node.send(counter, key, 'AddTwice', 1);
      await node.send(bell, key, 'Ring', 'me');
    }
    const found = await first(4, node.allEvents({ prefix: 'a/', types: ['Doubled', 'Rung'] }));
    expect(found.map((event) => `${event.machine} ${event.key} ${event.type}`).toSorted()).toEqual([
      'bell a/1 Rung',
      'bell a/2 Rung',
      'counter a/1 Doubled',
      'counter a/2 Doubled',
    ]);
    const some = node.allEvents({ machines: [bell], prefix: 'b/' });
    const [rung] = await first(1, some);
    expect(rung?.data satisfies string | undefined).toBe('me');
    const [doubled] = await first(1, node.events(counter, { types: ['Doubled'] }));
    expect(doubled?.type satisfies 'Doubled' | undefined).toBe('Doubled');
  });
});

test('in the order of time all partitions are one sequence, the same for every reader, and an idle one does not hold it up', async () => {
  await inWorld(4, async (node, env) => {
    for (const [at, key] of keys.entries()) {
      await node.send(counter, key, 'Add', at);
      await env.sleep('3ms');
    }
    const all = await first(keys.length, node.allEvents({ order: 'time' }));
    expect(dataOf(all)).toEqual([...keys.keys()]);
    const live = first(3, node.events(counter, { order: 'time', after: all.at(-1)?.token ?? 'start' }));
    for (const count of [100, 101, 102]) {
      await node.send(counter, 'a', 'Add', count); // the other partitions are silent
      await env.sleep('5ms');
    }
    expect(dataOf(await live)).toEqual([100, 101, 102]);
    const again = await first(keys.length + 3, node.allEvents({ order: 'time' }));
    expect(again.map(({ id }) => id).slice(0, keys.length)).toEqual(all.map(({ id }) => id));
    const waits = await node.explain();
    expect(waits.filter(({ what }) => what.startsWith('events'))).toEqual([]);
  });
});

test.each(['partition', 'time'] as const)(
  'in the order %s the token of any event resumes all partitions',
  async (order) => {
    await inWorld(3, async (node, env) => {
      for (const [at, key] of keys.entries()) {
        await node.send(counter, key, 'Add', at);
        await env.sleep('2ms');
      }
      const before = await first(5, node.events(counter, { order }));
      const token = before.at(-1)?.token ?? expect.unreachable();
      const rest = await first(keys.length - 5, node.events(counter, { order, after: token }));
      expect(new Set([...dataOf(before), ...dataOf(rest)])).toEqual(new Set(keys.keys()));
      for (const { key, data } of before)
        expect((await node.read(counter, key, { after: token })).state).toEqual({ sum: data });
      const one = committed(await node.send(counter, 'a', 'Add', 1)).token;
      await expect(first(1, node.events(counter, { after: one }))).rejects.toThrow('of one partition');
      const now = first(1, node.events(counter, { order, after: 'now' }));
      await env.sleep('20ms');
      await node.send(counter, 'b', 'Add', 55);
      expect(dataOf(await now)).toEqual([55]);
    });
  },
);

test('a stream is read forward and backward from any version, up to a limit of events', async () => {
  await inWorld(1, async (node) => {
    for (const count of [1, 2, 3]) await node.send(counter, 'a', 'AddTwice', count);
    const read = async (options: Parameters<typeof node.readStream>[2]): Promise<number[]> =>
      (await node.readStream(counter, 'a', options)).events.map(({ version }) => version);
    expect(await read({})).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await read({ fromVersion: 4, limit: 2 })).toEqual([4, 5]);
    expect(await read({ reverse: true, limit: 3 })).toEqual([6, 5, 4]);
    expect(await read({ reverse: true, fromVersion: 3 })).toEqual([3, 2, 1]);
    expect(await read({ fromVersion: 7 })).toEqual([]);
    expect(await node.readStream(counter, 'nobody')).toMatchObject({ events: [], version: 0 });
    expect((await node.readStream(counter, 'a', { limit: 1 })).version).toBe(6);
    await expect(read({ limit: 0 })).rejects.toThrow('from 1 to');
  });
});

test('what led to an event goes on with what it leads to: by message, and by whoever reacts to it', async () => {
  await inWorld(2, async (node) => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await node.send(bell, 'a', 'Ring', 'me', { correlationId: 'order-7', trace });
    const [rung] = await first(1, node.events(bell, { key: 'a' }));
    expect(rung).toMatchObject({ correlationId: 'order-7', causationId: null, trace, actor: 'local' });
    const [added] = await first(1, node.events(counter, { key: 'a' }));
    expect(added).toMatchObject({ correlationId: 'order-7', causationId: rung?.commandId, trace });
    const causedBy = added ?? expect.unreachable();
    await node.send(bell, 'b', 'Ring', 'it', { causedBy });
    const [second] = await first(1, node.events(bell, { key: 'b' }));
    expect(second).toMatchObject({ correlationId: 'order-7', causationId: 'counter/a@1', trace });
    await expect(node.send(bell, 'b', 'Ring', 'it', { correlationId: '' })).rejects.toMatchObject({ kind: 'invalid' });
  });
});

test('a subscription goes on behind what was acknowledged, and what is sent with it happens once', async () => {
  await inWorld(2, async (node) => {
    for (const [at, key] of keys.entries()) await node.send(counter, key, 'AddTwice', at);
    const given: string[] = [];
    while (given.length < keys.length * 2) {
      const subscription = node.subscription('bells', { machines: [counter] });
      let count = 0;
      for await (const event of subscription) {
        if (count++ === 3) break; // given, and not acknowledged: it comes again
        const done = await subscription.ack((tx) => {
          if (event.type === 'Doubled') tx.send(bell, `rung/${event.key}`, 'Ring', 'once'); // which counts it again
        });
        expect(done).toEqual({ kind: 'acknowledged' });
        if (!event.key.startsWith('rung/') && given.push(event.id) === keys.length * 2) break;
      }
    }
    expect(new Set(given).size).toBe(given.length);
    const rung = await first(keys.length, node.events(bell));
    expect(rung.map(({ key }) => key).toSorted()).toEqual(keys.map((key) => `rung/${key}`));
    for (const key of keys) {
      expect((await node.read(bell, `rung/${key}`)).state).toEqual({ rung: 1 });
      const [doubled] = await first(1, node.events(counter, { key, types: ['Doubled'] }));
      expect(rung.find((one) => one.key === `rung/${key}`)?.correlationId).toBe(doubled?.correlationId);
    }
  });
});

test('a subscription has one subscriber: the one before is told, and what it would send is not sent', async () => {
  await inWorld(1, async (node) => {
    for (const key of keys) await node.send(counter, key, 'Add', 1);
    const mine = node.subscription('bells', { machines: [counter], prefix: 'c' });
    const yours = node.subscription('bells', { machines: [counter] });
    for await (const event of mine) {
      expect(event.key).toBe('c');
      const [same] = await first(1, yours);
      expect(same?.key).toBe('a');
      expect(await mine.ack((tx) => tx.send(bell, 'x', 'Ring', 'me'))).toEqual({ kind: 'taken-over' });
      break;
    }
    await yours.ack();
    const [next] = await first(1, node.subscription('bells', { machines: [counter] }));
    expect(next?.key).toBe('b');
    await yours.forget();
    const [again] = await first(1, node.subscription('bells', { machines: [counter] }));
    expect(again?.key).toBe('a');
    const fresh = node.subscription('fresh', { from: 'now' });
    await expect(fresh.ack((tx) => tx.send(bell, 'x', 'Ring', 'me'))).rejects.toThrow('no event');
    expect((await node.read(bell, 'x')).version).toBe(0);
  });
});

test('the order of a partition has the events of small commands itself, and finds those of large ones in their streams', async () => {
  await inWorld(1, async (node) => {
    const names = ['me', 'x'.repeat(2_000), 'you'];
    for (const by of names) await node.send(bell, 'a', 'Ring', by);
    expect(dataOf(await first(3, node.events(bell)))).toEqual(names);
    const outcome = await node.partitions.at(0).read('linearizable');
    using snapshot = outcome.kind === 'snapshot' ? outcome : expect.unreachable();
    const ofBell = [...snapshot.system(orderSystem, null).range()].filter(([[, machine]]) => machine === 'bell');
    expect(ofBell.map(([, row]) => row !== null)).toEqual([true, false, true]);
  });
});

test('who reads what is there already lets others have their turn, and ends when it is told to', async () => {
  const count = 30_000;
  const node = await openInMemory(defineApp({ name: 'app', parts: [counter, bell] }));
  for (let sent = 0; sent < count; sent += 1_000)
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => node.send(counter, `k-${at % 100}`, 'Add', at)));
  const enough = new AbortController();
  let seen = 0;
  const all = (async () => {
    for await (const _ of node.events(counter, { signal: enough.signal })) seen++;
  })();
  const rare = first(1, node.events(bell, { signal: enough.signal }));
  await turn();
  enough.abort(new Error('enough'));
  await expect(all).rejects.toThrow('enough');
  await expect(rare).rejects.toThrow('enough');
  expect(seen).toBeLessThan(count);
  await node.close();
});

test('a stream is gone on with after any token of its partition, from the very event behind it', async () => {
  await inWorld(1, async (node) => {
    const after: { readonly token: Token; readonly next: number }[] = [];
    let version = 0;
    for (let at = 0; at < 25; at++) {
      after.push({ token: committed(await node.send(counter, 'other', 'Add', 1)).token, next: version + 1 });
      const sent = committed(await node.send(counter, 'a', at % 3 === 0 ? 'AddTwice' : 'Add', 1));
      version = sent.version;
      after.push({ token: sent.token, next: version + 1 });
    }
    for (const { token, next } of after.filter((one) => one.next <= version)) {
      const [event] = await first(1, node.events(counter, { key: 'a', after: token }));
      expect(event?.version).toBe(next);
    }
  });
});
