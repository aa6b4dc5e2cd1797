/**
 * What is asked about the shop: its orders by status, how many there are of each, what was sold each day, what there is of
 * each article. The first and the last are in the commands' own transactions; the others follow a moment later.
 */
import { projection, query, unchecked } from 'lockstep';
import { inventory, payment } from './fulfilment.ts';
import { order, totalOf, type Line } from './order.ts';

export type Status =
  | 'created'
  | 'approved'
  | 'invoiced'
  | 'processing'
  | 'shipped'
  | 'delivered'
  | 'unavailable'
  | 'canceled';

export interface OrderRow {
  readonly id: string;
  readonly customer: string;
  readonly status: Status;
  /** In cents. */
  readonly total: number;
  readonly lines: readonly Line[];
  /** The carrier had it, whatever became of it then. */
  readonly hasLeft: boolean;
  readonly placedAt: Date;
}

/** Where an order goes by what happened; an approval tells of money, and moves it from its first state alone. */
const statusAfter = {
  Invoiced: 'invoiced',
  Prepared: 'processing',
  HandedOver: 'shipped',
  Delivered: 'delivered',
  SoldOut: 'unavailable',
  Canceled: 'canceled',
  TimedOut: 'canceled',
} as const satisfies Record<string, Status>;

const approved = (status: Status): Status => (status === 'created' ? 'approved' : status);

type Moved = { readonly key: string; readonly type: keyof typeof statusAfter };

const move = ({ key, type }: Moved, rows: { update(key: string, change: (row: OrderRow) => OrderRow): undefined }) =>
  rows.update(key, (row) => ({
    ...row,
    status: statusAfter[type],
    hasLeft: row.hasLeft || type === 'HandedOver',
  }));

export const orders = projection({
  name: 'orders',
  from: { order },
  row: unchecked<OrderRow>(),
  indexes: { byStatus: (row) => [row.status, row.placedAt], byId: (row) => [row.id] },
  on: {
    order: {
      Placed: ({ key, at, data: { customer, lines } }, rows) =>
        rows.set(key, {
          id: key,
          customer,
          status: 'created',
          total: totalOf(lines),
          lines,
          hasLeft: false,
          placedAt: at,
        }),
      Approved: ({ key }, rows) => rows.update(key, (row) => ({ ...row, status: approved(row.status) })),
      Invoiced: move,
      Prepared: move,
      HandedOver: move,
      Delivered: move,
      SoldOut: move,
      Canceled: move,
      TimedOut: move,
    },
  },
});

/** Of each status how many, and of each order which it was counted under. */
type Counted = { readonly count: number } | { readonly status: Status };
type CountRows = { get(key: string): Counted | undefined; set(key: string, row: Counted): undefined };

function recount(id: string, rows: CountRows, after: (before: Status | null) => Status): undefined {
  const counted = rows.get(`order/${id}`);
  const before = counted !== undefined && 'status' in counted ? counted.status : null;
  const status = after(before);
  if (status === before) return;
  rows.set(`order/${id}`, { status });
  for (const [of, by] of [
    [before, -1],
    [status, 1],
  ] as const) {
    if (of === null) continue;
    const row = rows.get(`status/${of}`);
    rows.set(`status/${of}`, { count: (row !== undefined && 'count' in row ? row.count : 0) + by });
  }
}

const countMoved = ({ key, type }: Moved, rows: CountRows): undefined => recount(key, rows, () => statusAfter[type]);

export const statusCounts = projection({
  name: 'status-counts',
  from: { order },
  row: unchecked<Counted>(),
  update: 'async',
  on: {
    order: {
      Placed: ({ key }, rows) => recount(key, rows, () => 'created'),
      Approved: ({ key }, rows) => recount(key, rows, (before) => approved(before ?? 'created')),
      Invoiced: countMoved,
      Prepared: countMoved,
      HandedOver: countMoved,
      Delivered: countMoved,
      SoldOut: countMoved,
      Canceled: countMoved,
      TimedOut: countMoved,
    },
  },
});

export interface DaySales {
  /** `2026-11-23`, in UTC. */
  readonly day: string;
  readonly payments: number;
  /** In cents, as the next. */
  readonly received: number;
  readonly refunded: number;
}

const dayOf = (at: Date): string => at.toISOString().slice(0, 10);
const noSales = (day: string): DaySales => ({ day, payments: 0, received: 0, refunded: 0 });

