/** The shop as an app: `lockstep dev examples/shop/shop.ts` runs it. */
import { defineApp } from 'lockstep';
import { fulfilment, inventory, payment, shipment } from './fulfilment.ts';
import { order } from './order.ts';
import {
  orderCounts,
  orders,
  ordersByStatus,
  ordersFrom,
  sales,
  salesPerDay,
  scarcest,
  statusCounts,
  stock,
} from './views.ts';

const machines = [order, fulfilment, payment, inventory, shipment] as const;
const projections = [orders, statusCounts, sales, stock] as const;
const queries = [ordersByStatus, ordersFrom, orderCounts, salesPerDay, scarcest] as const;

export const shop = defineApp({ name: 'shop', parts: [...machines, ...projections, ...queries] });
