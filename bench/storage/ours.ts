/** Our tree. */
import { openHostEnv } from '../../src/os/env.ts';
import { openTree } from '../../src/storage/open-tree.ts';
import { WriteBatch } from '../../src/storage/write-batch.ts';
import type { OpenStore, StoreDurability } from './store.ts';
import { numberIn } from './workload.ts';

export async function openOurs(folder: string, durability: StoreDurability): Promise<OpenStore> {
  const host = await openHostEnv({ data: folder });
  const tree = await openTree(host, 'tree', { durability });
  if (tree === null) throw new Error('a tree that may be made is there');
  const batch = new WriteBatch();
  return {
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
