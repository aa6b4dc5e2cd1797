/**
 * A shop's order as a table: what the customer sees of it. The states are those of a real marketplace's orders, whose way some
 * of the transitions show: goods leave before the money is confirmed, and parcels are called back on their way.
 */
import { fsm, nothing, unchecked } from 'lockstep';

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
    canceled: { Approved: 'canceled' }, // the money was on its way: it goes back
  },
});
