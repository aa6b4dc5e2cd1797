/**
 * A shop's orders as rows: listed by status in the command's own transaction, counted behind it, read with what one has
 * just written, watched as they change. On this machine, in a directory of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { committed, defineApp, machine, nothing, open, projection, query, unchecked } from 'lockstep';

type Status = 'placed' | 'sent';

const order = machine({
  name: 'order',
  initial: () => ({ status: 'none' as 'none' | Status }),
  commands: { Place: unchecked<{ total: number }>(), Send: nothing },
  events: { Placed: unchecked<{ total: number }>(), Sent: nothing },
  decide: {
    Place: (_order, { total }, { event }) => [event('Placed', { total })],
    Send: ({ status }, _nothing, { event }) => (status === 'placed' ? [event('Sent')] : []),
  },
  evolve: { Placed: () => ({ status: 'placed' }), Sent: () => ({ status: 'sent' }) },
});

const orders = projection({
  name: 'orders',
  from: { order },
  row: unchecked<{ id: string; shop: string; status: Status; total: number }>(),
  indexes: { byStatus: (row) => [row.shop, row.status, row.total] },
  on: {
    order: {
      Placed: ({ key, place, data }, rows) =>
        rows.set(key, { id: key, shop: place, status: 'placed', total: data.total }),
      Sent: ({ key }, rows) => rows.update(key, (row) => ({ ...row, status: 'sent' })),
    },
  },
});

const counts = projection({
  name: 'counts',
  from: { order },
  row: unchecked<{ orders: number }>(),
  on: {
    order: { Placed: ({ place }, rows) => rows.set(place, { orders: (rows.get(place)?.orders ?? 0) + 1 }) },
  },
  update: 'async',
});

/** The largest orders of a shop that wait to be sent. */
const waiting = query({
  name: 'waiting',
  input: unchecked<{ shop: string; limit: number }>(),
  reads: { orders },
  at: ({ shop }) => shop,
  run: ({ orders: table }, { shop, limit }) =>
    table
      .list('byStatus', { prefix: [shop, 'placed'], limit, reverse: true })
      .map(({ id, total }) => `${id}: ${total}`),
});

const countOf = query({
  name: 'count-of',
  input: unchecked<string>(),
  reads: { counts },
  at: (shop) => shop,
  run: ({ counts: table }, shop) => table.get(shop)?.orders ?? 0,
});

const data = await mkdtemp(join(tmpdir(), 'lockstep-cqrs-'));
const node = await open(defineApp({ name: 'shop', parts: [order, orders, counts, waiting, countOf] }), { data });

for (const total of [40, 10, 70, 30]) await node.send(order, `tea/${total}`, 'Place', { total });
const sent = committed(await node.send(order, 'tea/70', 'Send'));
console.log('waiting', (await node.query(waiting, { shop: 'tea', limit: 2 })).value);
console.log('orders', (await node.query(countOf, 'tea', { after: sent.token })).value);

for await (const { value } of node.watch(waiting, { shop: 'tea', limit: 10 })) {
  console.log('still waiting', value.length);
  const [next] = value;
  if (next === undefined) break;
  const [id = ''] = next.split(':');
  await node.send(order, id, 'Send');
}

await node.close();
await rm(data, { recursive: true });
