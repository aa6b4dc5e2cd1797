/**
 * Holds the shop to what it acknowledged and to its own sums, at a moment at which nothing is on its way: nothing in the
 * ledger is missing, money taken is that of paid orders, and of each article there is what came in.
 */
import type { AnyMachine, Connection } from 'lockstep';
import { fulfilment, inventory, payment, shipment } from './fulfilment.ts';
import type { Acknowledged } from './ledger.ts';
import { ordersFrom, salesPerDay, scarcest, type OrderRow, type StockRow } from './views.ts';

export interface Balance {
  /** What does not fit, a line each. Empty: it balances. */
  readonly problems: readonly string[];
  readonly acknowledged: number;
  readonly orders: number;
  /** In cents, without what was given back. */
  readonly money: number;
  readonly goods: number;
}

/** Those that somebody outside tells something. */
export const tradeMachines: readonly AnyMachine[] = [fulfilment, payment, inventory, shipment];
const atOnce = 32;
const pageLength = 1_000;
const rowsMax = 10_000;

/** @throws LockstepError what the connection throws. */
export async function balanceOf(shop: Connection, ledger: readonly Acknowledged[]): Promise<Balance> {
  const missing = await missingIn(shop, ledger);
  const { orders, money, held, left, ...sums } = await ordersIn(shop);
  const { value: days } = await shop.query(salesPerDay, { days: rowsMax });
  const taken = days.reduce((sum, { received, refunded }) => sum + received - refunded, 0);
  const { value: stock } = await shop.query(scarcest, { limit: rowsMax });
  const problems = [
    ...missing,
    ...sums.problems,
    ...(taken === money ? [] : [`${taken} cents were taken and not refunded, and paid orders come to ${money}`]),
    ...stock.flatMap((row) => {
      const { sku, received, free } = row;
      const [ofHeld, ofLeft] = [held.get(sku) ?? 0, left.get(sku) ?? 0];
      return [
        ...(received === free + row.held + row.shipped ? [] : [`of ${sku} there is not what came in: ${inWords(row)}`]),
        ...(row.held === ofHeld ? [] : [`${row.held} of ${sku} are held, ${ofHeld} for orders`]),
        ...(row.shipped === ofLeft ? [] : [`${row.shipped} of ${sku} have left, ${ofLeft} with orders`]),
      ];
    }),
  ];
  const goods = stock.reduce((sum, { received }) => sum + received, 0);
  return { problems, acknowledged: ledger.length, orders, money, goods };
}

/** Until it balances, as messages may be on their way and deadlines pass; the last one that did not. */
export async function settledBalance(
  shop: Connection,
  ledger: readonly Acknowledged[],
  { pause, attempts }: { readonly pause: () => Promise<void>; readonly attempts: number },
): Promise<Balance> {
  let balance = await balanceOf(shop, ledger);
  for (let attempt = 1; balance.problems.length > 0 && attempt < attempts; attempt++) {
    await pause();
    balance = await balanceOf(shop, ledger);
  }
  return balance;
}

/** Each instance has at least the version that it was acknowledged to have. */
async function missingIn(shop: Connection, ledger: readonly Acknowledged[]): Promise<readonly string[]> {
  const newest = new Map<string, Acknowledged>();
  for (const entry of ledger) {
    const about = `${entry.machine} ${entry.key}`;
    if (entry.version > (newest.get(about)?.version ?? 0)) newest.set(about, entry);
  }
  const missing: string[] = [];
  const rest = newest.values();
  const work = async (): Promise<void> => {
    for (const { machine, key, command, version } of rest) {
      const definition = tradeMachines.find(({ name }) => name === machine);
      const has = definition === undefined ? 0 : (await shop.read(definition, key)).version;
      if (has < version) missing.push(`${command} of ${key} was acknowledged with version ${version} and is not there`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return missing;
}

/** What orders say of money and goods. */
async function ordersIn(shop: Connection) {
  const [held, left] = [new Map<string, number>(), new Map<string, number>()];
  const problems: string[] = [];
  let [orders, money] = [0, 0];
  for await (const row of allOrders(shop)) {
    orders++;
    money += await paidFor(shop, row);
    if (!row.hasLeft && !holdsGoods(row)) continue;
    const goods = row.hasLeft ? left : held;
    for (const { sku, quantity } of row.lines) goods.set(sku, (goods.get(sku) ?? 0) + quantity);
    if (row.hasLeft && !['shipped', 'delivered', 'canceled'].includes(row.status))
      problems.push(`the order ${row.id} has left and is ${row.status}`);
  }
  return { orders, money, held, left, problems };
}

async function* allOrders(shop: Connection): AsyncGenerator<OrderRow, void, undefined> {
  for (let last = ''; ;) {
    const { value: rows } = await shop.query(ordersFrom, { id: last, limit: pageLength });
    yield* rows.filter(({ id }) => id !== last);
    if (rows.length < pageLength) return;
    last = rows.at(-1)?.id ?? '';
  }
}

const holdsGoods = ({ status }: OrderRow): boolean => ['created', 'approved', 'processing'].includes(status);

/** What comes in parts is with the payment before the order is approved. */
async function paidFor(shop: Connection, { id, status, total }: OrderRow): Promise<number> {
  if (status === 'canceled' || status === 'unavailable') return 0;
  return status === 'created' ? (await shop.read(payment, id)).state.received : total;
}

const inWords = ({ received, free, held, shipped }: StockRow): string =>
  `${received} received, ${free} free, ${held} held, ${shipped} left`;
