/**
 * A small shop with one of everything that the page shows: a table of transitions, commands with shapes, messages that are
 * refused, a projection that stops, queries.
 */
import { defineApp, fsm, machine, nothing, projection, query, reject, unchecked, type Schema } from 'lockstep';

/** A schema that says its shape; what is checked is that it is an object. */
function shaped<T>(properties: Readonly<Record<string, unknown>>, required: readonly string[]): Schema<T> {
  const shape = { type: 'object', properties, required };
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        typeof value === 'object' && value !== null
          ? { value: value as T }
          : { issues: [{ message: 'Expected an object' }] },
      jsonSchema: { input: () => shape, output: () => shape },
    },
  };
}

interface Line {
  readonly sku: string;
  readonly quantity: number;
}

const line = {
  type: 'object',
  properties: { sku: { type: 'string', minLength: 1 }, quantity: { type: 'integer', minimum: 1 } },
  required: ['sku', 'quantity'],
};

export const order = fsm({
  name: 'order',
  initial: 'none',
  events: {
    Placed: shaped<{ customer: string; lines: readonly Line[] }>(
      { customer: { type: 'string', minLength: 1 }, lines: { type: 'array', items: line } },
      ['customer', 'lines'],
    ),
    Approved: nothing,
    HandedOver: nothing,
    Delivered: nothing,
    Canceled: unchecked<{ reason: string }>(),
  },
  states: {
    none: { Placed: 'created' },
    created: { Approved: 'approved', Canceled: 'canceled', after: { '40d': 'canceled' } },
    approved: { HandedOver: 'shipped', Canceled: 'canceled' },
    shipped: { Delivered: 'delivered', Canceled: 'canceled' },
    delivered: {},
    canceled: {},
  },
});

export const payment = machine({
  name: 'payment',
  initial: () => ({ received: 0 }),
  commands: {
    Receive: shaped<{ amount: number; method?: string }>(
      { amount: { type: 'integer', minimum: 1 }, method: { enum: ['card', 'transfer'] } },
      ['amount'],
    ),
  },
  events: { Received: unchecked<{ amount: number }>() },
  decide: {
    Receive: ({ received }, { amount }, { event, key, send }) => {
      if (received > 0) return reject('already-paid', { received });
      send(order, key, 'Approved'); // a dead letter where there is no such order
      return [event('Received', { amount })];
    },
  },
  evolve: { Received: (_state, { amount }) => ({ received: amount }) },
});

const orders = projection({
  name: 'orders',
  from: { order },
  row: unchecked<{ id: string; customer: string; status: string }>(),
  indexes: { byCustomer: (row) => [row.customer] },
  on: {
    order: {
      Placed: ({ key, data }, rows) => rows.set(key, { id: key, customer: data.customer, status: 'created' }),
      Delivered: ({ key }, rows) => rows.update(key, (row) => ({ ...row, status: 'delivered' })),
    },
  },
});

const takings = projection({
  name: 'takings',
  from: { payment },
  row: unchecked<{ sum: number }>(),
  on: {
    payment: {
      Received: ({ place, data }, rows) => {
        if (data.amount === 13) throw new Error('takings have no thirteen');
        rows.set(place, { sum: (rows.get(place)?.sum ?? 0) + data.amount });
      },
    },
  },
  update: 'async',
});

const ordersOf = query({
  name: 'orders-of',
  input: shaped<{ customer: string }>({ customer: { type: 'string' } }, ['customer']),
  reads: { orders },
  merge: (parts) => parts.flat(),
  run: ({ orders: table }, { customer }) => table.list('byCustomer', { prefix: [customer], limit: 50, reverse: true }),
});

export const shop = defineApp({ name: 'shop', parts: [order, payment, orders, takings, ordersOf] });
