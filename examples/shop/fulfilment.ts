/**
 * What becomes of an order, as machines that message each other; since they name each other they are one file. Fulfilment
 * steers: stock is held, the money asked for, the parcel sent, and where one of them fails, what was done is undone by
 * messages. What it waits for is its state, so it waits for days without anybody holding anything, and goes on wherever its
 * partition is led. Fulfilment, payment and shipment have the key of their order; the key of inventory is the article.
 */
import { machine, nothing, reject, unchecked, type Context, type Duration } from 'lockstep';
import { order, totalOf, type Line } from './order.ts';

type Phase = 'none' | 'holding' | 'paying' | 'shipping' | 'calling back' | 'moving' | 'done' | 'ended';

interface Fulfilment {
  readonly phase: Phase;
  readonly lines: readonly Line[];
  /** Articles that are held for it. */
  readonly held: readonly string[];
}

type Reason = { reason: string };
type Article = { sku: string };
type Send = Pick<Context<unknown>, 'key' | 'send'>;

/** For so long a customer may take. */
const payWithin = '1min';

/** It comes to nothing: the order is told, and what is held is free again. What is not held yet is released when it is. */
function giveBack({ held }: Fulfilment, reason: string, { key, send }: Send): void {
  send(order, key, 'Canceled', { reason });
  for (const sku of held) send(inventory, sku, 'Release', { order: key });
}

export const fulfilment = machine({
  name: 'fulfilment',
  initial: (): Fulfilment => ({ phase: 'none', lines: [], held: [] }),
  commands: {
    Begin: unchecked<{ customer: string; lines: readonly Line[] }>(),
    Held: unchecked<Article>(),
    SoldOut: unchecked<Article>(),
    Paid: nothing,
    Unpaid: unchecked<Reason>(),
    Cancel: unchecked<Reason>(), // by the customer
    HandedOver: nothing,
    CalledBack: nothing,
    Delivered: nothing,
    Lost: nothing,
  },
  events: {
    Begun: unchecked<{ customer: string; lines: readonly Line[] }>(),
    StockHeld: unchecked<Article>(),
    PaymentAsked: unchecked<{ amount: number }>(),
    ParcelAsked: nothing,
    CallBackAsked: unchecked<Reason>(),
    Left: nothing,
    Completed: nothing,
    Ended: unchecked<Reason>(),
  },
  decide: {
    Begin: ({ phase }, { customer, lines }, { event, key, send }) => {
      if (phase !== 'none') return reject('already-begun', { phase });
      if (lines.length === 0 || new Set(lines.map(({ sku }) => sku)).size < lines.length)
        return reject('wrong-lines', { lines: lines.length });
      send(order, key, 'Placed', { customer, lines });
      for (const { sku, quantity } of lines) send(inventory, sku, 'Hold', { order: key, quantity });
      return [event('Begun', { customer, lines })];
    },
    Held: ({ phase, lines, held }, { sku }, { event, key, send }) => {
      if (phase !== 'holding') {
        send(inventory, sku, 'Release', { order: key }); // it ended meanwhile
        return [];
      }
      if (held.length + 1 < lines.length) return [event('StockHeld', { sku })];
      const amount = totalOf(lines);
      send(payment, key, 'Request', { amount, within: payWithin });
      return [event('StockHeld', { sku }), event('PaymentAsked', { amount })];
    },
    SoldOut: (state, { sku }, { event, key, send }) => {
      if (state.phase !== 'holding') return [];
      const reason = `${sku} is sold out`;
      giveBack(state, reason, { key, send });
      return [event('Ended', { reason })];
    },
    Paid: ({ phase }, _nothing, { event, key, send }) => {
      if (phase === 'paying') {
        send(shipment, key, 'Request');
        return [event('ParcelAsked')];
      }
      if (phase !== 'none') send(payment, key, 'Refund'); // it was canceled while the money was on its way
      return []; // `none`: the order is fulfilled by others
    },
    Unpaid: (state, { reason }, { event, key, send }) => {
      if (state.phase !== 'paying') return [];
      giveBack(state, reason, { key, send });
      send(payment, key, 'Refund'); // what had come in part
      return [event('Ended', { reason })];
    },
    Cancel: (state, { reason }, { event, key, send }) => {
      if (state.phase === 'shipping') {
        send(shipment, key, 'CallBack');
        return [event('CallBackAsked', { reason })];
      }
      if (state.phase !== 'holding' && state.phase !== 'paying') return reject('too-late', { phase: state.phase });
      giveBack(state, reason, { key, send });
      send(payment, key, 'Refund');
      return [event('Ended', { reason })];
    },
    HandedOver: ({ held }, _nothing, { event, key, send }) => {
      for (const sku of held) send(inventory, sku, 'Ship', { order: key });
      return [event('Left')];
    },
    CalledBack: (state, _nothing, { event, key, send }) => {
      const reason = 'canceled before it left';
      giveBack(state, reason, { key, send });
      send(payment, key, 'Refund');
      return [event('Ended', { reason })];
    },
    Delivered: (_state, _nothing, { event }) => [event('Completed')],
    Lost: (_state, _nothing, { event, key, send }) => {
      const reason = 'lost on its way';
      send(order, key, 'Canceled', { reason });
      send(payment, key, 'Refund');
      return [event('Ended', { reason })];
    },
  },
  evolve: {
    Begun: (_state, { lines }) => ({ phase: 'holding', lines, held: [] }),
    StockHeld: (state, { sku }) => ({ ...state, held: [...state.held, sku] }),
    PaymentAsked: (state) => ({ ...state, phase: 'paying' }),
    ParcelAsked: (state) => ({ ...state, phase: 'shipping' }),
    CallBackAsked: (state) => ({ ...state, phase: 'calling back' }),
    Left: (state) => ({ ...state, phase: 'moving', held: [] }),
    Completed: (state) => ({ ...state, phase: 'done' }),
    Ended: (state) => ({ ...state, phase: 'ended', held: [] }),
  },
});

