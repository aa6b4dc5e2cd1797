/**
 * The floor under an event store in `node:sqlite`: bare inserts of as many bytes into a table without an index, synced at
 * each commit. In this process, without a promise an insert.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Prepared, Side } from '../harness.ts';
import { openFolder } from '../log/folder.ts';
import { runLoad } from '../log/load.ts';

export const insertsName = (perCommit: number): string => `bare inserts: SQLite FULL, ${perCommit} in a commit`;

/** One caller, who inserts so many and commits. */
export function sqliteInserts(entries: number, entryBytes: number, perCommit: number): Side {
  const prepare = (): Prepared => {
    const folder = openFolder();
    const db = new DatabaseSync(join(folder.path, 'sqlite.db'));
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      CREATE TABLE entries (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)`);
    const insert = db.prepare('INSERT INTO entries (bytes) VALUES (?)');
    const commits = entries / perCommit;
    const run = async () => {
      const done = await runLoad({ callers: 1, entries: commits, entryBytes }, async (entry) => {
        db.exec('BEGIN IMMEDIATE');
        for (let at = 0; at < perCommit; at++) insert.run(entry);
        db.exec('COMMIT');
      });
      return { ...done, operations: entries, bytes: entries * entryBytes };
    };
    const close = (): void => {
      db.close();
      folder.remove();
    };
    return { run, close };
  };
  return { name: insertsName(perCommit), durability: 'machine', prepare };
}
