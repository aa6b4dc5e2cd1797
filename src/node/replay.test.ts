/** Replaying what is stored: a state that its events do not make is found, whatever is the reason. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp } from '../machine/app.ts';
import { fsm } from '../machine/fsm.ts';
import { machine } from '../machine/machine.ts';
import type { ReplayProgress } from '../machine/replay.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import { personal, subjects } from '../personal/index.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

interface Note {
  readonly last?: string | undefined;
  readonly sum: number;
}

const counterOf = (codeVersion = 1, drift: () => number = () => 0) =>
  machine({
    name: 'counter',
    codeVersion,
    initial: (): Note => ({ last: undefined, sum: 0 }),
    commands: { Add: unchecked<{ count: number; note: string | null }>() },
    events: { Added: unchecked<number>(), Noted: unchecked<string>() },
    decide: {
      Add: (_state, { count, note }, { event }) => [
        ...Array.from({ length: count }, () => event('Added', 1)),
        ...(note === null ? [] : [event('Noted', note)]),
      ],
    },
    evolve: {
      Added: (state, count) => ({ ...state, sum: state.sum + count + drift() }),
      Noted: (state, last) => ({ ...state, last }),
    },
  });

const lamp = fsm({
  name: 'lamp',
  initial: 'off',
  events: { TurnOn: nothing },
  states: { off: { TurnOn: 'on' }, on: { after: { '1s': 'off' } } },
});

type Counter = ReturnType<typeof counterOf>;
const add = (node: LockstepNode, counter: Counter, key: string, count: number, note: string | null = null) =>
  node.send(counter, key, 'Add', { count, note });

/** One process after the other on the same log. */
async function inTurn(
  ...plays: readonly ((open: (counter: Counter) => Promise<LockstepNode>, env: Env) => Promise<void>)[]
) {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const stores = new MemoryStores();
      for (const play of plays) {
        let node: LockstepNode | null = null;
        const open = async (counter: Counter): Promise<LockstepNode> => {
          const app = defineApp({ name: 'app', parts: [counter, lamp] });
          const about = { engine: storeEngine(env, stores), directory: 'state', owner: 'node', partitions: 2 };
          node = await openNode(env, app, about);
          await node.leading();
          return node;
        };
        await play(open, env);
        await (node as LockstepNode | null)?.close();
      }
    });
  });
}

test('states that events make are clean, also where a property came later than in the fold', async () => {
  await inTurn(async (open, env) => {
    const counter = counterOf();
    const node = await open(counter);
    for (const key of ['a', 'b/1', 'b/2', 'c']) await add(node, counter, key, 2);
    await add(node, counter, 'a', 1, 'late');
    await node.send(lamp, 'hall', 'TurnOn');
    await env.sleep('2s');
    expect((await node.read(lamp, 'hall')).state.at).toBe('off');
    const clean = { differingCount: 0, differing: [], skipped: 0 };
    expect(await node.verifyReplay()).toEqual({ streams: 5, events: 12, compared: 5, ...clean });
    expect(await node.verifyReplay({ machines: [lamp] })).toEqual({ streams: 1, events: 2, compared: 1, ...clean });
    await expect(node.verifyReplay({ machines: [counterOf()] })).rejects.toMatchObject({ kind: 'misuse' });
  });
});

test('an impure `evolve` is found, and only 20 of what it hurt are listed', async () => {
  await inTurn(async (open) => {
    let calls = 0;
    const counter = counterOf(1, () => ++calls);
    const node = await open(counter);
    await add(node, counter, 'x', 1);
    for (let count = 0; count < 21; count++) await add(node, counter, `key-${count}`, 1);
    await add(node, counter, 'x', 1);
    const { differing, ...counts } = await node.verifyReplay();
    expect(counts).toEqual({ streams: 22, events: 23, compared: 22, skipped: 0, differingCount: 22 });
    expect(differing).toHaveLength(20);
    for (const { machine: name, problem, stored, folded } of differing) {
      expect([name, problem]).toEqual(['counter', 'its events make another state']);
      expect(folded).not.toEqual(stored);
    }
  });
});

