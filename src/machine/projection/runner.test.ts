/** Projections that are brought up to date in the background: exactly once, over changes of code, leaders and mistakes. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { MemoryStores } from '../../log/memory.ts';
import { storeEngine } from '../../log/store-engine.ts';
import type { LockstepNode } from '../../node/node.ts';
import { openNode, type NodeOptions } from '../../node/open.ts';
import { defineApp, type Part } from '../app.ts';
import { machine } from '../machine.ts';
import { unchecked } from '../schema.ts';
import { projection, type AnyProjection } from './projection.ts';
import { rowsSystem, statesOf, projectionsSystem } from './state.ts';
import type { ProjectionStatus } from './status.ts';

const counter = machine({
  name: 'counter',
  initial: () => ({ count: 0 }),
  commands: { Add: unchecked<number>(), Twice: unchecked<number>() },
  events: { Added: unchecked<number>() },
  decide: {
    Add: (_state, amount, { event }) => [event('Added', amount)],
    Twice: (_state, amount, { event }) => [event('Added', amount), event('Added', amount)],
  },
  evolve: { Added: ({ count }, amount) => ({ count: count + amount }) },
});

interface Options {
  readonly update?: 'inline' | 'async';
  readonly codeVersion?: number;
  readonly name?: string;
  /** Added once more to each event: as other code might. */
  readonly bonus?: number;
  /** Its handler throws for this amount. */
  readonly refuses?: number;
}

/** Sums of all amounts by key: it shows whether an event is missing or counted twice. */
const sums = ({ update = 'async', codeVersion = 1, name = 'sums', bonus = 0, refuses }: Options = {}): AnyProjection =>
  projection({
    name,
    update,
    codeVersion,
    row: unchecked<{ sum: number }>(),
    from: { counter },
    indexes: { bySum: (row) => [row.sum] },
    on: {
      counter: {
        Added: ({ key, data }, rows) => {
          if (data === refuses) throw new Error(`no ${data}`);
          rows.set(key, { sum: (rows.get(key)?.sum ?? 0) + data + bonus });
        },
      },
    },
  });

async function inWorld(
  play: (open: (...parts: Part[]) => Promise<LockstepNode>, env: Env) => Promise<void>,
  { payloadBytesMax }: { readonly payloadBytesMax?: number } = {},
) {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const stores = new MemoryStores();
      const settings = { rowsMax: 8, keepMs: 60_000 };
      await play(async (...parts) => {
        const engine = storeEngine(env, stores);
        const guarantees = { ...engine.guarantees, ...(payloadBytesMax === undefined ? {} : { payloadBytesMax }) };
        const about: NodeOptions = {
          engine: {
            name: engine.name,
            guarantees,
            open: (id, options) => engine.open(id, options),
            list: () => engine.list(),
            remove: (id) => engine.remove(id),
            close: () => engine.close(),
          },
          directory: 'state',
          owner: 'node',
          projections: settings,
        };
        const node = await openNode(env, defineApp({ name: 'app', parts: [counter, ...parts] }), about);
        await node.leading();
        return node;
      }, env);
    });
  });
}

async function add(node: LockstepNode, count: number, from = 0): Promise<void> {
  for (let at = from; at < from + count; at++) await node.send(counter, `k-${at % 3}`, 'Add', at);
}

/** Of one version, by key. */
async function rowsOf(node: LockstepNode, name = 'sums', codeVersion = 1): Promise<Record<string, unknown>> {
  const read = await node.partitions.at(0).read('linearizable');
  if (read.kind !== 'snapshot') return expect.unreachable();
  using snapshot = read;
  const rows = snapshot.system(rowsSystem({ name, codeVersion }), null).range({ prefix: ['row'] });
  return Object.fromEntries([...rows].map(([[, key], row]) => [String(key), (row as { sum: number }).sum]));
}

async function versionsOf(node: LockstepNode): Promise<readonly string[]> {
  const read = await node.partitions.at(0).read('linearizable');
  if (read.kind !== 'snapshot') return expect.unreachable();
  using snapshot = read;
  return statesOf(snapshot.system(projectionsSystem, null)).map(({ name, codeVersion }) => `${name} ${codeVersion}`);
}

