/**
 * Those who use the shop: customers who order and change their minds, a bank that declines some, a warehouse, a carrier that
 * loses parcels, a supplier. They talk to it from outside, as services of their own would, in production and in a simulation.
 * What an event makes them do is decided by its id, so that whoever does it again does the same.
 */
import type { Env } from 'lockstep/env';
import { commandId, isLockstepError, type AnyMachine, type CommandId, type Connection } from 'lockstep';
import { fulfilment, inventory, payment, shipment } from './fulfilment.ts';
import type { Acknowledged, Ledger } from './ledger.ts';
import type { Line } from './order.ts';
import { endedBy, follow, type Positions } from './reaction.ts';
import { scarcest, type StockRow } from './views.ts';

export interface TrafficOptions {
  /** What customers, bank, warehouse and carrier do follows from it and from the number of the order. */
  readonly seed: string;
  /** The number of the first order: those before it were placed. Default 0. */
  readonly first?: number;
  /** Orders a second. */
  readonly rate: number;
  /** After so many customers come no more. Default: they never end. */
  readonly orders?: number;
  readonly ledger: Ledger;
  readonly positions: Positions;
  /** Told of each order that was placed, by this one or one before. */
  readonly onOrder?: (key: string) => void;
  readonly signal: AbortSignal;
}

const articleCount = 24;
/** What the supplier fills up to, and from when on. */
const [stockFull, stockLow] = [400, 60];
const carriers = ['DHL', 'UPS', 'Hermes'] as const;

