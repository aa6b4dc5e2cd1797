/** RocksDB by rocksdb-native, which has asynchronous reads only and no synced writes: callers of one turn are one batch. */
import { join } from 'node:path';
import { type OpenStore, PutGroups, type StoreDurability } from './store.ts';
import { numberIn } from './workload.ts';

/** The part of it that is used here; it comes without types. */
interface RocksDB {
  ready(): Promise<void>;
  close(): Promise<void>;
  flush(): Promise<void>;
  write(options?: { readonly capacity?: number }): {
    tryPut(key: Uint8Array, value: Uint8Array): void;
    flush(): Promise<void>;
    destroy(): void;
  };
  read(options?: { readonly capacity?: number }): {
    get(key: Uint8Array): Promise<Uint8Array | null>;
    tryFlush(): void;
    destroy(): void;
  };
  iterator(range: {
    readonly gte: Uint8Array;
    readonly limit: number;
    readonly capacity?: number;
  }): AsyncIterable<{ readonly value: Uint8Array }>;
}

export async function openRocksDb(folder: string, durability: StoreDurability): Promise<OpenStore> {
  if (durability === 'machine') throw new Error('rocksdb-native has no synced writes');
  const name = 'rocksdb-native';
  const { default: Database } = (await import(name)) as { default: new (path: string) => RocksDB };
  const db = new Database(join(folder, 'rocksdb'));
  await db.ready();
  const putAll = async (keys: readonly Buffer[], values: readonly Buffer[]): Promise<void> => {
    const batch = db.write({ capacity: keys.length });
    for (let at = 0; at < keys.length; at++) batch.tryPut(keys[at] as Buffer, values[at] as Buffer);
    await batch.flush();
    batch.destroy();
  };
  const groups = new PutGroups(putAll);
  let reads: { batch: ReturnType<RocksDB['read']>; count: number } | null = null;
  const get = async (key: Buffer): Promise<Uint8Array | undefined> => {
    if (reads === null) {
      const group = { batch: db.read({ capacity: 64 }), count: 0 };
      reads = group;
      process.nextTick(() => {
        reads = null;
        group.batch.tryFlush();
      });
    }
    const group = reads;
    group.count++;
    const value = await group.batch.get(key);
    if (--group.count === 0) group.batch.destroy();
    return value ?? undefined;
  };
  return {
    putAll,
    put: (key, value) => groups.put(key, value),
    get,
    scan: async (gte, limit) => {
      let sum = 0;
      for await (const { value } of db.iterator({ gte, limit, capacity: 128 })) sum += numberIn(value);
      return sum;
    },
    settle: () => db.flush(),
    close: () => db.close(),
  };
}
