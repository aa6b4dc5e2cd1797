/** Orders and what is asked of them, for tests: a machine, projections inline and asynchronous, queries, a node of all. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { memoryEngine } from '../../src/log/memory.ts';
import { defineApp } from '../../src/machine/app.ts';
import { committed } from '../../src/machine/connection.ts';
import { machine } from '../../src/machine/machine.ts';
import { projection } from '../../src/machine/projection/projection.ts';
import { query } from '../../src/machine/projection/query.ts';
import { nothing, unchecked } from '../../src/machine/schema.ts';
import type { LockstepNode } from '../../src/node/node.ts';
import { openNode, type NodeOptions } from '../../src/node/open.ts';
import type { Token } from '../../src/partition/transaction.ts';

type Order = { readonly total: number };
export const order = machine({
  name: 'order',
  initial: (): Order => ({ total: 0 }),
  commands: { Place: unchecked<number>(), Raise: unchecked<number[]>(), Cancel: nothing },
  events: { Placed: unchecked<number>(), Raised: unchecked<number>(), Canceled: nothing },
  decide: {
    Place: (_order, total, { event }) => [event('Placed', total)],
    Raise: (_order, by, { event }) => by.map((one) => event('Raised', one)),
    Cancel: (_order, _nothing, { event }) => [event('Canceled')],
  },
  evolve: {
    Placed: (_order, total) => ({ total }),
    Raised: ({ total }, by) => ({ total: total + by }),
    Canceled: () => ({ total: 0 }),
  },
});

export interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly total: number;
}

/** Of an unlucky total the handler throws; what is not there cannot be raised. */
const ordersFor = <const Name extends string>(name: Name, update: 'inline' | 'async') =>
  projection({
    name,
    from: { order },
    row: unchecked<Row>(),
    indexes: { byTotal: (row) => [row.total], byTenant: (row) => [row.tenant, row.total] },
    on: {
      order: {
        Placed: ({ key, place, data }, rows) => {
          if (data === 13) throw new Error('unlucky');
          rows.set(key, { id: key, tenant: place, total: data });
        },
        Raised: ({ key, data }, rows) => rows.update(key, (row) => ({ ...row, total: row.total + data })),
        Canceled: ({ key }, rows) => rows.delete(key),
      },
    },
    update,
  });

export const orders = ordersFor('orders', 'inline');
const later = ordersFor('later', 'async');

export const ofTenant = query({
  name: 'of-tenant',
  input: unchecked<{ tenant: string }>(),
  reads: { orders },
  at: ({ tenant }) => tenant,
  run: (tables, { tenant }) => tables.orders.list('byTenant', { prefix: [tenant], limit: 100 }).map(({ id }) => id),
});
export const totals = query({
  name: 'totals',
  input: nothing,
  reads: { orders },
  run: (tables) => tables.orders.list('byTotal', { limit: 1_000 }).map(({ total }) => total),
  merge: (parts) => parts.flat().toSorted((a, b) => a - b),
});
export const both = query({
  name: 'both',
  input: nothing,
  reads: { orders, later },
  run: (tables) => [tables.orders.list('byTotal', { limit: 1_000 }), tables.later.list('byTotal', { limit: 1_000 })],
  merge: (parts) => [parts.flatMap(([now = []]) => now), parts.flatMap(([, then = []]) => then)],
});

const app = defineApp({ name: 'shop', parts: [order, orders, later, ofTenant, totals, both] });

export async function inWorld(
  play: (node: LockstepNode, env: Env) => Promise<void>,
  options: Partial<NodeOptions> = {},
) {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const node = await openNode(env, app, {
        engine: memoryEngine(env),
        directory: 'state',
        owner: 'node',
        ...options,
      });
      await node.leading();
      await play(node, env);
      await node.close();
    });
  });
}

/** The token of a new order. */
export async function placed(node: LockstepNode, total: number): Promise<Token> {
  return committed(await node.send(order, `k-${total}`, 'Place', total)).token;
}
