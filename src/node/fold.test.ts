/** A long stream whose code changed: folded again in bounded steps, once, by whoever first needs it. */
import { calm, openInMemory, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp } from '../machine/app.ts';
import { foldAlone, foldedAtOnceMax } from '../machine/fold-steps.ts';
import { fsm } from '../machine/fsm.ts';
import { machine } from '../machine/machine.ts';
import { placeStateAt } from '../machine/place-state.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import { historyOf } from './history.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

const perCommand = 500;
const commands = 12;

/** `folded` counts what `evolve` is called for. */
function counting(codeVersion: number, factor: number, folded: { count: number }) {
  const made = machine({
    name: 'counter',
    codeVersion,
    initial: () => ({ sum: 0 }),
    commands: { Add: unchecked<number>(), Pass: unchecked<{ to: string; count: number }>() },
    events: { Added: unchecked<number>() },
    decide: {
      Add: (_state, count, { event }) => Array.from({ length: count }, () => event('Added', 1)),
      Pass: (_state, { to, count }, { send }) => {
        send(made, to, 'Add', count);
        return [];
      },
    },
    evolve: {
      Added: ({ sum }, count) => {
        folded.count++;
        return { sum: sum + count * factor };
      },
    },
  });
  return made;
}

const counter = counting(1, 1, { count: 0 });

async function opened(env: Env, stores: MemoryStores, of: ReturnType<typeof counting>): Promise<LockstepNode> {
  const app = defineApp({ name: 'app', parts: [of] });
  const node = await openNode(env, app, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
  await node.leading();
  return node;
}

async function inWorld(run: (env: Env, stores: MemoryStores) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', (env) => run(env, new MemoryStores()));
  });
}

async function fill(env: Env, stores: MemoryStores, count = commands, each = perCommand): Promise<void> {
  const node = await opened(env, stores, counter);
  for (let at = 0; at < count; at++) await node.send(counter, 'a', 'Add', each);
  await node.send(counter, 'short', 'Add', 3);
  await node.close();
}

test.each(['command', 'read'] as const)(
  'the first %s has a long stream folded again in steps, and it stays so',
  async (by) => {
    await inWorld(async (env, stores) => {
      await fill(env, stores);
      const folded = { count: 0 };
      const doubled = counting(2, 2, folded);
      const after = await opened(env, stores, doubled);
      const revision = after.partitions.at(0).status.revision;
      const events = commands * perCommand;
      expect(events).toBeGreaterThan(foldedAtOnceMax);
      if (by === 'command') await after.send(doubled, 'a', 'Add', 1);
      else expect((await after.read(doubled, 'a')).state).toEqual({ sum: events * 2 });
      expect(after.partitions.at(0).status.revision - revision).toBeGreaterThanOrEqual(3);
      const extra = by === 'command' ? 1 : 0;
      expect(folded.count).toBe(events + extra); // once, however many steps
      expect((await after.read(doubled, 'a')).state).toEqual({ sum: (events + extra) * 2 });
      expect(folded.count).toBe(events + extra);
      expect((await after.read(doubled, 'short')).state).toEqual({ sum: 6 });
      await after.close();
    });
  },
);