type Quantity = { quantity: number };
/** By the key of the order. */
type ForOrder = { order: string };

/**
 * What there is of one article. It is free, held for an order, or has left with one. Who asks is answered by a message, so
 * nobody waits for anybody.
 */
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

/** In cents. */
type Amount = { amount: number };

/**
 * Money comes in parts, or not at all: the bank declines, or the time to pay runs out. Once all of it is there the order is
 * approved and its fulfilment goes on.
 */
export const payment = machine({
  name: 'payment',
  initial: () => ({ due: 0, received: 0, isOpen: false }),
  commands: {
    Request: unchecked<Amount & { within: Duration }>(),
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
    Closed: nothing,
    Refunded: unchecked<Amount>(),
  },
  decide: {
    Request: ({ due }, { amount, within }, { event, key, sendAfter }) => {
      if (due > 0) return reject('already-requested', { due });
      sendAfter(within, payment, key, 'Expire');
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
    // Also of what came in part; and no more is taken.
    Refund: ({ received, isOpen }, _nothing, { event }) =>
      received > 0 ? [event('Refunded', { amount: received })] : isOpen ? [event('Closed')] : [],
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
    Closed: (state) => ({ ...state, isOpen: false }),
    Refunded: (state) => ({ ...state, received: 0, isOpen: false }),
  },
});

type ParcelStatus = 'none' | 'requested' | 'packed' | 'moving' | 'delivered' | 'lost' | 'called back';

/** After so long without being packed somebody should look. */
const packWithin = '2d';

/** The parcel. It can be called back until the carrier has it, and carriers lose some. */
export const shipment = machine({
  name: 'shipment',
  initial: (): { status: ParcelStatus; isOverdue: boolean } => ({ status: 'none', isOverdue: false }),
  commands: {
    Request: nothing,
    Pack: nothing,
    HandOver: unchecked<{ carrier: string }>(),
    Deliver: nothing,
    Lose: nothing,
    CallBack: nothing,
    Remind: nothing,
  },
  events: {
    Requested: nothing,
    Packed: nothing,
    HandedOver: unchecked<{ carrier: string }>(),
    Delivered: nothing,
    Lost: nothing,
    CalledBack: nothing,
    Overdue: nothing,
  },
  decide: {
    Request: ({ status }, _nothing, { event, key, sendAfter }) => {
      if (status !== 'none') return reject('already-requested', { status });
      sendAfter(packWithin, shipment, key, 'Remind');
      return [event('Requested')];
    },
    Pack: ({ status }, _nothing, { event, key, send }) => {
      if (status !== 'requested') return reject('not-requested', { status });
      send(order, key, 'Prepared');
      return [event('Packed')];
    },
    HandOver: ({ status }, { carrier }, { event, key, send }) => {
      if (status !== 'packed') return reject('not-packed', { status });
      send(order, key, 'HandedOver');
      send(fulfilment, key, 'HandedOver');
      return [event('HandedOver', { carrier })];
    },
    Deliver: ({ status }, _nothing, { event, key, send }) => {
      if (status !== 'moving') return reject('not-moving', { status });
      send(order, key, 'Delivered');
      send(fulfilment, key, 'Delivered');
      return [event('Delivered')];
    },
    Lose: ({ status }, _nothing, { event, key, send }) => {
      if (status !== 'moving') return reject('not-moving', { status });
      send(fulfilment, key, 'Lost');
      return [event('Lost')];
    },
    CallBack: ({ status }, _nothing, { event, key, send }) => {
      if (status !== 'requested' && status !== 'packed') return []; // too late: it has left
      send(fulfilment, key, 'CalledBack');
      return [event('CalledBack')];
    },
    Remind: ({ status }, _nothing, { event }) => (status === 'requested' ? [event('Overdue')] : []),
  },
  evolve: {
    Requested: (state) => ({ ...state, status: 'requested' }),
    Packed: (state) => ({ ...state, status: 'packed' }),
    HandedOver: (state) => ({ ...state, status: 'moving' }),
    Delivered: (state) => ({ ...state, status: 'delivered' }),
    Lost: (state) => ({ ...state, status: 'lost' }),
    CalledBack: (state) => ({ ...state, status: 'called back' }),
    Overdue: (state) => ({ ...state, isOverdue: true }),
  },
});