test('code that changed while its version stayed is found; states of an older version are folded, not compared', async () => {
  const old = counterOf(1);
  await inTurn(
    async (open) => {
      const node = await open(old);
      await add(node, old, 'a', 2);
      await add(node, old, 'b', 1);
    },
    async (open) => {
      const changed = counterOf(1, () => 1);
      const { differing } = await (await open(changed)).verifyReplay();
      expect(differing.toSorted((one, other) => (one.key < other.key ? -1 : 1))).toMatchObject([
        { machine: 'counter', key: 'a', version: 2, stored: { sum: 2 }, folded: { sum: 4 } },
        { machine: 'counter', key: 'b', version: 1, stored: { sum: 1 }, folded: { sum: 2 } },
      ]);
    },
    async (open) => {
      const raised = counterOf(2, () => 1);
      const node = await open(raised);
      const before = await node.verifyReplay();
      expect(before).toMatchObject({ streams: 2, events: 3, compared: 0, skipped: 2, differingCount: 0 });
      await add(node, raised, 'a', 1);
      expect(await node.verifyReplay()).toMatchObject({ streams: 2, compared: 1, skipped: 1, differingCount: 0 });
    },
    async (open) => {
      const broken = counterOf(3, () => {
        throw new Error('no idea');
      });
      const { differing, skipped } = await (await open(broken)).verifyReplay();
      expect(skipped).toBe(0);
      expect(differing.map(({ problem, folded }) => [problem, folded])).toEqual([
        ['its events cannot be folded: no idea', undefined],
        ['its events cannot be folded: no idea', undefined],
      ]);
    },
  );
});

test('who was forgotten is folded with what is left of their events, and not compared until the next command', async () => {
  const customer = machine({
    name: 'customer',
    initial: () => ({ name: '?' }),
    commands: { Register: unchecked<{ name: string }>() },
    events: { Registered: personal(unchecked<{ name: string }>(), ['name']) },
    decide: { Register: (_state, data, { event }) => [event('Registered', data)] },
    evolve: { Registered: ({ name: before }, { name }) => ({ name: name ?? before }) },
  });
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const app = defineApp({ name: 'app', parts: [customer, subjects] });
      const about = { engine: storeEngine(env, new MemoryStores()), directory: 'state', owner: 'node' };
      await using node = await openNode(env, app, about);
      await node.leading();
      for (const key of ['ann', 'bob']) await node.send(customer, key, 'Register', { name: key });
      expect(await node.verifyReplay()).toMatchObject({ streams: 2, compared: 2, differingCount: 0 });
      await node.send(subjects, 'ann', 'Forget');
      expect(await node.verifyReplay()).toMatchObject({ streams: 3, compared: 2, skipped: 1, differingCount: 0 });
      await node.send(customer, 'ann', 'Register', { name: 'Ann' });
      expect(await node.verifyReplay()).toMatchObject({ streams: 3, compared: 3, skipped: 0, differingCount: 0 });
    });
  });
});

test('a long stream takes several looks, between which others run; a signal ends it', async () => {
  await inTurn(async (open) => {
    const counter = counterOf();
    const node = await open(counter);
    for (let count = 0; count < 6; count++) await add(node, counter, 'long', 400);
    await add(node, counter, 'short', 1);
    const progress: ReplayProgress[] = [];
    let sent: Promise<unknown> = Promise.resolve();
    const onProgress = (one: ReplayProgress): void => {
      if (one.events > 0 && progress.every(({ events }) => events === 0)) sent = add(node, counter, 'long', 10);
      progress.push(one);
    };
    const replayed = await node.verifyReplay({ onProgress });
    await sent;
    expect(replayed).toMatchObject({ streams: 2, compared: 2, differingCount: 0 });
    expect([2_401, 2_411]).toContain(replayed.events);
    expect(progress.length).toBeGreaterThanOrEqual(4);
    expect(progress.at(-1)).toEqual({ streams: 2, events: replayed.events });

    const ending = new AbortController();
    const ended = node.verifyReplay({ signal: ending.signal, onProgress: () => ending.abort(new Error('enough')) });
    await expect(ended).rejects.toThrow('enough');
  });
});
