/** Our tree. */
import { openHostEnv } from '../../src/os/env.ts';
import { openTree } from '../../src/storage/open-tree.ts';
import type { TreeTransaction, TreeTransactOutcome } from '../../src/storage/transaction/transaction.ts';
import { WriteBatch } from '../../src/storage/write-batch.ts';
import type { OpenStore, StoreDurability } from './store.ts';
import { numberIn } from './workload.ts';

export async function openOurs(folder: string, durability: StoreDurability): Promise<OpenStore> {
  const host = await openHostEnv({ data: folder });
  const tree = await openTree(host, 'tree', { durability });
  if (tree === null) throw new Error('a tree that may be made is there');
  const batch = new WriteBatch();
  const change = (tx: TreeTransaction, keys: readonly Buffer[], values: readonly Buffer[]): number => {
    let sum = 0;
    for (const key of keys) sum += numberIn(tx.get(key) as Uint8Array);
    for (let at = 0; at < values.length; at++) tx.put(keys[at] as Buffer, values[at] as Buffer);
    return sum;
  };
  const committed = (outcome: TreeTransactOutcome<number>): number => {
    if (outcome.kind === 'committed') return outcome.value;
    throw new Error(outcome.explain);
  };
  return {
    transact: (keys, values) => tree.transact((tx) => change(tx, keys, values)).then(committed),
    transactOtherwise: (keys, values) =>
      tree.transact(async (tx) => change(tx, keys, values), { attempts: 1_000 }).then(committed),
    putAll: (keys, values) => {
      batch.clear();
      for (let at = 0; at < keys.length; at++) batch.put(keys[at] as Buffer, values[at] as Buffer);
      return tree.write(batch);
    },
    put: (key, value) => tree.put(key, value),
    get: (key) => tree.get(key),
    scan: (from, limit) => {
      let sum = 0;
      for (const [, value] of tree.scan({ from, limit })) sum += numberIn(value);
      return sum;
    },
    settle: () => tree.flush(),
    close: async () => {
      await tree.close();
      await host.close();
    },
  };
}
