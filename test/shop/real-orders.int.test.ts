/** Real orders through the shop's machines: each ends in the status that the file gives, or is listed with the reason. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineApp, open } from 'lockstep';
import { expect, test } from 'vitest';
import { readRealOrders } from '../../examples/shop/real-orders.ts';
import { printStatuses, replay } from '../../examples/shop/replay.ts';
import { shop } from '../../examples/shop/shop.ts';

/** Not part of the project: its licence keeps it outside. */
const file = new URL('../../../shared/data/olist-orders.csv', import.meta.url);
const isThere = existsSync(file);
/** Projections are not in question here. */
const machinesAlone = defineApp({ name: 'shop', parts: shop.parts.filter(({ kind }) => kind === 'machine') });

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

test.skipIf(!isThere)(
  `4,998 real orders end as they ended${isThere ? '' : ` (skipped: there is no ${file.pathname})`}`,
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'lockstep-orders-'));
    const orders = readRealOrders(file);
    expect(orders.length).toBe(4_998);
    const node = await open(machinesAlone, { data });
    try {
      const replayed = await replay(node, orders);
      expect(replayed.flatMap(({ differs }) => differs ?? []).toSorted()).toEqual(odd);
      expect(printStatuses(replayed)).toMatch(/^ +file +here\n  delivered +\d+ +\d+$/m);
      expect(await node.deadLetters()).toEqual([]);
      const { streams, differingCount } = await node.verifyReplay();
      expect({ streams, differingCount }).toEqual({ streams: 2 * orders.length, differingCount: 0 });
    } finally {
      await node.close();
      rmSync(data, { recursive: true });
    }
  },
);
