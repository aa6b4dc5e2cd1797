/**
 * The payment of an order, under its key. Money comes in parts, or not at all: the bank declines, or the time to pay runs
 * out. Once all of it is there the order is approved and its fulfilment goes on.
 */
import { machine, nothing, reject, unchecked } from 'lockstep';
import { fulfilment } from './fulfilment.ts';
import { order } from './order.ts';

/** In cents. */
type Amount = { amount: number };

/** For so long a customer may take. */
const payWithin = '1min';

export const payment = machine({
  name: 'payment',
  initial: () => ({ due: 0, received: 0, isOpen: false }),
  commands: {
    Request: unchecked<Amount>(),
    Receive: unchecked<Amount>(),
    Decline: unchecked<{ reason: string }>(),
    Expire: nothing,
    Refund: nothing,
  },
  events: {
    Requested: unchecked<Amount>(),
    Received: unchecked<Amount>(),
    Declined: unchecked<{ reason: string }>(),
    Expired: nothing,
    Refunded: unchecked<Amount>(),
  },
  decide: {
    Request: ({ due }, { amount }, { event, key, sendAfter }) => {
      if (due > 0) return reject('already-requested', { due });
      sendAfter(payWithin, payment, key, 'Expire');
      return [event('Requested', { amount })];
    },
    Receive: ({ due, received, isOpen }, { amount }, { event, key, send }) => {
      const missing = isOpen ? due - received : 0;
      if (amount <= 0 || amount > missing) return reject('wrong-amount', { open: missing });
      if (amount === missing) {
        send(order, key, 'Approved'); // both leave with the event, or not at all
        send(fulfilment, key, 'Paid');
      }
      return [event('Received', { amount })];
    },
    Decline: ({ isOpen }, { reason }, { event, key, send }) => {
      if (!isOpen) return reject('not-open');
      send(fulfilment, key, 'Unpaid', { reason });
      return [event('Declined', { reason })];
    },
    Expire: ({ isOpen }, _nothing, { event, key, send }) => {
      if (!isOpen) return []; // it was paid, or declined, meanwhile
      send(fulfilment, key, 'Unpaid', { reason: 'not paid in time' });
      return [event('Expired')];
    },
    Refund: ({ received }, _nothing, { event }) => (received === 0 ? [] : [event('Refunded', { amount: received })]), // also what came in before the bank declined the rest
  },
  evolve: {
    Requested: (state, { amount }) => ({ ...state, due: amount, isOpen: true }),
    Received: ({ due, received }, { amount }) => ({
      due,
      received: received + amount,
      isOpen: received + amount < due,
    }),
    Declined: (state) => ({ ...state, isOpen: false }),
    Expired: (state) => ({ ...state, isOpen: false }),
    Refunded: (state) => ({ ...state, received: 0, isOpen: false }),
  },
});
