/** LevelDB by classic-level. Puts of many callers are gathered: one batch and one sync for all. */
import { ClassicLevel } from 'classic-level';
import { join } from 'node:path';
import { type OpenStore, PutGroups, type StoreDurability } from './store.ts';
import { numberIn } from './workload.ts';

export async function openClassicLevel(folder: string, durability: StoreDurability): Promise<OpenStore> {
  const db = new ClassicLevel<Buffer, Buffer>(join(folder, 'level'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  await db.open();
  const options = { sync: durability === 'machine' };
  const putAll = (keys: readonly Buffer[], values: readonly Buffer[]): Promise<void> =>
    db.batch(
      keys.map((key, at) => ({ type: 'put' as const, key, value: values[at] as Buffer })),
      options,
    );
  const groups = new PutGroups(putAll);
  return {
    putAll,
    put: (key, value) => groups.put(key, value),
    get: (key) => db.getSync(key),
    scan: async (gte, limit) => {
      let sum = 0;
      const iterator = db.values({ gte, limit });
      for (const value of await iterator.all()) sum += numberIn(value);
      return sum;
    },
    settle: () => {}, // there is no call for it but compaction of everything
    close: () => db.close(),
  };
}
