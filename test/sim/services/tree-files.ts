/** What must hold of a tree's directory at any time: manifest, names and tables fit each other. */
import type { Disk, Env } from 'lockstep/env';
import { compareBytes } from '../../../src/bytes/compare.ts';
import { readManifest, type Manifest, type TableMeta } from '../../../src/storage/manifest.ts';
import { openTable, type Table } from '../../../src/storage/table.ts';
import { numberOfTable, tableName, tablePath } from '../../../src/storage/table-name.ts';
import { decoded } from './tree-model.ts';

/** The first thing that is wrong; null when all is well. */
export function wrongInManifest(disk: Disk, directory: string, justOpened: boolean): string | null {
  const manifest = readManifest(disk, directory);
  if (manifest === null) return 'there is no manifest';
  const named = new Set(manifest.levels.flat().map(({ number }) => tableName(number)));
  if (named.size !== manifest.levels.flat().length) return 'a table is in the manifest twice';
  const there = new Set((disk.list(directory) ?? []).map(({ name }) => name));
  for (const name of named) if (!there.has(name)) return `${name} is in the manifest and not in the directory`;
  for (const { number } of manifest.levels.flat())
    if (number >= manifest.nextNumber) return `${tableName(number)} has a number that will be given again`;
  for (const name of justOpened ? there : []) {
    const number = numberOfTable(name);
    const isBeingWritten = number !== null && number >= manifest.nextNumber;
    if (name !== 'manifest' && !named.has(name) && !isBeingWritten) return `${name} was left behind`;
  }
  return wrongInLevels(manifest);
}

function wrongInLevels({ levels, flushedRevision }: Manifest): string | null {
  for (const [level, tables] of levels.entries()) {
    for (const [at, table] of tables.entries()) {
      if (compareBytes(table.smallest, table.largest) > 0) return `table ${table.number} ends before it begins`;
      if (table.lastRevision > flushedRevision) return `table ${table.number} has more than was flushed`;
      const next = tables[at + 1];
      if (level === 0 || next === undefined) continue;
      if (compareBytes(table.largest, next.smallest) > 0)
        return `on level ${level} table ${table.number} reaches to ${decoded(table.largest)}, into table ${next.number}`;
    }
  }
  return null;
}

/**
 * Opens every table and walks it: entries lie within what the manifest says of the table, and of each key newer
 * sources hold newer versions. Only while nobody works on the directory.
 */
export async function wrongInTables(env: Pick<Env, 'disk'>, directory: string): Promise<string | null> {
  const levels = readManifest(env.disk, directory)?.levels ?? [];
  /** Of each key the oldest version so far, from the newest source on. */
  const oldest = new Map<string, number>();
  for (const level of levels) {
    for (const meta of level) {
      const table = await openTable(env.disk, tablePath(directory, meta.number), { number: meta.number, cache: null });
      const wrong = wrongInTable(table, meta, oldest);
      table.close();
      if (wrong !== null) return `in table ${meta.number}: ${wrong}`;
    }
  }
  return null;
}

function wrongInTable(table: Table, meta: TableMeta, oldest: Map<string, number>): string | null {
  const isWithin = (key: Uint8Array): boolean =>
    compareBytes(meta.smallest, key) <= 0 && compareBytes(key, meta.largest) <= 0;
  for (const { start, end } of table.rangeTombstones.list)
    if (!isWithin(start) || !isWithin(end)) return `a range reaches from ${decoded(start)} to ${decoded(end)}`;
  let count = 0;
  const cursor = table.cursor();
  for (cursor.first(); cursor.valid; cursor.next()) {
    count++;
    const bytes = cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd);
    const key = decoded(bytes);
    if (!isWithin(bytes)) return `${key} lies outside of it`;
    const newer = oldest.get(key);
    if (newer !== undefined && newer <= cursor.revision)
      return `${key} at revision ${cursor.revision} stands behind revision ${newer}`;
    oldest.set(key, cursor.revision);
  }
  return count === meta.entryCount ? null : `it has ${count} entries, not ${meta.entryCount}`;
}
