/** Apps in memory and in simulated worlds: what users' tests stand on. */
import { describe, expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { defineApp, provide } from '../machine/app.ts';
import { committed, type Connection } from '../machine/connection.ts';
import { machine } from '../machine/machine.ts';
import { service, type WorkerPart } from '../machine/part.ts';
import { reject } from '../machine/rejection.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import type { Env } from '../env/env.ts';
import { commandId } from '../partition/command-id.ts';
import type { AppWorld } from './cluster/app-world.ts';
import { epochMs } from './clock.ts';
import { SimulationFailure } from './failure.ts';
import { openInMemory } from './open-in-memory.ts';
import { simulate } from './simulate.ts';
import type { World } from './world.ts';

const account = machine({
  name: 'account',
  initial: () => ({ balance: 0 }),
  commands: {
    Deposit: unchecked<number>(),
    Pay: unchecked<{ to: string; amount: number }>(),
    Break: nothing,
  },
  events: { Deposited: unchecked<number>(), Paid: unchecked<number>() },
  decide: {
    Deposit: (_state, amount, { event }) => [event('Deposited', amount)],
    Pay: ({ balance }, { to, amount }, { event, send }) => {
      if (amount > balance) return reject('insufficient-funds', { missing: amount - balance });
      send(account, to, 'Deposit', amount);
      return [event('Paid', amount)];
    },
    Break: () => {
      throw new Error('broken');
    },
  },
  evolve: {
    Deposited: ({ balance }, amount) => ({ balance: balance + amount }),
    Paid: ({ balance }, amount) => ({ balance: balance - amount }),
  },
});
const app = defineApp({ name: 'bank', parts: [account] });

/** Deposits them one by one, each until it is told; with ids, so that each runs once however often it is sent. */
async function deposit(env: Env, bank: Connection, key: string, amounts: readonly number[]): Promise<void> {
  for (const amount of amounts)
    for (let isDone = false; !isDone;) {
      try {
        const id = commandId(new Date('2026-01-01T00:00:00Z'), `${key}/${amount}`);
        await bank.send(account, key, 'Deposit', amount, { commandId: id, deadline: '1s' });
        isDone = true;
      } catch (error) {
        if (!isLockstepError(error) || !error.retry) throw error;
        await env.sleep('100ms');
      }
    }
}

describe('an app in memory', () => {
  test('answers the same verbs, by the real clock, and is gone when it is closed', async () => {
    const node = await openInMemory(app);
    await node.send(account, 'ann', 'Deposit', 5);
    const paid = committed(await node.send(account, 'ann', 'Pay', { to: 'bob', amount: 2 }));
    for await (const { at, data } of node.events(account, { key: 'bob' })) {
      expect(data).toBe(2);
      expect(Math.abs(at.getTime() - epochMs)).toBeGreaterThan(86_400_000); // where simulated worlds begin
      break;
    }
    expect((await node.read(account, 'ann', { after: paid.token })).state).toEqual({ balance: 3 });
    await node.close();
    await expect(node.send(account, 'ann', 'Deposit', 5)).rejects.toMatchObject({ kind: 'stopped' });
    const another = await openInMemory(app);
    expect((await another.read(account, 'ann')).version).toBe(0);
    await another.close();
  });
});

describe('an app in a simulated world', () => {
  test('what is told over the network is what a node tells: outcomes, rejections, conflicts, errors', async () => {
    await simulate({ app, nodes: 2, seeds: 1, weather: 'calm' }, async (world) => {
      const bank = world.connect();
      const once = committed(await bank.send(account, 'ann', 'Deposit', 5));
      expect(once).toMatchObject({ version: 1, repeated: false, events: [{ type: 'Deposited', data: 5 }] });
      expect(await bank.send(account, 'ann', 'Pay', { to: 'bob', amount: 9 })).toEqual({
        kind: 'rejected',
        code: 'insufficient-funds',
        details: { missing: 4 },
      });
      const stale = await bank.send(account, 'ann', 'Deposit', 5, { expectedVersion: 0 });
      expect(stale).toEqual({ kind: 'conflict', expected: 0, actual: 1 });
      await expect(bank.send(account, 'ann', 'Break')).rejects.toThrow('broken');
      await expect(bank.send(account, '', 'Deposit', 1)).rejects.toMatchObject({ kind: 'invalid' });
      const { state, token } = await bank.read(account, 'ann', { after: once.token });
      expect(state).toEqual({ balance: 5 });
      const later = bank.events(account, { after: token, key: 'ann' })[Symbol.asyncIterator]();
      await bank.send(account, 'ann', 'Deposit', 7);
      expect((await later.next()).value).toMatchObject({
        type: 'Deposited',
        data: 7,
        version: 2,
        at: expect.any(Date),
      });
    });
  });

  test('a leader that is cut off is passed over, whether it knows or not; commands run once', async () => {
    await simulate({ app, nodes: 3, seeds: 3 }, async (world) => {
      const amounts = [1, 2, 4, 8];
      const run = world.run('clerk', (env) => deposit(env, world.connect(), 'ann', amounts));
      await world.sleep('100ms');
      const first = await world.leaderOf(account, 'ann');
      expect(world.nodes).toContain(first);
      world.isolate(first);
      await run;
      await world.settle();
      const { state } = await world.connect().read(account, 'ann');
      expect(state).toEqual({ balance: 15 });
    });
  });

  test('who follows has all events once and in order, over crashes of nodes', async () => {
    await simulate({ app, nodes: 2, partitions: 2, seeds: 2, weather: 'calm' }, async (world) => {
      const seen: unknown[] = [];
      void world.run('follower', async () => {
        for await (const { data } of world.connect().events(account, { key: 'ann' })) seen.push(data);
      });
      const run = world.run('clerk', (env) => deposit(env, world.connect(), 'ann', [1, 2, 3, 4, 5]));
      await world.sleep('200ms');
      world.crash(await world.leaderOf(account, 'ann'));
      await run;
      await world.until('all were seen', () => seen.length >= 5);
      expect(seen).toEqual([1, 2, 3, 4, 5]);
    });
  });

  test('a service that crashes begins anew, and what it had connected ends with it', async () => {
    await simulate({ app, seeds: 1, weather: 'calm' }, async (world) => {
      let [began, ended] = [0, 0];
      const run = world.run('clerk', async (env) => {
        began++;
        const bank = world.connect();
        await bank.send(account, 'ann', 'Deposit', 1, { deadline: '20s' });
        ended++;
        await env.sleep('1s');
      });
      await world.until('it began', () => began === 1);
      world.crash('clerk');
      await run;
      expect([began, ended]).toEqual([2, 1]);
    });
  });

  test('what does not settle is told, with what still waits and on whom', async () => {
    const failure = await simulate({ app, seeds: 1, weather: 'calm' }, async (world) => {
      await world.leaderOf(account, 'ann');
      world
        .connect()
        .send(account, 'ann', 'Deposit', 1)
        .catch(() => {});
      const settled = world.settle({ within: '5s' });
      world.beneath.crash('logs', { restart: 'never' });
      await settled;
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SimulationFailure);
    expect(failure).toMatchObject({ verdict: 'liveness', replay: 'LOCKSTEP_SEED=1 npm test' });
    expect((failure as Error).message).toMatch(/nothing moves\n {2}command ann waits for /);
  });

  test('an app may be made of each node’s own env, and of how many nodes is checked', async () => {
    const envs = new Set<Env>();
    const made = (env: Env) => (envs.add(env), app);
    await simulate({ app: made, nodes: 2, seeds: 1, weather: 'calm', twice: false }, async (world) => {
      await world.settle();
    });
    expect(envs.size).toBe(2);
    await expect(simulate({ app, nodes: 0, seeds: 1 }, async () => {})).rejects.toMatchObject({ kind: 'misuse' });
  });
});

describe('the types of simulate', () => {
  const needs = { mail: service<string>() };
  const worker: WorkerPart<typeof needs> = { kind: 'worker', name: 'mailer', needs };
  const needy = defineApp({ name: 'needy', parts: [worker] });

  test('what is wrong does not compile', () => {
    const wrong = [
      // @ts-expect-error: what the app needs is not provided
      () => simulate({ app: needy, seeds: 1 }, async () => {}),
      // @ts-expect-error: nor where it is made of an env
      () => simulate({ app: () => needy, seeds: 1 }, async () => {}),
      // @ts-expect-error: without an app there is nothing to connect to
      () => simulate({ seeds: 1 }, async (world) => void world.connect()),
      // @ts-expect-error: no such option
      () => simulate({ app, seeds: 1, machines: 3 }, async () => {}),
      // @ts-expect-error: what the app needs is not provided
      () => openInMemory(needy),
    ];
    expect(wrong).toHaveLength(5);
  });

  test('the world is that of the app where one is given', () => {
    const right = [
      () => simulate({ seeds: 1 }, async (world) => void (world satisfies World)),
      () => simulate({ app, seeds: 1 }, async (world) => void (world satisfies AppWorld)),
      () =>
        simulate({ app: provide(needy, { mail: 'x' }), seeds: 1 }, async (world) => void (world satisfies AppWorld)),
    ];
    expect(right).toHaveLength(3);
  });
});