async function statusOf(node: LockstepNode, name = 'sums'): Promise<ProjectionStatus> {
  const found = (await node.projections()).find((one) => one.name === name);
  return found ?? expect.unreachable();
}

/** What the first `count` amounts make; from one of them on. */
function folded(count: number, each: (amount: number) => number = (amount) => amount): Record<string, number> {
  const made: Record<string, number> = {};
  for (let at = 0; at < count; at++) made[`k-${at % 3}`] = (made[`k-${at % 3}`] ?? 0) + each(at);
  return made;
}

describe('an asynchronous projection', () => {
  test('has each event once, a moment later, and goes on where it was when another leads', async () => {
    await inWorld(async (open, env) => {
      const before = await open(sums());
      await add(before, 20);
      await env.sleep('100ms');
      expect(await rowsOf(before)).toEqual(folded(20));
      await add(before, 10, 20);
      await before.close();
      const after = await open(sums());
      await env.sleep('100ms');
      expect(await rowsOf(after)).toEqual(folded(30));
      const { kind, progress, lag } = await statusOf(after);
      expect({ kind, percent: progress.percent, lag }).toEqual({
        kind: 'live',
        percent: 100,
        lag: { commands: 0, ms: 0 },
      });
      await after.close();
    });
  });

  test('becomes an inline one, and the other way round, without a gap', async () => {
    await inWorld(async (open, env) => {
      let at = 0;
      for (const update of ['async', 'inline', 'async', 'inline'] as const) {
        const node = await open(sums({ update }));
        await add(node, 7, at);
        at += 7;
        await env.sleep('100ms');
        expect(await rowsOf(node)).toEqual(folded(at));
        await node.close();
      }
    });
  });
});

describe('a projection that is new to stored events', () => {
  test('is built in bounded steps, and commands keep it up from the one on that finds no more', async () => {
    await inWorld(async (open, env) => {
      const before = await open();
      await add(before, 50);
      await before.close();
      const node = await open(sums({ update: 'inline' }));
      expect((await statusOf(node)).kind).toBe('building');
      const [waiting] = await node.explain({ key: 'sums' });
      expect(waiting?.waitsFor).toMatch(/^all events: it is at revision \d+ of \d+, \d+ %$/);
      await add(node, 10, 50);
      await env.sleep('100ms');
      expect(await rowsOf(node)).toEqual(folded(60));
      expect((await statusOf(node)).kind).toBe('live');
      expect(await node.explain({ key: 'sums' })).toEqual([]);
      await add(node, 1, 60);
      expect(await rowsOf(node)).toEqual(folded(61)); // at once
      await node.close();
    });
  });

  test('of a new codeVersion has its own rows; the old ones answer until then, and are removed after a time', async () => {
    await inWorld(async (open, env) => {
      const before = await open(sums({ update: 'inline' }));
      await add(before, 40);
      await before.close();
      const newer = sums({ update: 'inline', codeVersion: 2, bonus: 1 });
      const node = await open(newer);
      expect(await statusOf(node)).toMatchObject({ kind: 'building', codeVersion: 2, answers: 1 });
      await env.sleep('100ms');
      expect(await statusOf(node)).toMatchObject({ kind: 'live', codeVersion: 2, answers: 2 });
      expect(await rowsOf(node, 'sums', 2)).toEqual(folded(40, (amount) => amount + 1));
      expect(await rowsOf(node)).toEqual(folded(40));
      await env.sleep('3min');
      expect(await rowsOf(node)).toEqual({});
      expect(await versionsOf(node)).toEqual(['sums 2']);
      await node.close();
    });
  });
});

describe('what is larger than the log takes', () => {
  const texts = projection({
    name: 'texts',
    update: 'async',
    row: unchecked<string>(),
    from: { counter },
    on: {
      counter: { Added: ({ key, version, data }, rows) => rows.set(`${key}@${version}`, 'x'.repeat(data * 1_000)) },
    },
  });

  test('together is taken in smaller parts; of one command it stops the projection there', async () => {
    const about = { payloadBytesMax: 20_000 };
    await inWorld(async (open, env) => {
      const before = await open();
      for (const amount of [...Array.from({ length: 20 }, () => 5), 30]) await before.send(counter, 'k', 'Add', amount);
      await before.close();
      const node = await open(texts);
      await env.sleep('1s');
      const { kind, lag, error } = await statusOf(node, 'texts');
      expect({ kind, commands: lag.commands }).toEqual({ kind: 'stopped', commands: 1 });
      expect(error).toMatchObject({ event: { key: 'k', version: 21 }, message: expect.stringContaining('log takes') });
      await node.skipProjectionEvent('texts');
      await env.sleep('100ms');
      expect((await statusOf(node, 'texts')).kind).toBe('live');
      await node.close();
    }, about);
  });
});

