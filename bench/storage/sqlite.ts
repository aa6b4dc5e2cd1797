/** SQLite by node:sqlite: a write-ahead log, synced at each commit (FULL) or only at checkpoints (NORMAL). */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type OpenStore, PutGroups, type StoreDurability } from './store.ts';
import { numberIn } from './workload.ts';

/** As much as our cache of blocks. */
const cacheKiB = 128 * 1_024;

export async function openSqlite(folder: string, durability: StoreDurability): Promise<OpenStore> {
  const db = new DatabaseSync(join(folder, 'sqlite.db'));
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'machine' ? 'FULL' : 'NORMAL'};
    PRAGMA cache_size = -${cacheKiB}; PRAGMA mmap_size = 2147483648;
    CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID`);
  const write = db.prepare('INSERT INTO entries VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
  const read = db.prepare('SELECT value FROM entries WHERE key = ?');
  const [begin, commit] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT')];
  const range = db.prepare('SELECT key, value FROM entries WHERE key >= ? ORDER BY key LIMIT ?');
  const putAll = (keys: readonly Buffer[], values: readonly Buffer[]): void => {
    db.exec('BEGIN');
    for (let at = 0; at < keys.length; at++) write.run(keys[at] as Buffer, values[at] as Buffer);
    db.exec('COMMIT');
  };
  const transact = (keys: readonly Buffer[], values: readonly Buffer[]): number => {
    let sum = 0;
    begin.run();
    for (const key of keys) sum += numberIn(read.get(key)?.['value'] as Uint8Array);
    for (let at = 0; at < values.length; at++) write.run(keys[at] as Buffer, values[at] as Buffer);
    commit.run();
    return sum;
  };
  const groups = new PutGroups(putAll);
  return {
    transact,
    putAll,
    put: (key, value) => groups.put(key, value),
    get: (key) => read.get(key)?.['value'] as Uint8Array | undefined,
    scan: (from, limit) => {
      let sum = 0;
      for (const row of range.iterate(from, limit)) sum += numberIn(row['value'] as Uint8Array);
      return sum;
    },
    settle: () => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
    close: () => db.close(),
  };
}
