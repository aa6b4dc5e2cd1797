/**
 * Real orders through the shop's order and payment: each is told what happened to it, step by step, and compared with the
 * status that the file gives. What the file does not tell, goods and prices, is made up; nothing is held or shipped.
 */
import { committed, type CommandName, type Connection } from 'lockstep';
import { payment } from './fulfilment.ts';
import { order } from './order.ts';
import type { RealOrder, RealStep } from './real-orders.ts';

const atOnce = 512;
const price = 4_200;

export interface ReplayedOrder {
  readonly told: RealOrder;
  /** Where it is now. */
  readonly status: string;
  /** Null: as the file says. */
  readonly differs: string | null;
}

/** What the payment is told, and what its message does: the next step comes after both. */
class Approvals {
  readonly #shop: Connection;
  readonly #waiting = new Map<string, () => void>();

  constructor(shop: Connection) {
    this.#shop = shop;
  }

  async follow(signal: AbortSignal): Promise<void> {
    for await (const { type, key } of this.#shop.events(order, { signal }))
      if (type === 'Approved') this.#waiting.get(key)?.();
  }

  async pay(key: string): Promise<void> {
    const approved = new Promise<void>((resolve) => this.#waiting.set(key, resolve));
    committed(await this.#shop.send(payment, key, 'Receive', { amount: price }));
    await approved;
    this.#waiting.delete(key);
  }
}

/** In the order of the file's lines, as each of them ends. `onOrder` is told how many have. @throws what the shop throws. */
export async function replay(
  shop: Connection,
  orders: readonly RealOrder[],
  onOrder: (count: number) => void = () => {},
): Promise<readonly ReplayedOrder[]> {
  const following = new AbortController();
  const approvals = new Approvals(shop);
  const followed = approvals.follow(following.signal).catch((error: unknown) => {
    if (!following.signal.aborted) throw error;
  });
  const replayed: ReplayedOrder[] = [];
  const rest = orders.values();
  const work = async (): Promise<void> => {
    for (const one of rest) {
      replayed.push(await replayOne(shop, approvals, one));
      onOrder(replayed.length);
    }
  };
  try {
    await Promise.race([followed, Promise.all(Array.from({ length: atOnce }, work))]);
  } finally {
    following.abort();
  }
  await followed;
  return replayed;
}

async function replayOne(shop: Connection, approvals: Approvals, told: RealOrder): Promise<ReplayedOrder> {
  const refused: string[] = [];
  for (const step of told.steps) {
    const why = await tell(shop, approvals, told, step);
    if (why !== null) refused.push(why);
  }
  const { at: status } = (await shop.read(order, told.id)).state;
  const isRight = status === told.status && refused.length === 0;
  const why = refused.join(', ') || `told ${told.steps.join(', ')}`;
  return {
    told,
    status,
    differs: isRight ? null : `${told.id.slice(0, 8)} is ${told.status}, not ${status}: ${why}`,
  };
}

/** Null, or why the step was refused. */
async function tell(
  shop: Connection,
  approvals: Approvals,
  { id, customer }: RealOrder,
  step: RealStep,
): Promise<string | null> {
  if (step === 'Paid') {
    await approvals.pay(id);
    return null;
  }
  const data = {
    Placed: { customer, lines: [{ sku: 'unknown', quantity: 1, price }] },
    Canceled: { reason: 'as the file says' },
  };
  const send = (event: Exclude<CommandName<typeof order>, keyof typeof data>) => shop.send(order, id, event);
  const outcome =
    step === 'Placed'
      ? await shop.send(order, id, step, data[step])
      : step === 'Canceled'
        ? await shop.send(order, id, step, data[step])
        : await send(step);
  if (step === 'Placed') committed(await shop.send(payment, id, 'Request', { amount: price, within: '40d' }));
  return outcome.kind === 'rejected' ? `${outcome.details.at} does not take ${step}` : null;
}

/** How many orders of each status there are in the file, and here. */
export function printStatuses(replayed: readonly ReplayedOrder[]): string {
  const names = [...new Set(replayed.flatMap(({ told, status }) => [told.status, status]))];
  const rows = names
    .map((name) => ({
      name,
      inFile: replayed.filter(({ told }) => told.status === name).length,
      here: replayed.filter(({ status }) => status === name).length,
    }))
    .toSorted((a, b) => b.inFile - a.inFile);
  const line = (name: string, inFile: string | number, here: string | number): string =>
    `  ${name.padEnd(12)}${String(inFile).padStart(8)}${String(here).padStart(8)}`;
  return [line('', 'file', 'here'), ...rows.map(({ name, inFile, here }) => line(name, inFile, here))].join('\n');
}
