/** LMDB by lmdb-js, which gathers puts of callers by itself. */
import { open } from 'lmdb';
import { join } from 'node:path';
import type { OpenStore, StoreDurability } from './store.ts';
import { numberIn } from './workload.ts';

export async function openLmdb(folder: string, durability: StoreDurability): Promise<OpenStore> {
  const db = open<Buffer, Buffer>({
    path: join(folder, 'lmdb'),
    keyEncoding: 'binary',
    encoding: 'binary',
    compression: false,
    // Otherwise a put is answered before it is synced.
    ...(durability === 'machine' ? { overlappingSync: false } : { noSync: true }),
  });
  const change = (keys: readonly Buffer[], values: readonly Buffer[]): number => {
    let sum = 0;
    for (const key of keys) sum += numberIn(db.getBinary(key) as Buffer);
    for (let at = 0; at < values.length; at++) db.putSync(keys[at] as Buffer, values[at] as Buffer);
    return sum;
  };
  return {
    // Those of one turn share a transaction of the database.
    transact: (keys, values) => db.transaction(() => change(keys, values)),
    transactOtherwise: (keys, values) => db.transactionSync(() => change(keys, values)),
    putAll: (keys, values) => {
      db.transactionSync(() => {
        for (let at = 0; at < keys.length; at++) db.putSync(keys[at] as Buffer, values[at] as Buffer);
      });
    },
    put: (key, value) => db.put(key, value),
    get: (key) => db.getBinary(key),
    scan: (start, limit) => {
      let sum = 0;
      for (const { value } of db.getRange({ start, limit })) sum += numberIn(value);
      return sum;
    },
    settle: () => db.flushed,
    close: () => db.close(),
  };
}
