/** A node in a calm world: commands, messages, deadlines, reading and following, all on real partitions. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { memoryEngine, MemoryStores } from '../log/memory.ts';
import type { LogEngine } from '../log/port.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp } from '../machine/app.ts';
import { committed } from '../machine/connection.ts';
import type { Transaction } from '../machine/definition.ts';
import { fsm } from '../machine/fsm.ts';
import { machine } from '../machine/machine.ts';
import { reject } from '../machine/rejection.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import { subscribe } from '../machine/subscription.ts';
import { commandId } from '../partition/command-id.ts';
import type { LockstepNode } from './node.ts';
import { openNode, type NodeOptions } from './open.ts';

const account = machine({
  name: 'account',
  initial: () => ({ balance: 0 }),
  commands: { Deposit: unchecked<number>(), Pay: unchecked<{ to: string; amount: number }>() },
  events: { Deposited: unchecked<number>(), Paid: unchecked<number>(), Noted: unchecked<string>() },
  decide: {
    Deposit: (_state, amount, { event, actor }) =>
      amount > 0 ? [event('Deposited', amount), event('Noted', actor)] : reject('not-positive', { amount }),
    Pay: (state, { to, amount }, { event, send, now }) => {
      if (amount > state.balance) return reject('insufficient-funds', { missing: amount - state.balance });
      send(account, to, 'Deposit', amount);
      return [event('Paid', amount), event('Noted', now.toISOString())];
    },
  },
  evolve: {
    Deposited: (state, amount) => ({ balance: state.balance + amount }),
    Paid: (state, amount) => ({ balance: state.balance - amount }),
    Noted: (state) => state,
  },
});

const door = fsm({
  name: 'door',
  initial: 'shut',
  events: { Open: nothing, Shut: nothing },
  states: { shut: { Open: 'open' }, open: { Shut: 'shut', after: { '2s': 'alarm' } }, alarm: { Shut: 'shut' } },
});

const alarm = machine({
  name: 'alarm',
  initial: () => ({ rung: 0 }),
  commands: { Set: unchecked<number>(), Ring: nothing, Guarded: unchecked<number>() },
  events: { Rung: nothing },
  decide: {
    Set: (_state, seconds, { key, sendAfter }) => {
      sendAfter(`${seconds}s`, alarm, key, 'Ring');
      sendAfter(`${seconds * 2}s`, alarm, key, 'Ring');
      return [];
    },
    Ring: (_state, _data, { event }) => [event('Rung')],
    Guarded: (_state, token, { event, key, require }) => {
      require({ lock: 'night', key, token });
      return [event('Rung')];
    },
  },
  evolve: { Rung: ({ rung }) => ({ rung: rung + 1 }) },
});

const app = defineApp({ name: 'app', parts: [account, door, alarm] });

async function inWorld(play: (node: LockstepNode, env: Env) => Promise<void>, options: Partial<NodeOptions> = {}) {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const node = await opened(env, memoryEngine(env), options);
      await play(node, env);
      await node.close();
    });
  });
}

async function opened(env: Env, engine: LogEngine, options: Partial<NodeOptions> = {}, parts = app) {
  const node = await openNode(env, parts, { engine, directory: 'state', owner: 'node', ...options });
  await node.leading();
  return node;
}

/** So many of what it gives. */
async function first<T>(count: number, items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === count) break;
  return found;
}

