/** The shop in bad weather: with the same traffic as in production, and a ledger in which everything is found again. */
import { expect, test } from 'vitest';
import { simulate } from 'lockstep/sim';
import type { Token } from 'lockstep';
import { settledBalance } from '../../examples/shop/balance.ts';
import type { Acknowledged } from '../../examples/shop/ledger.ts';
import { shop } from '../../examples/shop/shop.ts';
import { nextNumber, orderKey, traffic } from '../../examples/shop/traffic.ts';

const orders = 8;

test('whatever the weather, nothing that the shop acknowledged is missing, and money and goods balance', async () => {
  await simulate({ app: shop, nodes: 2, seeds: 2 }, async (world) => {
    const acknowledged: Acknowledged[] = [];
    const tokens = new Map<string, Token>();
    const open = new AbortController();
    const placed = new Set<string>();
    const run = world.run('customers', (env) =>
      traffic(env, world.connect(), {
        seed: 'web',
        rate: 5,
        first: nextNumber('web', acknowledged),
        orders: orders - nextNumber('web', acknowledged),
        ledger: { write: async (entry) => void acknowledged.push(entry) },
        positions: { of: (name) => tokens.get(name), keep: (name, token) => void tokens.set(name, token) },
        onOrder: (key) => void placed.add(key),
        signal: open.signal,
      }),
    );
    // One who was on the way when the process died does not come again; who comes after is the next.
    await world.until('the last customer has come', () => placed.has(orderKey('web', orders - 1)));
    await world.sleep('5s');
    open.abort();
    await run;
    await world.settle();
    const pause = (): Promise<void> => world.sleep('1s');
    const { problems, ...numbers } = await settledBalance(world.connect(), acknowledged, { pause, attempts: 5 });
    expect(problems).toEqual([]);
    expect(numbers.orders).toBeGreaterThan(0);
  });
});