/** From 0 to 1, of a text and a question: the same whenever it is asked (FNV-1a). */
export function chanceOf(id: string, question: string): number {
  let hash = 0x811c9dc5;
  for (const unit of `${question} ${id}`) hash = Math.imul(hash ^ (unit.codePointAt(0) as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

interface Told {
  readonly kind: string;
  readonly version?: number;
  readonly events?: readonly unknown[];
}

class Traffic {
  readonly #env: Env;
  readonly #shop: Connection;
  readonly #options: TrafficOptions;

  constructor(env: Env, shop: Connection, options: TrafficOptions) {
    this.#env = env;
    this.#shop = shop;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { signal, positions } = this.#options;
    const [env, shop] = [this.#env, this.#shop];
    await endedBy(signal, this.#stockUp());
    if (signal.aborted) return;
    await Promise.all([
      endedBy(signal, this.#customers()),
      endedBy(signal, this.#supplier()),
      follow(env, shop, positions, { name: 'bank', machine: payment, react: (event) => this.#bank(event) }, signal),
      follow(
        env,
        shop,
        positions,
        { name: 'parcels', machine: shipment, react: (event) => this.#parcel(event) },
        signal,
      ),
    ]);
  }

  async #customers(): Promise<void> {
    const { rate, seed, first = 0, orders = Infinity, onOrder, signal } = this.#options;
    const ordering = new Set<Promise<void>>();
    const failed = Promise.withResolvers<never>();
    for (let number = first; number < first + orders; number++) {
      const key = orderKey(seed, number);
      const one = this.#customer(key).then(() => onOrder?.(key));
      ordering.add(one);
      one.then(() => ordering.delete(one), failed.reject);
      await Promise.race([this.#pause((1_000 * (0.5 + chanceOf(key, 'comes'))) / rate), failed.promise]);
      while (ordering.size > 1_000) await Promise.race([...ordering, failed.promise]); // the shop is slower than they are
      signal.throwIfAborted();
    }
    await Promise.all(ordering);
  }

  /** One that was placed before, and whose answer was lost with the process, is refused as such. */
  async #customer(key: string): Promise<void> {
    const customer = `customer-${Math.floor(500 * chanceOf(key, 'customer'))}`;
    const lines = basketOf(key);
    const id = commandId(this.#env.now(), `begin ${key}`);
    await this.#insist(fulfilment, key, 'Begin', id, (options) =>
      this.#shop.send(fulfilment, key, 'Begin', { customer, lines }, options),
    );
    if (chanceOf(key, 'cancels') > 0.06) return;
    await this.#pause(4_000 * chanceOf(key, 'when'));
    const reason = 'the customer changed their mind';
    const cancelId = commandId(this.#env.now(), `cancel ${key}`);
    await this.#insist(fulfilment, key, 'Cancel', cancelId, (options) =>
      this.#shop.send(fulfilment, key, 'Cancel', { reason }, options),
    );
  }

  /** Before the first customer comes. */
  async #stockUp(): Promise<void> {
    const free = new Map((await this.#stock(articleCount)).map((row) => [row.sku, row.free]));
    const supplies = Array.from({ length: articleCount }, async (_, article) => {
      const left = free.get(skuOf(article)) ?? 0;
      if (left < stockLow) await this.#supply(skuOf(article), stockFull - left);
    });
    await Promise.all(supplies);
  }

  /** Fills up what runs out. */
  async #supplier(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      await this.#pause(500);
      for (const { sku, free } of await this.#stock(5)) if (free < stockLow) await this.#supply(sku, stockFull - free);
    }
  }

  /** Of so many articles, of which there is least. */
  async #stock(limit: number): Promise<readonly StockRow[]> {
    const { signal } = this.#options;
    for (;;) {
      try {
        return (await this.#shop.query(scarcest, { limit }, { signal })).value;
      } catch (error) {
        if (!isLockstepError(error) || !error.retry) throw error;
        await this.#pause(200); // nobody leads for now
      }
    }
  }

  #supply(sku: string, quantity: number): Promise<void> {
    const id = commandId(this.#env.now(), `supply ${sku} ${this.#env.newId()}`);
    return this.#insist(inventory, sku, 'Receive', id, (options) =>
      this.#shop.send(inventory, sku, 'Receive', { quantity }, options),
    );
  }

  /** Of ten customers nine pay at once, some in two parts; the others are declined, or never come. */
  #bank({ type, key, id, at, data }: { type: string; key: string; id: string; at: Date; data: unknown }) {
    if (type !== 'Requested') return null;
    const { amount } = data as { amount: number };
    const pays = chanceOf(id, 'pays');
    if (pays > 0.98) return null;
    return (async () => {
      await this.#pause(1_500 * chanceOf(id, 'takes'));
      if (pays > 0.92)
        return this.#insist(payment, key, 'Decline', commandId(at, `decline ${id}`), (options) =>
          this.#shop.send(payment, key, 'Decline', { reason: 'the bank declines' }, options),
        );
      const parts =
        chanceOf(id, 'in parts') < 0.1 && amount > 1 ? [Math.floor(amount / 2), Math.ceil(amount / 2)] : [amount];
      for (const [index, part] of parts.entries())
        await this.#insist(payment, key, 'Receive', commandId(at, `receive ${index} ${id}`), (options) =>
          this.#shop.send(payment, key, 'Receive', { amount: part }, options),
        );
    })();
  }

  /** The warehouse packs and hands over; the carrier delivers, or loses. */
  #parcel({ type, key, id, at }: { type: string; key: string; id: string; at: Date }) {
    const shop = this.#shop;
    const after = async (ms: number, command: 'Pack' | 'Deliver' | 'Lose'): Promise<void> => {
      await this.#pause(ms * (0.5 + chanceOf(id, 'takes')));
      await this.#insist(shipment, key, command, commandId(at, `${command} ${id}`), (options) =>
        shop.send(shipment, key, command, undefined, options),
      );
    };
    if (type === 'Requested') return after(1_000, 'Pack');
    if (type === 'HandedOver') return after(3_000, chanceOf(id, 'is lost') < 0.02 ? 'Lose' : 'Deliver');
    if (type !== 'Packed') return null;
    return (async () => {
      await this.#pause(800 * chanceOf(id, 'takes'));
      const carrier = carriers[Math.floor(carriers.length * chanceOf(id, 'carrier'))] as string;
      await this.#insist(shipment, key, 'HandOver', commandId(at, `hand over ${id}`), (options) =>
        shop.send(shipment, key, 'HandOver', { carrier }, options),
      );
    })();
  }

  #pause(ms: number): Promise<void> {
    return this.#env.sleep(`${Math.ceil(ms)}ms`, { signal: this.#options.signal });
  }

  /** Under one id until it is decided, so that it happens once whatever is lost on the way; then into the ledger. */
  async #insist(
    { name: machine }: AnyMachine,
    key: string,
    command: string,
    id: CommandId,
    send: (options: { readonly commandId: CommandId; readonly signal: AbortSignal }) => Promise<Told>,
  ): Promise<void> {
    const { ledger, signal } = this.#options;
    for (;;) {
      try {
        const { kind, version, events } = await send({ commandId: id, signal });
        if (kind === 'committed' && version !== undefined && events !== undefined && events.length > 0)
          await ledger.write({ machine, key, command, commandId: id, version });
        return; // what is rejected, or came too late, was decided too
      } catch (error) {
        if (!isLockstepError(error) || !error.retry) throw error;
        await this.#pause(200);
      }
    }
  }
}

/** Some articles are wanted more than others, and some customers want more than there ever is. */
function basketOf(key: string): readonly Line[] {
  const articles = new Set<number>();
  for (let left = Math.floor(3 * chanceOf(key, 'articles')); left >= 0; left--)
    articles.add(Math.floor(articleCount * chanceOf(key, `article ${left}`) ** 2));
  return [...articles].map((article) => ({
    sku: skuOf(article),
    quantity:
      chanceOf(key, `much of ${article}`) < 0.02 ? 2 * stockFull : 1 + Math.floor(3 * chanceOf(key, `${article}`)),
    price: 490 + 310 * article,
  }));
}

export const orderKey = (seed: string, number: number): string => `${seed}-${String(number).padStart(8, '0')}`;

/** Behind the last order of this seed that the shop acknowledged. */
export function nextNumber(seed: string, acknowledged: readonly Acknowledged[]): number {
  const keys = acknowledged.filter(({ command, key }) => command === 'Begin' && key.startsWith(`${seed}-`));
  return keys.reduce((next, { key }) => Math.max(next, Number(key.slice(seed.length + 1)) + 1), 0);
}

const skuOf = (article: number): string => `sku-${String(article).padStart(3, '0')}`;

/** Until the signal aborts, or, with `orders`, the last of them is dealt with as far as customers see to it. */
export const traffic = (env: Env, shop: Connection, options: TrafficOptions): Promise<void> =>
  new Traffic(env, shop, options).run();
