/**
 * What there is of one article: its key is the article's number. Stock is free, held for an order, or has left with one. An
 * order that asks is answered by a message, so nobody waits for anybody.
 */
import { machine, unchecked } from 'lockstep';
import { fulfilment } from './fulfilment.ts';

type Quantity = { quantity: number };
/** By the key of the order. */
type ForOrder = { order: string };

interface Stock {
  readonly free: number;
  /** For each order that has some and has not left. */
  readonly held: Readonly<Record<string, number>>;
  readonly shipped: number;
}

const without = (held: Stock['held'], order: string): Stock['held'] =>
  Object.fromEntries(Object.entries(held).filter(([key]) => key !== order));

export const inventory = machine({
  name: 'inventory',
  initial: (): Stock => ({ free: 0, held: {}, shipped: 0 }),
  commands: {
    Receive: unchecked<Quantity>(), // from the supplier
    Hold: unchecked<ForOrder & Quantity>(),
    Release: unchecked<ForOrder>(),
    Ship: unchecked<ForOrder>(),
  },
  events: {
    Received: unchecked<Quantity>(),
    Held: unchecked<ForOrder & Quantity>(),
    RanShort: unchecked<ForOrder & Quantity>(),
    Released: unchecked<ForOrder & Quantity>(),
    Shipped: unchecked<ForOrder & Quantity>(),
  },
  decide: {
    Receive: (_stock, { quantity }, { event }) => [event('Received', { quantity })],
    Hold: ({ free }, { order, quantity }, { event, key, send }) => {
      if (quantity > free) {
        send(fulfilment, order, 'SoldOut', { sku: key });
        return [event('RanShort', { order, quantity })];
      }
      send(fulfilment, order, 'Held', { sku: key });
      return [event('Held', { order, quantity })];
    },
    Release: ({ held }, { order }, { event }) => {
      const quantity = held[order];
      return quantity === undefined ? [] : [event('Released', { order, quantity })];
    },
    Ship: ({ held }, { order }, { event }) => {
      const quantity = held[order];
      return quantity === undefined ? [] : [event('Shipped', { order, quantity })];
    },
  },
  evolve: {
    Received: (stock, { quantity }) => ({ ...stock, free: stock.free + quantity }),
    Held: ({ free, held, shipped }, { order, quantity }) => ({
      free: free - quantity,
      held: { ...held, [order]: quantity },
      shipped,
    }),
    RanShort: (stock) => stock,
    Released: ({ free, held, shipped }, { order, quantity }) => ({
      free: free + quantity,
      held: without(held, order),
      shipped,
    }),
    Shipped: ({ free, held, shipped }, { order, quantity }) => ({
      free,
      held: without(held, order),
      shipped: shipped + quantity,
    }),
  },
});
