/** Real orders through the shop's machines: each ends in the status that the file gives, or is listed with the reason. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { committed, defineApp, open, type CommandName, type LockstepNode } from 'lockstep';
import { expect, test } from 'vitest';
import { order } from '../../examples/shop/order.ts';
import { payment } from '../../examples/shop/payment.ts';
import { readRealOrders, realOrdersFile, type RealOrder, type RealStep } from './real-orders.ts';

const isThere = existsSync(realOrdersFile);
const atOnce = 512;
const price = 4_200;

/** Of these the file tells what no shop does. */
const odd: readonly string[] = [
  // Handed over before they were placed, by an hour or so.
  ...['08adcdda', '2033a458', '4e157a36', '5792e0b1', '74e03320', 'a6b58794', 'ad133696', 'b0c2a7d0', 'b9afddbd']
    .concat(['c3eb293f', 'd454d665'])
    .map((id) => `${id} is delivered, not approved: none does not take HandedOver, approved does not take Delivered`),
  'dee6298c is shipped, not approved: none does not take HandedOver',
  // Canceled once the customer had it: a return, which is no order's state.
  '1950d777 is canceled, not delivered: delivered does not take Canceled',
  // Delivered, and nobody noted when.
  '2d1e2d5b is delivered, not shipped: told Placed, Paid, HandedOver',
].toSorted();

/** What the payment is told, and what its message does: the next step comes after both. */
class Approvals {
  readonly #node: LockstepNode;
  readonly #waiting = new Map<string, () => void>();

  constructor(node: LockstepNode) {
    this.#node = node;
  }

  async follow(signal: AbortSignal): Promise<void> {
    for await (const { key } of this.#node.events(order, { types: ['Approved'], signal })) this.#waiting.get(key)?.();
  }

  async pay(key: string): Promise<void> {
    const approved = new Promise<void>((resolve) => this.#waiting.set(key, resolve));
    committed(await this.#node.send(payment, key, 'Receive', { amount: price }));
    await approved;
    this.#waiting.delete(key);
  }
}

/** Null, or why the step was refused. */
async function tell(node: LockstepNode, approvals: Approvals, told: RealOrder, step: RealStep): Promise<string | null> {
  const { id, customer } = told;
  if (step === 'Paid') {
    await approvals.pay(id);
    return null;
  }
  const data = {
    Placed: { customer, lines: [{ sku: 'unknown', quantity: 1, price }] },
    Canceled: { reason: 'as the file says' },
  };
  const send = (event: Exclude<CommandName<typeof order>, keyof typeof data>) => node.send(order, id, event);
  const outcome =
    step === 'Placed'
      ? await node.send(order, id, step, data[step])
      : step === 'Canceled'
        ? await node.send(order, id, step, data[step])
        : await send(step);
  if (step === 'Placed') committed(await node.send(payment, id, 'Request', { amount: price }));
  return outcome.kind === 'rejected' ? `${outcome.details.at} does not take ${step}` : null;
}

async function replay(node: LockstepNode, orders: readonly RealOrder[]): Promise<readonly string[]> {
  const following = new AbortController();
  const approvals = new Approvals(node);
  const followed = approvals.follow(following.signal).catch((error: unknown) => {
    if (!following.signal.aborted) throw error;
  });
  const listed: string[] = [];
  const rest = orders.values();
  const work = async (): Promise<void> => {
    for (const one of rest) {
      const refused: string[] = [];
      for (const step of one.steps) {
        const why = await tell(node, approvals, one, step);
        if (why !== null) refused.push(why);
      }
      const { state } = await node.read(order, one.id);
      if (state.at === one.status && refused.length === 0) continue;
      const reason = refused.join(', ') || `told ${one.steps.join(', ')}`;
      listed.push(`${one.id.slice(0, 8)} is ${one.status}, not ${state.at}: ${reason}`);
    }
  };
  await Promise.race([followed, Promise.all(Array.from({ length: atOnce }, work))]);
  following.abort();
  await followed;
  return listed;
}

test.skipIf(!isThere)(
  `4,998 real orders end as they ended${isThere ? '' : ` (skipped: there is no ${realOrdersFile.pathname})`}`,
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'lockstep-orders-'));
    const orders = readRealOrders();
    expect(orders.length).toBe(4_998);
    const node = await open(defineApp({ name: 'shop', parts: [order, payment] }), { data });
    try {
      const listed = await replay(node, orders);
      expect(listed.toSorted()).toEqual(odd);
      expect(await node.deadLetters()).toEqual([]);
      const { streams, differingCount } = await node.verifyReplay();
      expect({ streams, differingCount }).toEqual({ streams: 2 * orders.length, differingCount: 0 });
    } finally {
      await node.close();
      rmSync(data, { recursive: true });
    }
  },
);