describe('while nodes are replaced', () => {
  test('each version goes on where it was when code that has it leads again, and none has a gap', async () => {
    await inWorld(async (open, env) => {
      const old = sums({ update: 'inline' });
      const newer = sums({ update: 'inline', codeVersion: 2, bonus: 1 });
      let at = 0;
      for (const code of [old, newer, old, newer]) {
        const node = await open(code);
        await add(node, 7, at);
        at += 7;
        await env.sleep('100ms');
        expect(await statusOf(node)).toMatchObject({ kind: 'live', lag: { commands: 0 } });
        const { codeVersion } = code['~projection'];
        expect(await rowsOf(node, 'sums', codeVersion)).toEqual(folded(at, (amount) => amount + codeVersion - 1));
        await node.close();
      }
      const without = await open();
      await add(without, 7, at);
      await without.close();
      const node = await open(newer);
      await env.sleep('100ms');
      expect(await rowsOf(node, 'sums', 2)).toEqual(folded(at + 7, (amount) => amount + 1));
      await node.close();
    });
  });
});

describe.each(['inline', 'async'] as const)('a handler that throws (%s)', (update) => {
  test('stops its projection alone, which says so; commands and others go on; a retry with better code mends it', async () => {
    await inWorld(async (open, env) => {
      const other = sums({ name: 'others', update });
      const node = await open(sums({ update, refuses: 12 }), other);
      await add(node, 20);
      await env.sleep('100ms');
      const since = new Date(env.now());
      await env.sleep('1s');
      const status = await statusOf(node);
      expect(status).toMatchObject({ kind: 'stopped', lag: { commands: 8 } });
      expect(status.error).toMatchObject({ message: 'no 12', event: { machine: 'counter', key: 'k-0', version: 5 } });
      expect(status.error?.since.getTime()).toBeLessThanOrEqual(since.getTime());
      expect(await rowsOf(node)).toEqual(folded(12));
      expect(await rowsOf(node, 'others')).toEqual(folded(20));
      const [waiting] = await node.explain({ key: 'sums' });
      expect(waiting?.waitsFor).toContain('it stopped at counter/k-0@5');
      expect(await node.retryProjection('sums')).toEqual([0]); // the same code: it stops there again
      await env.sleep('100ms');
      expect((await statusOf(node)).error).toEqual(status.error);
      await node.close();
      const mended = await open(sums({ update }), other); // whoever begins to lead tries it once more
      await add(mended, 1, 20);
      await env.sleep('100ms');
      expect(await rowsOf(mended)).toEqual(folded(21));
      expect((await statusOf(mended)).kind).toBe('live');
      expect(await mended.retryProjection('sums')).toEqual([]);
      await mended.close();
    });
  });

  test('is passed over by skip: that event alone, and not the others of its command', async () => {
    await inWorld(async (open, env) => {
      const node = await open(sums({ update, refuses: 12 }));
      await add(node, 12);
      await node.send(counter, 'k-0', 'Twice', 12);
      await add(node, 7, 13);
      await env.sleep('100ms');
      expect(await rowsOf(node)).toEqual(folded(12));
      expect(await node.skipProjectionEvent('sums')).toEqual([0]);
      await env.sleep('100ms');
      expect((await statusOf(node)).error?.event.version).toBe(6); // the second of that command
      await node.skipProjectionEvent('sums');
      await env.sleep('100ms');
      expect(await rowsOf(node)).toEqual(folded(20, (amount) => (amount === 12 ? 0 : amount)));
      await expect(node.skipProjectionEvent('summs')).rejects.toMatchObject({ kind: 'misuse' });
      await node.close();
    });
  });
});
