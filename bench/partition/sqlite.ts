/**
 * The same transactions in `node:sqlite`: a write-ahead log, synced at each commit, and 64 of them in one commit, as
 * somebody would group callers by hand. In this process, without a promise a transaction.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { openFolder } from '../log/folder.ts';
import { placeName } from './ours.ts';
import { fillPlaces, keysAtPlace, type Step, valueBytes, type Work, Workload } from './workload.ts';

/** As much as our cache of blocks. */
const cacheKiB = 128 * 1_024;
const groupCount = 64;

export const sqliteName = 'SQLite FULL, 64 in a commit';

export function sqliteGrouped({ transactions, keys }: Work): Side {
  const prepare = async (): Promise<Prepared> => {
    const folder = openFolder();
    const db = new DatabaseSync(join(folder.path, 'sqlite.db'));
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${cacheKiB}; PRAGMA mmap_size = 2147483648;
      CREATE TABLE entries (place TEXT, key INTEGER, value BLOB NOT NULL, PRIMARY KEY (place, key)) WITHOUT ROWID`);
    const put = db.prepare(
      'INSERT INTO entries VALUES (?, ?, ?) ON CONFLICT (place, key) DO UPDATE SET value = excluded.value',
    );
    const get = db.prepare('SELECT value FROM entries WHERE place = ? AND key = ?');
    db.exec('BEGIN');
    await fillPlaces(keys, 1, async (place, value) => {
      for (let key = 0; key < keysAtPlace; key++) put.run(placeName(place), key, value);
    });
    db.exec('COMMIT');
    const work = new Workload({ transactions, keys, callers: groupCount });
    const groups = new CommitGroups(db, ({ place, keys: [a, b, c], value }) => {
      const name = placeName(place);
      const found = [get.get(name, a), get.get(name, b)].map(
        (row) => (row?.['value'] as Uint8Array | undefined)?.length,
      );
      for (const key of [a, b, c]) put.run(name, key, value);
      if (found[0] !== valueBytes || found[1] !== valueBytes) throw new Error('SQLite has not found what was written');
    });
    const run = (): Promise<WorkDone> => work.run((step) => groups.transact(step));
    const close = (): void => {
      db.close();
      folder.remove();
    };
    return { run, close };
  };
  return { name: sqliteName, durability: 'machine', prepare };
}

/** Those who come in one turn are run at once and share a commit. */
class CommitGroups {
  readonly #db: DatabaseSync;
  readonly #run: (step: Step) => void;
  #committed: PromiseWithResolvers<void> | null = null;

  constructor(db: DatabaseSync, run: (step: Step) => void) {
    this.#db = db;
    this.#run = run;
  }

  transact(step: Step): Promise<void> {
    if (this.#committed === null) {
      this.#committed = Promise.withResolvers();
      this.#db.exec('BEGIN IMMEDIATE');
      setImmediate(() => this.#commit());
    }
    this.#run(step);
    return this.#committed.promise;
  }

  #commit(): void {
    const committed = this.#committed;
    this.#committed = null;
    this.#db.exec('COMMIT');
    committed?.resolve();
  }
}
