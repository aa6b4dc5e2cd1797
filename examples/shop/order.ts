/**
 * A shop's order as a table, and its payment as a machine that tells the order once all of it is there. An order and its
 * payment have one key. The states are those of a real marketplace's orders, whose way some of the transitions show: goods
 * leave before the money is confirmed, and parcels are called back on their way.
 */
import { fsm, machine, nothing, reject, unchecked } from 'lockstep';

export interface Line {
  readonly sku: string;
  readonly quantity: number;
  /** Of one, in cents. */
  readonly price: number;
}

/** In cents. */
export const totalOf = (lines: readonly Line[]): number =>
  lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0);

export const order = fsm({
  name: 'order',
  initial: 'none',
  events: {
    Placed: unchecked<{ customer: string; lines: readonly Line[] }>(),
    Approved: nothing, // sent by the payment
    Invoiced: nothing,
    Prepared: nothing,
    HandedOver: nothing, // to the carrier
    Delivered: nothing,
    SoldOut: nothing,
    Canceled: unchecked<{ reason: string }>(),
  },
  states: {
    none: { Placed: 'created' },
    created: { Approved: 'approved', HandedOver: 'shipped', Canceled: 'canceled', after: { '40d': 'canceled' } },
    approved: {
      Invoiced: 'invoiced',
      Prepared: 'processing',
      HandedOver: 'shipped',
      SoldOut: 'unavailable',
      Canceled: 'canceled',
    },
    invoiced: { Prepared: 'processing', HandedOver: 'shipped', SoldOut: 'unavailable', Canceled: 'canceled' },
    processing: { HandedOver: 'shipped', SoldOut: 'unavailable', Canceled: 'canceled' },
    shipped: { Approved: 'shipped', Delivered: 'delivered', Canceled: 'canceled' },
    delivered: { Approved: 'delivered' }, // what is delivered is not canceled any more
    unavailable: {},
    canceled: {},
  },
});

type Amount = { amount: number };

/** In cents. What was asked for may come in parts. */
export const payment = machine({
  name: 'payment',
  initial: () => ({ due: 0, received: 0 }),
  commands: { Request: unchecked<Amount>(), Receive: unchecked<Amount>(), Refund: nothing },
  events: { Requested: unchecked<Amount>(), Received: unchecked<Amount>(), Refunded: unchecked<Amount>() },
  decide: {
    Request: ({ due }, { amount }, { event }) =>
      due > 0 ? reject('already-requested', { due }) : [event('Requested', { amount })],
    Receive: ({ due, received }, { amount }, { event, key, send }) => {
      const open = due - received;
      if (amount <= 0 || amount > open) return reject('wrong-amount', { open });
      if (amount === open) send(order, key, 'Approved'); // leaves with the event, or not at all
      return [event('Received', { amount })];
    },
    Refund: ({ received }, _nothing, { event }) =>
      received === 0 ? reject('nothing-received') : [event('Refunded', { amount: received })],
  },
  evolve: {
    Requested: (state, { amount }) => ({ ...state, due: amount }),
    Received: (state, { amount }) => ({ ...state, received: state.received + amount }),
    Refunded: () => ({ due: 0, received: 0 }),
  },
});