export const sales = projection({
  name: 'sales',
  from: { payment },
  row: unchecked<DaySales>(),
  update: 'async',
  indexes: { byDay: (row) => [row.day] },
  on: {
    payment: {
      Received: ({ at, data: { amount } }, rows) => {
        const row = rows.get(dayOf(at)) ?? noSales(dayOf(at));
        return rows.set(row.day, { ...row, payments: row.payments + 1, received: row.received + amount });
      },
      Refunded: ({ at, data: { amount } }, rows) => {
        const row = rows.get(dayOf(at)) ?? noSales(dayOf(at));
        return rows.set(row.day, { ...row, refunded: row.refunded + amount });
      },
    },
  },
});

export interface StockRow {
  readonly sku: string;
  readonly received: number;
  readonly free: number;
  readonly held: number;
  readonly shipped: number;
}

type StockRows = { get(sku: string): StockRow | undefined; set(sku: string, row: StockRow): undefined };
type Change = Partial<Omit<StockRow, 'sku'>>;

function change(sku: string, rows: StockRows, { received = 0, free = 0, held = 0, shipped = 0 }: Change): undefined {
  const row = rows.get(sku) ?? { sku, received: 0, free: 0, held: 0, shipped: 0 };
  return rows.set(sku, {
    sku,
    received: row.received + received,
    free: row.free + free,
    held: row.held + held,
    shipped: row.shipped + shipped,
  });
}

export const stock = projection({
  name: 'stock',
  from: { inventory },
  row: unchecked<StockRow>(),
  indexes: { byFree: (row) => [row.free] },
  on: {
    inventory: {
      Received: ({ key, data: { quantity } }, rows) => change(key, rows, { received: quantity, free: quantity }),
      Held: ({ key, data: { quantity } }, rows) => change(key, rows, { free: -quantity, held: quantity }),
      Released: ({ key, data: { quantity } }, rows) => change(key, rows, { free: quantity, held: -quantity }),
      Shipped: ({ key, data: { quantity } }, rows) => change(key, rows, { held: -quantity, shipped: quantity }),
    },
  },
});

/** The newest orders of a status. */
export const ordersByStatus = query({
  name: 'orders-by-status',
  input: unchecked<{ status: Status; limit: number }>(),
  reads: { orders },
  run: (tables, { status, limit }) => tables.orders.list('byStatus', { prefix: [status], limit, reverse: true }),
  merge: (parts, { limit }) =>
    parts
      .flat()
      .toSorted((a, b) => b.placedAt.getTime() - a.placedAt.getTime())
      .slice(0, limit),
});

/** Orders in the order of their ids, from one on, itself included. */
export const ordersFrom = query({
  name: 'orders-from',
  input: unchecked<{ id: string; limit: number }>(),
  reads: { orders },
  run: (tables, { id, limit }) => tables.orders.list('byId', { from: [id], limit }),
  merge: (parts, { limit }) =>
    parts
      .flat()
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit),
});

export const statuses: readonly Status[] = [
  'created',
  'approved',
  'invoiced',
  'processing',
  'shipped',
  'delivered',
  'unavailable',
  'canceled',
];

/** How many orders there are of each status. */
export const orderCounts = query({
  name: 'order-counts',
  input: unchecked<null>(),
  reads: { statusCounts },
  run: (tables) =>
    statuses.map((status) => {
      const row = tables.statusCounts.get(`status/${status}`);
      return { status, count: row !== undefined && 'count' in row ? row.count : 0 };
    }),
  merge: (parts) =>
    statuses.map((status, at) => ({ status, count: parts.reduce((sum, part) => sum + (part[at]?.count ?? 0), 0) })),
});

/** The newest days, the newest first. */
export const salesPerDay = query({
  name: 'sales-per-day',
  input: unchecked<{ days: number }>(),
  reads: { sales },
  run: (tables, { days }) => tables.sales.list('byDay', { limit: days, reverse: true }),
  merge: (parts, { days }) => {
    const byDay = new Map<string, DaySales>();
    for (const one of parts.flat()) {
      const { payments, received, refunded } = byDay.get(one.day) ?? noSales(one.day);
      byDay.set(one.day, {
        day: one.day,
        payments: payments + one.payments,
        received: received + one.received,
        refunded: refunded + one.refunded,
      });
    }
    return [...byDay.values()].toSorted((a, b) => (a.day < b.day ? 1 : -1)).slice(0, days);
  },
});

/** What runs out first. */
export const scarcest = query({
  name: 'scarcest',
  input: unchecked<{ limit: number }>(),
  reads: { stock },
  run: (tables, { limit }) => tables.stock.list('byFree', { limit }),
  merge: (parts, { limit }) =>
    parts
      .flat()
      .toSorted((a, b) => a.free - b.free)
      .slice(0, limit),
});
