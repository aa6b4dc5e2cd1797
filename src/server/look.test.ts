/** What a node tells whoever looks on: what it counts, its newest events, and how an instance came to be what it is. */
import { openInMemory } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineApp } from '../machine/app.ts';
import { fsm } from '../machine/fsm.ts';
import { machine } from '../machine/machine.ts';
import { reject } from '../machine/rejection.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import type { LockstepNode } from '../node/node.ts';
import { nodeHandler, type ToldPartition } from './node-handler.ts';

const bearer = 'sixteen-characters-and-more';
const till = machine({
  name: 'till',
  initial: () => ({ sum: 0 }),
  commands: { Add: unchecked<number[]>() },
  events: { Added: unchecked<number>() },
  decide: {
    Add: (_state, amounts, { event }) =>
      amounts.length === 0 ? reject('nothing-to-add') : amounts.map((amount) => event('Added', amount)),
  },
  evolve: { Added: ({ sum }, amount) => ({ sum: sum + amount }) },
});
const door = fsm({
  name: 'door',
  initial: 'shut',
  events: { Open: nothing },
  states: { shut: { Open: 'open' }, open: {} },
});

let node: LockstepNode;
let ask: (path: string, accept?: string) => Promise<Response>;

beforeAll(async () => {
  node = await openInMemory(defineApp({ name: 'shop', parts: [till, door] }));
  const handle = nodeHandler(node, { bearer });
  ask = (path, accept = 'application/json') =>
    handle(new Request(`http://shop.test${path}`, { headers: { authorization: `Bearer ${bearer}`, accept } }));
  await node.send(till, 'a', 'Add', [1, 2, 3]);
  await node.send(till, 'a', 'Add', [4]);
  await node.send(till, 'a', 'Add', []);
  await node.send(door, 'front', 'Open');
});
afterAll(() => node.close());

const json = async <T>(path: string): Promise<T> => (await (await ask(path)).json()) as T;

describe('whoever looks on is told', () => {
  test('commands by outcome, rejections by code, events, and how long commands took', async () => {
    const text = await (await ask('/metrics')).text();
    expect(text).toContain('lockstep_commands_total{machine="till",outcome="committed"} 2');
    expect(text).toContain('lockstep_commands_total{machine="till",outcome="rejected"} 1');
    expect(text).toContain('lockstep_rejections_total{machine="till",code="nothing-to-add"} 1');
    expect(text).toContain('lockstep_events_total{machine="till"} 4');
    expect(text).toContain('lockstep_command_ms_count 4');
  });

  test('how far each partition is, in the log too', async () => {
    const partitions = await json<readonly ToldPartition[]>('/partitions');
    expect(partitions).toMatchObject([{ index: 0, kind: 'leading', undurable: 0, scrub: null }]);
    for (const { chain, position } of partitions) {
      expect(chain).toMatch(/^[0-9a-f]{32}$/);
      expect(position).toBeGreaterThan(0);
    }
  });

  test('the newest events of all machines, the newest first, so many and no more', async () => {
    type Told = { readonly events: readonly { readonly id: string }[]; readonly isCut: boolean };
    const all = await json<Told>('/events');
    expect(all.events.map(({ id }) => id).toSorted()).toEqual([
      'door/front@1',
      'till/a@1',
      'till/a@2',
      'till/a@3',
      'till/a@4',
    ]);
    expect(all.isCut).toBe(false);
    const two = await json<Told>('/events?limit=2');
    expect([two.events.length, two.isCut]).toEqual([2, true]);
  });

  test('new events as they come, and none twice', async () => {
    const { body } = await ask('/events?limit=10', 'text/event-stream');
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    const until = async (what: string): Promise<string> => {
      for (let text = ''; ;) {
        const part = await reader?.read();
        text += part?.value ?? '';
        if (text.includes(what)) return text;
        if (part === undefined || part.done) throw new Error(`it ended before ${what}`);
      }
    };
    expect(await until('door/front@1')).toContain('till/a@4');
    await node.send(till, 'b', 'Add', [9]);
    expect(await until('till/b@1')).not.toContain('till/a@4');
    await reader?.cancel();
  });

  test('the state behind each event, also from the middle of what one command led to', async () => {
    type Told = { readonly version: number; readonly before: unknown; readonly entries: readonly object[] };
    const { version, before, entries } = await json<Told>('/history?machine=till&key=a&to=3&limit=2');
    expect({ version, before }).toEqual({ version: 4, before: { sum: 1 } });
    expect(entries).toMatchObject([
      { event: { version: 2, data: 2 }, state: { sum: 3 } },
      { event: { version: 3, data: 3 }, state: { sum: 6 } },
    ]);
    expect(await json('/history?machine=door&key=never')).toMatchObject({ version: 0, entries: [] });
    expect((await ask('/history?machine=none&key=a')).status).toBe(400);
  });
});
