/**
 * Real orders of a marketplace as a file tells them (https://www.kaggle.com/datasets/olistbr/brazilian-ecommerce,
 * `olist_orders_dataset.csv`), each as what the shop is told, in time.
 */
import { readFileSync } from 'node:fs';

export interface RealOrder {
  readonly id: string;
  readonly customer: string;
  /** Where it ends. */
  readonly status: string;
  /** What happened to it, the earliest first. */
  readonly steps: readonly RealStep[];
}

/** `Paid` leads to the order's approval; the others are its own events. */
export type RealStep =
  | 'Placed'
  | 'Paid'
  | 'HandedOver'
  | 'Delivered'
  | 'Invoiced'
  | 'Prepared'
  | 'SoldOut'
  | 'Canceled';

const timed = [
  ['order_purchase_timestamp', 'Placed'],
  ['order_approved_at', 'Paid'],
  ['order_delivered_carrier_date', 'HandedOver'],
  ['order_delivered_customer_date', 'Delivered'],
] as const;

/** Of these the file has no time: they come last. */
const last: Readonly<Record<string, RealStep>> = {
  invoiced: 'Invoiced',
  processing: 'Prepared',
  unavailable: 'SoldOut',
  canceled: 'Canceled',
};

/** @throws Error for a file that cannot be read, or lacks a column. */
export function readRealOrders(file: string | URL): readonly RealOrder[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const names = head.split(',');
  const missing = ['order_id', 'customer_id', 'order_status', ...timed.map(([column]) => column)].filter(
    (column) => !names.includes(column),
  );
  if (missing.length > 0) throw new Error(`the file has no column ${missing.join(', ')}`);
  return lines.map((line) => orderOf(new Map(line.split(',').map((cell, index) => [names[index] ?? '', cell]))));
}

function orderOf(cells: ReadonlyMap<string, string>): RealOrder {
  const cell = (name: string): string => cells.get(name) ?? '';
  const told = timed
    .filter(([column]) => cell(column) !== '')
    .map(([column, step]) => [timeOf(cell(column)), step] as const)
    .toSorted(([a], [b]) => a - b); // stable: of one minute, in the order of the table
  const status = cell('order_status');
  const end = last[status];
  const steps = [...told.map(([, step]) => step), ...(end === undefined ? [] : [end])];
  return { id: cell('order_id'), customer: cell('customer_id'), status, steps };
}

/** `M/D/YYYY H:MM`. */
function timeOf(text: string): number {
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0] = text.split(/[/ :]/).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute);
}
