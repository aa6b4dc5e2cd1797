/**
 * What becomes of an order, under its key: stock is held, the money asked for, the parcel sent; where one of them fails, what
 * was done is undone by messages. It is a machine like the others: what it waits for is its state, so it waits for days
 * without anybody holding anything, and goes on wherever its partition is led.
 */
import { machine, nothing, reject, unchecked, type Context } from 'lockstep';
import { inventory } from './inventory.ts';
import { order, totalOf, type Line } from './order.ts';
import { payment } from './payment.ts';
import { shipment } from './shipment.ts';

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
      send(payment, key, 'Request', { amount });
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
      send(payment, key, 'Refund'); // it was canceled while the money was on its way
      return [];
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
