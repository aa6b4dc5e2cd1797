/** One restart of what `npm run chaos -- shop` kills fifty times; and its judge, given what cannot be. */
import { committed, commandId } from 'lockstep';
import { openInMemory } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { inventory } from '../../../examples/shop/fulfilment.ts';
import { shop } from '../../../examples/shop/shop.ts';
import { judge } from './judge.ts';
import { printShopResult } from './report.ts';
import { hasPassed, runShopChaos } from './run.ts';

test('all of npm start is killed while orders come, and comes back with everything that was acknowledged', async () => {
  const result = await runShopChaos({ seed: 'test', restarts: 1, hasPage: false, onLine: () => {} });
  expect(hasPassed(result), printShopResult(result)).toBe(true);
  expect(result.readyMs.length).toBe(1);
  expect(result.verdict.orders).toBeGreaterThan(0);
});

test('what was acknowledged and is not there is a problem', async () => {
  await using node = await openInMemory(shop);
  const id = commandId(new Date(), 'first');
  const { version } = committed(await node.send(inventory, 'sku-1', 'Receive', { quantity: 5 }, { commandId: id }));
  const entry = { machine: 'inventory', key: 'sku-1', command: 'Receive', commandId: id, version };
  expect((await judge(node, [entry])).problems).toEqual([]);
  const other = { ...entry, commandId: commandId(new Date(), 'second') };
  const { problems, lost } = await judge(node, [other]);
  expect({ problems, lost }).toEqual({
    problems: ['Receive of sku-1 was acknowledged and is not in its stream'],
    lost: 1,
  });
});