test('a message to a stream of 50,000 events takes effect once; before, it is folded in steps, and others run in between', async () => {
  await inWorld(async (env, stores) => {
    const events = 50_000;
    await fill(env, stores, events / perCommand);
    const folded = { count: 0 };
    const doubled = counting(2, 2, folded);
    const node = await opened(env, stores, doubled);
    await node.send(doubled, 'short', 'Pass', { to: 'a', count: 2 });
    await node.send(doubled, 'short', 'Pass', { to: 'a', count: 1 });
    const between: number[] = [];
    while (folded.count < events) {
      between.push(folded.count);
      await node.send(doubled, 'short', 'Add', 1);
    }
    const steps = between.map((count, at) => count - (between[at - 1] ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(4 * perCommand); // nobody waits for more than a few of them
    for await (const { version, data } of node.events(doubled, { key: 'a', after: 'start' }))
      if (version === events + 3) {
        expect(data).toBe(1);
        break;
      }
    expect((await node.read(doubled, 'a')).state).toEqual({ sum: (events + 3) * 2 });
    expect(await node.deadLetters()).toEqual([]);
    await node.close();
  });
});

test('its history is folded once up to the last version asked for, and told from the first one', async () => {
  await inWorld(async (env, stores) => {
    await fill(env, stores, 3);
    const folded = { count: 0 };
    const doubled = counting(2, 2, folded);
    const node = await opened(env, stores, doubled);
    const told = await historyOf({ partitions: node.partitions, timers: env.timers }, doubled, 'a', {
      to: 1_200,
      limit: 300,
    });
    expect(folded.count).toBe(1_200);
    expect(told).toMatchObject({ version: 3 * perCommand, before: { sum: 900 * 2 } });
    expect(told.entries.map(({ event, state }) => [event.version, state])).toEqual(
      Array.from({ length: 300 }, (_, at) => [901 + at, { sum: (901 + at) * 2 }]),
    );
    await node.close();
  });
});

test('its history is of states as they were, also where evolve changes its own in place', async () => {
  const list = machine({
    name: 'list',
    initial: () => ({ items: [] as number[] }),
    commands: { Add: unchecked<number>() },
    events: { Added: unchecked<number>() },
    decide: { Add: (_state, item, { event }) => [event('Added', item)] },
    evolve: {
      Added: (state, item) => {
        state.items.push(item);
        return state;
      },
    },
  });
  const node = await openInMemory(defineApp({ name: 'app', parts: [list] }));
  for (const item of [1, 2, 3]) await node.send(list, 'a', 'Add', item);
  const told = await historyOf(
    { partitions: node.partitions, timers: { after: () => expect.unreachable() } },
    list,
    'a',
    {
      limit: 2,
    },
  );
  expect(told.before).toEqual({ items: [1] });
  expect(told.entries.map(({ state }) => state)).toEqual([{ items: [1, 2] }, { items: [1, 2, 3] }]);
  await node.close();
});

test('a deadline of a long stream comes once that is folded again in steps', async () => {
  const lampOf = (codeVersion: number) =>
    fsm({
      name: 'lamp',
      codeVersion,
      initial: 'off',
      events: { Turn: nothing, Leave: nothing },
      states: { off: { Turn: 'on' }, on: { Turn: 'on', Leave: 'dim' }, dim: { after: { '1min': 'off' } } },
    });
  await inWorld(async (env, stores) => {
    const open = async (lamp: ReturnType<typeof lampOf>): Promise<LockstepNode> => {
      const app = defineApp({ name: 'app', parts: [lamp] });
      const node = await openNode(env, app, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
      await node.leading();
      return node;
    };
    const [old, newer] = [lampOf(1), lampOf(2)];
    const before = await open(old);
    const turns = Array.from({ length: foldedAtOnceMax + 1 }, () => before.send(old, 'a', 'Turn'));
    await Promise.all(turns);
    await before.send(old, 'a', 'Leave');
    await before.close();
    const after = await open(newer);
    for await (const { type } of after.events(newer, { key: 'a', after: 'now' })) {
      expect(type).toBe('TimedOut');
      break;
    }
    expect(await after.read(newer, 'a')).toMatchObject({ state: { at: 'off' }, version: foldedAtOnceMax + 3 });
    await after.close();
  });
});

test('who cannot write folds a long stream alone, with others in between, and keeps nothing of it', async () => {
  await inWorld(async (env, stores) => {
    await fill(env, stores);
    const folded = { count: 0 };
    const doubled = counting(2, 2, folded);
    const node = await opened(env, stores, doubled);
    const outcome = await node.partitions.read('a', 'linearizable');
    if (outcome.kind !== 'snapshot') throw new Error(outcome.kind);
    using snapshot = outcome;
    const reading = foldAlone(env.timers, placeStateAt(snapshot, 'a'), doubled, 'a');
    expect(folded.count).toBe(perCommand);
    expect(await reading).toMatchObject({ version: commands * perCommand, state: { sum: commands * perCommand * 2 } });
    expect(await foldAlone(env.timers, placeStateAt(snapshot, 'nobody'), doubled, 'nobody')).toMatchObject({
      version: 0,
    });
    expect(folded.count).toBe(commands * perCommand);
    await node.close();
  });
});
