/** One command is run once, whichever way it comes again; what it decided is stored as it was; what cannot be stored is told. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import { commandId } from '../partition/command-id.ts';
import type { LockstepNode } from './node.ts';
import { openNode, type NodeOptions } from './open.ts';

const account = machine({
  name: 'account',
  initial: () => ({ balance: 0 }),
  commands: { Deposit: unchecked<number>(), Pay: unchecked<{ to: string; amount: number }>() },
  events: { Deposited: unchecked<number>(), Paid: unchecked<number>() },
  decide: {
    Deposit: (_state, amount, { event }) => [event('Deposited', amount)],
    Pay: (_state, { to, amount }, { event, send }) => {
      send(account, to, 'Deposit', amount);
      return [event('Paid', amount)];
    },
  },
  evolve: {
    Deposited: ({ balance }, amount) => ({ balance: balance + amount }),
    Paid: ({ balance }, amount) => ({ balance: balance - amount }),
  },
});

const alarm = machine({
  name: 'alarm',
  initial: () => ({}),
  commands: { Set: unchecked<number>() },
  events: {},
  decide: { Set: () => [] },
  evolve: {},
});

const app = defineApp({ name: 'app', parts: [account, alarm] });

async function inWorld(
  play: (node: LockstepNode, env: Env) => Promise<void>,
  options: Partial<NodeOptions> = {},
  parts = app,
) {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env);
      const node = await openNode(env, parts, { engine, directory: 'state', owner: 'node', ...options });
      await node.leading();
      await play(node, env);
      await node.close();
    });
  });
}

/** So many of what it gives. */
async function first<T>(count: number, items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === count) break;
  return found;
}

test('an id that was used for another command is refused, also where that made no events, and on the same instance', async () => {
  await inWorld(async (node, env) => {
    const [idle, spent] = ['idle', 'spent'].map((name) => commandId(env.now(), name));
    await node.send(alarm, 'ann', 'Set', 1, { commandId: idle });
    await node.send(account, 'ann', 'Deposit', 10, { commandId: spent });
    expect(await node.send(alarm, 'ann', 'Set', 1, { commandId: idle })).toMatchObject({
      repeated: true,
      events: [],
    });
    const refused = { kind: 'misuse', happened: 'no', summary: expect.stringContaining('another command') };
    await expect(node.send(account, 'bob', 'Deposit', 10, { commandId: idle })).rejects.toMatchObject(refused);
    await expect(node.send(account, 'ann', 'Deposit', 10, { commandId: idle })).rejects.toMatchObject(refused);
    const pay = { to: 'bob', amount: 5 };
    await expect(node.send(account, 'ann', 'Pay', pay, { commandId: spent })).rejects.toMatchObject(refused);
    expect((await node.read(account, 'bob')).version).toBe(0);
  });
});

test('middleware that passes a command on again has it done once', async () => {
  let tries = 0;
  await inWorld(
    async (node) => {
      expect(await node.send(account, 'ann', 'Deposit', 100)).toMatchObject({ kind: 'committed', repeated: true });
      expect((await node.read(account, 'ann')).state).toEqual({ balance: 100 });
    },
    {
      middleware: [
        async (sent, next) => {
          try {
            return await next(sent);
          } catch {
            return next(sent);
          }
        },
        async (sent, next) => {
          const outcome = await next(sent);
          if (++tries === 1) throw new Error('the audit log is not there');
          return outcome;
        },
      ],
    },
  );
  expect(tries).toBe(2);
});

test('what was decided is stored and sent as it was then, whatever is changed in place later', async () => {
  const list = machine({
    name: 'list',
    initial: () => ({ items: [] as string[] }),
    commands: { Add: unchecked<string>(), Clear: nothing, Invite: unchecked<readonly string[]>() },
    events: { Added: unchecked<string>(), Cleared: unchecked<{ readonly were: readonly string[] }>() },
    decide: {
      Add: (_state, item, { event }) => [event('Added', item)],
      Clear: ({ items }, _data, { event }) => [event('Cleared', { were: items })],
      Invite: (_state, guests, { send }) => {
        const card = { name: '' };
        for (const guest of guests) {
          card.name = guest;
          send(greeter, guest, 'Greet', card);
        }
        return [];
      },
    },
    evolve: {
      Added: (state, item) => {
        state.items.push(item);
        return state;
      },
      Cleared: (state) => {
        state.items.length = 0;
        return state;
      },
    },
  });
  const greeter = machine({
    name: 'greeter',
    initial: () => ({}),
    commands: { Greet: unchecked<{ readonly name: string }>() },
    events: { Greeted: unchecked<{ readonly name: string }>() },
    decide: { Greet: (_state, card, { event }) => [event('Greeted', card)] },
    evolve: { Greeted: (state) => state },
  });
  const parts = defineApp({ name: 'app', parts: [list, greeter] });
  await inWorld(
    async (node) => {
      for (const item of ['milk', 'eggs']) await node.send(list, 'l', 'Add', item);
      await node.send(list, 'l', 'Clear');
      expect((await node.readStream(list, 'l')).events[2]?.data).toEqual({ were: ['milk', 'eggs'] });
      expect((await node.read(list, 'l')).state).toEqual({ items: [] });
      await node.send(list, 'host', 'Invite', ['ann', 'bob']);
      const greeted = await first(2, node.events(greeter));
      expect(greeted.map(({ key, data }) => [key, data.name])).toEqual([
        ['ann', 'ann'],
        ['bob', 'bob'],
      ]);
    },
    {},
    parts,
  );
});

test('what cannot be stored is told by what it is of, and whose fault it is', async () => {
  const odd = machine({
    name: 'odd',
    initial: () => ({ list: [] as unknown[] }),
    commands: { Fold: unchecked<number>(), Say: unchecked<unknown>(), Send: unchecked<unknown>() },
    events: { Folded: unchecked<number>(), Said: unchecked<{ readonly what: unknown }>() },
    decide: {
      Fold: (_state, by, { event }) => [event('Folded', by)],
      Say: (_state, what, { event }) => [event('Folded', 1), event('Said', { what })],
      Send: (_state, what, { send }) => {
        send(odd, 'other', 'Say', what);
        return [];
      },
    },
    evolve: { Folded: (_state, by) => ({ list: [1, { mean: Math.log(by) }] }), Said: (state) => state },
  });
  const parts = defineApp({ name: 'app', parts: [odd] });
  await inWorld(
    async (node) => {
      await expect(node.send(odd, 'a', 'Fold', 0)).rejects.toMatchObject({
        kind: 'misuse',
        values: { machine: 'odd', key: 'a', path: '$.list[1].mean' },
      });
      await expect(node.send(odd, 'a', 'Say', [new Map()])).rejects.toMatchObject({
        kind: 'invalid',
        values: { event: 'odd.Said', key: 'a', path: '$.what[0]' },
      });
      await expect(node.send(odd, 'a', 'Send', { n: Number.NaN })).rejects.toMatchObject({
        kind: 'invalid',
        values: { command: 'odd.Say', path: '$.n' },
      });
      expect((await node.read(odd, 'a')).version).toBe(0);
    },
    {},
    parts,
  );
});