describe('a node', () => {
  test('sent again with its id, a command gives its first answer, for as long as the id is remembered', async () => {
    await inWorld(async (node, env) => {
      const id = commandId(env.now(), 'salary');
      const once = await node.send(account, 'ann', 'Deposit', 10, { commandId: id });
      await node.send(account, 'ann', 'Deposit', 5);
      const again = await node.send(account, 'ann', 'Deposit', 10, { commandId: id });
      expect(again).toEqual({ ...once, repeated: true });
      expect((await node.read(account, 'ann')).state).toEqual({ balance: 15 });
      await expect(node.send(account, 'bob', 'Deposit', 10, { commandId: id })).rejects.toThrow('another command');
      const old = commandId(new Date(env.now().getTime() - 86_400_001), 'old');
      expect(await node.send(account, 'ann', 'Deposit', 10, { commandId: old })).toEqual({ kind: 'expired' });
    });
  });

  test('a version that is not the expected one is a conflict, a fence that is not the newest is fenced', async () => {
    await inWorld(async (node) => {
      const fence = { lock: 'month-end', key: 'ann/lock', token: 7 };
      const both = { expectedVersion: 1, fence };
      expect(await node.send(account, 'ann/1', 'Deposit', 1, { fence })).toEqual({ kind: 'fenced', newest: 0 });
      expect(await node.send(account, 'ann/1', 'Deposit', 1, { expectedVersion: 1 })).toEqual({
        kind: 'conflict',
        expected: 1,
        actual: 0,
      });
      expect(await node.send(account, 'ann/1', 'Deposit', 1, both)).toMatchObject({ kind: 'fenced' });
      await expect(node.send(account, 'bob/1', 'Deposit', 1, { fence })).rejects.toThrow('not-colocated');
      await expect(node.send(alarm, 'ann', 'Guarded', 7)).rejects.toMatchObject({ kind: 'rejected' });
      expect(await node.send(account, 'ann/1', 'Deposit', 1, { expectedVersion: 0 })).toMatchObject({ version: 2 });
    });
  });

  test('a message takes effect once in its own transaction; one that is refused lies with the dead letters', async () => {
    await inWorld(
      async (node) => {
        await node.send(account, 'ann', 'Deposit', 10);
        await node.send(account, 'ann', 'Pay', { to: 'bob', amount: 4 });
        await node.transact('ann', (tx) => tx.send(account, 'bob', 'Deposit', -1));
        await node.transact('ann', (tx) => tx.send(account, 'bob', 'Deposit', 6));
        const events = await first(4, node.events(account, { key: 'bob' }));
        expect(events.map(({ type, data }) => [type, data])).toEqual([
          ['Deposited', 4],
          ['Noted', 'local'],
          ['Deposited', 6],
          ['Noted', 'local'],
        ]);
        const [paid] = events;
        const [dead, ...others] = await node.deadLetters();
        expect([dead?.to, dead?.why, others]).toEqual(['bob', expect.stringContaining('not-positive'), []]);
        expect(paid?.correlationId).not.toBe(paid?.commandId);
        expect((await node.read(account, 'ann')).state).toEqual({ balance: 6 });
      },
      { partitions: 2 },
    );
  });

  test('states end by themselves, and what was sent for later comes then', async () => {
    await inWorld(async (node, env) => {
      await node.send(door, 'd', 'Open');
      await node.send(door, 'e', 'Open');
      await node.send(door, 'e', 'Shut');
      await node.send(alarm, 'a', 'Set', 1);
      await env.sleep('3s');
      expect((await node.read(door, 'd')).state.at).toBe('alarm');
      expect((await node.read(door, 'e')).state.at).toBe('shut');
      expect((await node.read(alarm, 'a')).state).toEqual({ rung: 2 });
      const [, timedOut] = await first(2, node.events(door, { key: 'd' }));
      expect(timedOut).toMatchObject({ type: 'TimedOut', data: { from: 'open', to: 'alarm' }, actor: 'deadline' });
      const { since } = (await node.read(door, 'd')).state;
      expect(since).toEqual(timedOut?.at);
    });
  });

  test('whoever follows gets what is there and what comes, from a token, the start or now, without gap or repeat', async () => {
    await inWorld(async (node, env) => {
      const sent = committed(await node.send(account, 'ann', 'Deposit', 1));
      await node.send(account, 'bob', 'Deposit', 2);
      const all = first(6, node.events(account));
      const later = first(2, node.events(account, { after: 'now', key: 'ann' }));
      const rest = first(2, node.events(account, { after: sent.token, key: 'ann' }));
      await env.sleep('50ms');
      await node.send(account, 'ann', 'Deposit', 3);
      const dataOf = (events: readonly { readonly data: unknown }[]) => events.map(({ data }) => data);
      expect(dataOf(await all).filter((one) => one !== 'local')).toEqual([1, 2, 3]);
      expect(dataOf(await later)).toEqual([3, 'local']);
      expect(dataOf(await rest)).toEqual([3, 'local']);
      const ending = new AbortController();
      const waiting = first(1, node.events(account, { after: 'now', signal: ending.signal }));
      ending.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
    });
  });

  test('whoever follows a partition may ask for keys that begin with something, and for types', async () => {
    await inWorld(async (node, env) => {
      for (const key of ['a/1', 'a/2', 'b/1']) await node.send(account, key, 'Deposit', 5);
      await node.send(account, 'a/2', 'Pay', { to: 'b/1', amount: 5 });
      await node.send(door, 'a/door', 'Open');
      const about = { from: 'start', prefix: 'a/', types: ['Paid', 'Open'] } as const;
      const found: string[] = [];
      for await (const { rows } of subscribe(env, node.partitions.at(0), about)) {
        found.push(...rows.map(({ machine: name, key }) => `${name} ${key}`));
        if (found.length === 2) break;
      }
      expect(found).toEqual(['account a/2', 'door a/door']);
    });
  });

  test('several partitions are followed together; a token of one of them needs its key', async () => {
    await inWorld(
      async (node) => {
        const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
        for (const key of keys) await node.send(account, key, 'Deposit', 1);
        const events = await first(12, node.events(account));
        expect([...new Set(events.map(({ key }) => key))].toSorted()).toEqual(keys);
        const { token } = await node.read(account, 'a');
        await expect(first(1, node.events(account, { after: token }))).rejects.toThrow('of one partition');
      },
      { partitions: 3 },
    );
  });

  test('a transaction drops all that it asked for when it throws or returns a rejection', async () => {
    await inWorld(async (node) => {
      const broken = node.transact('x', (tx) => {
        tx.send(account, 'bob', 'Deposit', 1);
        throw new Error('broken');
      });
      await expect(broken).rejects.toThrow('broken');
      const refused = node.transact('x', (tx) => {
        tx.send(account, 'bob', 'Deposit', 1);
        return reject('no');
      });
      await expect(refused).rejects.toMatchObject({ kind: 'rejected', values: { code: 'no' } });
      const done = await node.transact('x', (tx) => {
        tx.send(account, 'bob', 'Deposit', 2);
        return 'sent';
      });
      expect(done.value).toBe('sent');
      const [event] = await first(1, node.events(account, { key: 'bob' }));
      expect(event?.data).toBe(2);
    });
  });

  test('a transaction whose function is asynchronous does not compile, and nothing that it asked for happens', async () => {
    await inWorld(async (node) => {
      const refused = { kind: 'misuse', message: expect.stringContaining('a transaction is synchronous') };
      // It goes on when the transaction is over, and then fails: that is the same misuse, told once.
      const late = async (tx: Transaction): Promise<void> => {
        tx.send(account, 'bob', 'Deposit', 1);
        await Promise.resolve();
        tx.send(account, 'bob', 'Deposit', 2);
      };
      // @ts-expect-error a transaction is synchronous: await before it
      await expect(node.transact('x', late)).rejects.toMatchObject(refused);
      // @ts-expect-error the same, at a function that is written here
      await expect(node.transact('x', async (tx) => tx.now)).rejects.toMatchObject(refused);
      const sometimes = (): number | Promise<number> => Promise.resolve(1);
      // @ts-expect-error not even where it may be at once
      await expect(node.transact('x', sometimes)).rejects.toMatchObject(refused);
      expectTypeOf((await node.transact('x', () => 7)).value).toEqualTypeOf<number>();
      expect((await node.read(account, 'bob')).version).toBe(0);
    });
  });

  test('middleware stands around each command, the first outermost, and may name another actor', async () => {
    const seen: string[] = [];
    await inWorld(
      async (node) => {
        await node.send(account, 'ann', 'Deposit', 1);
        expect(seen).toEqual(['account.Deposit', 'committed']);
        const [, noted] = await first(2, node.events(account, { key: 'ann' }));
        expect(noted?.data).toBe('ann');
      },
      {
        middleware: [
          async (sent, next) => {
            seen.push(`${sent.machine}.${sent.command}`);
            const outcome = await next(sent);
            seen.push(outcome.kind);
            return outcome;
          },
          (sent, next) => next({ ...sent, actor: sent.key }),
        ],
      },
    );
  });

  test('an actor or a trace that is no short text is refused, also from middleware, and nothing was done', async () => {
    const wrong: readonly unknown[] = [42, '', 'x'.repeat(513), '\ud800', undefined, {}];
    let passed: Readonly<Record<string, unknown>> = {};
    await inWorld(
      async (node) => {
        const refused = { kind: 'invalid', happened: 'no' };
        for (const name of ['actor', 'trace'])
          for (const value of wrong) {
            passed = { [name]: value };
            await expect(node.send(account, 'ann', 'Deposit', 1)).rejects.toMatchObject(refused);
          }
        passed = {};
        const actor = 42 as unknown as string; // as claims of a token may have it
        await expect(node.send(account, 'ann', 'Deposit', 1, { actor })).rejects.toMatchObject(refused);
        expect((await node.read(account, 'ann')).version).toBe(0);
        await node.send(account, 'ann', 'Deposit', 1, { actor: 'x'.repeat(512) });
        expect((await node.read(account, 'ann')).version).toBe(2);
      },
      { middleware: [(sent, next) => next({ ...sent, ...passed })] },
    );
  });

  test('a state of older code is folded again from its events', async () => {
    await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
      await world.run('node', async (env) => {
        const stores = new MemoryStores();
        const before = await opened(env, storeEngine(env, stores));
        await before.send(account, 'ann', 'Deposit', 5);
        await before.close();
        const code = account['~machine'];
        const doubled: typeof account = {
          ...account,
          '~machine': {
            ...code,
            codeVersion: 2,
            evolve: (state, event, at) =>
              code.evolve(state, event.type === 'Deposited' ? { ...event, data: Number(event.data) * 2 } : event, at),
          },
        };
        const after = await opened(
          env,
          storeEngine(env, stores),
          {},
          defineApp({ name: 'app', parts: [doubled, door, alarm] }),
        );
        expect((await after.read(doubled, 'ann')).state).toEqual({ balance: 10 });
        await after.send(doubled, 'ann', 'Deposit', 1);
        expect((await after.read(doubled, 'ann')).state).toEqual({ balance: 12 });
        await after.close();
      });
    });
  });

  test('what is no part of the app, no key and no command is refused, and nothing is sent after the end', async () => {
    await inWorld(async (node) => {
      const stranger = { ...door, name: 'stranger' as 'door' };
      await expect(node.send(stranger, 'd', 'Open')).rejects.toThrow('no part of the app');
      await expect(node.read({ ...door }, 'd')).rejects.toThrow('another machine of this name');
      await expect(node.send(door, '', 'Open')).rejects.toMatchObject({ kind: 'invalid' });
      await node.close();
      await expect(node.send(door, 'd', 'Open')).rejects.toMatchObject({ kind: 'stopped' });
      await expect(first(1, node.events(door))).rejects.toMatchObject({ kind: 'stopped' });
    });
  });
});
