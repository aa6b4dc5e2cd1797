/** Queries of a node in a calm world: what they see of commands, tokens and one another. */
import fc from 'fast-check';
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { both, inWorld, ofTenant, order, orders, placed, totals, type Row } from '../../test/models/orders.ts';
import { memoryEngine, MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp, type Part } from '../machine/app.ts';
import { committed } from '../machine/connection.ts';
import { projection } from '../machine/projection/projection.ts';
import { query } from '../machine/projection/query.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

describe('a query', () => {
  test('sees what was committed before it, at its place, in the order of an index', async () => {
    await inWorld(async (node) => {
      await node.send(order, 'acme/1', 'Place', 7);
      await node.send(order, 'other/1', 'Place', 5);
      await node.send(order, 'acme/2', 'Place', 3);
      const answer = await node.query(ofTenant, { tenant: 'acme' });
      expect(answer).toMatchObject({ value: ['acme/2', 'acme/1'], missing: [], ageMs: 0 });
      await node.send(order, 'acme/2', 'Raise', [3, 3]);
      await node.send(order, 'other/1', 'Cancel');
      expect((await node.query(ofTenant, { tenant: 'acme' }, { after: answer.token })).value).toEqual([
        'acme/1',
        'acme/2',
      ]);
      expect((await node.query(ofTenant, { tenant: 'other' })).value).toEqual([]);
    });
  });

  test('over several partitions merges what they answer; its token and that of a command are good for all of them', async () => {
    await inWorld(
      async (node) => {
        const sent = [];
        for (let count = 1; count <= 9; count++)
          sent.push(committed(await node.send(order, `tenant-${count}/o`, 'Place', 10 - count)));
        const all = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        const answer = await node.query(totals, undefined);
        expect(answer.value).toEqual(all);
        for (const { token } of [answer, ...sent])
          expect((await node.query(totals, undefined, { after: token })).value).toEqual(all);
        const tenant = 'tenant-3';
        expect((await node.query(ofTenant, { tenant }, { after: answer.token })).value).toEqual(['tenant-3/o']);
      },
      { partitions: 3 },
    );
  });

  test('of an asynchronous projection waits for what its token names', async () => {
    await inWorld(
      async (node, env) => {
        const [now, then] = [await placed(node, 1), await placed(node, 2)];
        await env.sleep('20ms');
        const stale = await node.query(both, undefined);
        expect(stale.value[0]).toHaveLength(2);
        expect(stale.value[1]?.length ?? 0).toBeLessThan(2);
        expect(stale.ageMs).toBeGreaterThan(0);
        const fresh = await node.query(both, undefined, { after: then });
        expect(fresh.value[1]).toEqual(fresh.value[0]);
        expect((await node.query(both, undefined, { after: now })).value[0]).toHaveLength(2);
      },
      { projections: { gatherMs: 100 } },
    );
  });

  test('rows and every index are what the events make, inline after each command, asynchronous at the end', async () => {
    const command = fc.oneof(
      fc.record({ kind: fc.constant('Place' as const), data: fc.nat(12) }),
      fc.record({ kind: fc.constant('Raise' as const), data: fc.array(fc.nat(3), { maxLength: 3 }) }),
      fc.record({ kind: fc.constant('Cancel' as const) }),
    );
    const commands = fc.sample(fc.tuple(fc.constantFrom('a/1', 'a/2', 'b/1', 'c/1', 'd/1'), command), {
      numRuns: 150,
      seed: 7,
    });
    await inWorld(
      async (node) => {
        const expected = new Map<string, number>();
        for (const [key, { kind, ...rest }] of commands) {
          const data = 'data' in rest ? rest.data : undefined;
          if (kind === 'Raise' && !expected.has(key)) continue;
          if (kind === 'Place') await node.send(order, key, 'Place', Number(data));
          else if (kind === 'Raise') await node.send(order, key, 'Raise', data as number[]);
          else await node.send(order, key, 'Cancel');
          if (kind === 'Place') expected.set(key, Number(data));
          else if (kind === 'Cancel') expected.delete(key);
          else
            expected.set(
              key,
              (data as number[]).reduce((sum, one) => sum + one, expected.get(key) ?? 0),
            );
          const sorted = [...expected.values()].toSorted((a, b) => a - b);
          expect((await node.query(totals, undefined)).value).toEqual(sorted);
        }
        const { token } = await node.query(totals, undefined);
        const { value } = await node.query(both, undefined, { after: token });
        expect(value[1]).toEqual(value[0]);
        const tenantA = await node.query(ofTenant, { tenant: 'a' });
        const ofA = [...expected].filter(([key]) => key.startsWith('a/')).toSorted(([, a], [, b]) => a - b);
        expect(tenantA.value).toEqual(ofA.map(([key]) => key));
      },
      { partitions: 2 },
    );
  });

  test('of a projection that stopped says why and is refused, or leaves out what is missing; commands go on', async () => {
    await inWorld(async (node, env) => {
      await node.send(order, 'a', 'Place', 1);
      const { token } = committed(await node.send(order, 'b', 'Place', 13));
      await node.send(order, 'c', 'Place', 2);
      await expect(node.query(totals, undefined)).rejects.toMatchObject({
        kind: 'unavailable',
        values: { projection: 'orders', error: 'unlucky', event: 'order b 1' },
      });
      const partial = await node.query(totals, undefined, { partial: true });
      expect(partial).toMatchObject({ value: [1], missing: ['orders of partition 0'] });
      await env.sleep('20ms');
      expect((await node.query(totals, undefined, { partial: true })).ageMs).toBeGreaterThan(partial.ageMs);
      const waiting = node.query(totals, undefined, { after: token, deadline: '1s' });
      await env.sleep('500ms');
      const waits = await node.explain({ key: 'totals' });
      expect(waits.map(({ what, waitsFor }) => [what, waitsFor])).toEqual([
        ['query', 'projection orders, which is stopped: unlucky'],
      ]);
      await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
      expect((await node.read(order, 'c')).state).toEqual({ total: 2 });
    });
  });

  test('waits for rows of new code where those of the code before lack an index, and says what it waits for', async () => {
    const stores = new MemoryStores();
    const opened = async (env: Env, parts: readonly Part[]): Promise<LockstepNode> => {
      const engine = storeEngine(env, stores);
      const node = await openNode(env, defineApp({ name: 'shop', parts }), {
        engine,
        directory: 'state',
        owner: 'node',
      });
      await node.leading();
      return node;
    };
    const newer = projection({
      name: 'orders',
      from: { order },
      row: unchecked<Row>(),
      indexes: { byTotal: (row) => [row.total], byId: (row) => [row.id] },
      on: {
        order: {
          Placed: ({ key, place, data }, rows) => {
            if (data === 2) throw new Error('new code is wrong');
            rows.set(key, { id: key, tenant: place, total: data });
          },
        },
      },
      codeVersion: 2,
    });
    const listed = query({
      name: 'listed',
      input: nothing,
      reads: { orders: newer },
      at: () => 'k-1',
      run: (tables) => tables.orders.list('byId', { limit: 10 }),
    });
    await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
      await world.run('node', async (env) => {
        const before = await opened(env, [order, orders]);
        for (const total of [1, 2]) await placed(before, total);
        await before.close();
        const after = await opened(env, [order, newer, listed]);
        const asked = after.query(listed, undefined);
        await expect(asked).rejects.toMatchObject({ kind: 'unavailable', values: { error: 'new code is wrong' } });
        expect(await after.query(listed, undefined, { partial: true })).toMatchObject({
          missing: ['orders of partition 0'],
        });
        await after.close();
      });
    });
  });

  test('that reads more rows than it may is refused', async () => {
    const greedy = query({
      name: 'greedy',
      input: nothing,
      reads: { orders },
      at: () => 'k-1',
      run: (tables) => {
        for (;;) tables.orders.get('k-1');
      },
    });
    await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
      await world.run('node', async (env) => {
        const parts = [order, orders, greedy];
        const about = { engine: memoryEngine(env), directory: 'state', owner: 'node' };
        const node = await openNode(env, defineApp({ name: 'shop', parts }), about);
        await node.leading();
        await placed(node, 1);
        await expect(node.query(greedy, undefined)).rejects.toThrow('a query reads too many rows');
        await node.close();
      });
    });
  });

  test('is checked at the edge: its input, its token, and that it is part of the app', async () => {
    const refusing = {
      ...nothing,
      '~standard': { ...nothing['~standard'], validate: () => ({ issues: [{ message: 'no' }] }) },
    };
    const strict = query({ name: 'strict', input: refusing, reads: { orders }, at: () => 'a', run: () => 1 });
    const slow = query({ name: 'slow', input: nothing, reads: { orders }, at: () => 'a', run: async () => 1 });
    const stranger = query({ name: 'stranger', input: nothing, reads: { orders }, at: () => 'a', run: () => 1 });
    const parts = [order, orders, strict, slow];
    await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
      await world.run('node', async (env) => {
        const about = { engine: memoryEngine(env), directory: 'state', owner: 'node' };
        const node = await openNode(env, defineApp({ name: 'shop', parts }), about);
        await node.leading();
        await expect(node.query(strict, undefined)).rejects.toThrow('the schema of this query refuses the data');
        await expect(node.query(stranger, undefined)).rejects.toThrow('this query is no part of the app');
        await expect(node.query(slow, undefined)).rejects.toThrow('a query is synchronous');
        await node.close();
        await expect(node.query(slow, undefined)).rejects.toMatchObject({ kind: 'stopped' });
      });
    });
  });

  test('passes through middleware, the first outermost', async () => {
    const seen: unknown[] = [];
    await inWorld(
      async (node) => {
        await node.send(order, 'a', 'Place', 4);
        expect((await node.query(ofTenant, { tenant: 'a' })).value).toEqual(['a', 'and more']);
        await node.query(totals, undefined);
        expect(seen).toEqual([
          ['of-tenant', 'a'],
          ['totals', null],
        ]);
      },
      {
        queryMiddleware: [
          async (asked, next) => {
            const answer = await next(asked);
            return asked.key === null ? answer : { ...answer, value: [...(answer.value as string[]), 'and more'] };
          },
          (asked, next) => {
            seen.push([asked.query, asked.key]);
            return next(asked);
          },
        ],
      },
    );
  });
});
