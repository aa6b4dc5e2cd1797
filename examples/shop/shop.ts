/** The shop as an app: `lockstep dev examples/shop/shop.ts` runs it. */
import { defineApp } from 'lockstep';
import { fulfilment } from './fulfilment.ts';
import { inventory } from './inventory.ts';
import { order } from './order.ts';
import { payment } from './payment.ts';
import { shipment } from './shipment.ts';
import { orderCounts, orders, ordersByStatus, sales, salesPerDay, scarcest, statusCounts, stock } from './views.ts';

const machines = [order, fulfilment, payment, inventory, shipment] as const;
const projections = [orders, statusCounts, sales, stock] as const;
const queries = [ordersByStatus, orderCounts, salesPerDay, scarcest] as const;

export const shop = defineApp({ name: 'shop', parts: [...machines, ...projections, ...queries] });
