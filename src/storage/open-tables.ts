/** Opens the tables that a manifest names, and clears away what no manifest does: leavings of a crash. */
import type { Disk } from '../env/disk.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { BlockCache } from './block-cache.ts';
import type { BlockCodec } from './codec.ts';
import { DamagedTable } from './damaged-table.ts';
import { draftName, manifestName, type Manifest, type TableMeta } from './manifest.ts';
import { openTable } from './table.ts';
import { numberOfTable, tableName, tablePath } from './table-name.ts';
import type { TableRemovals } from './table-removals.ts';
import { LiveTable, TableSet } from './table-set.ts';
import { unfinishedName } from './unfinished.ts';

export interface TableFiles {
  readonly disk: Disk;
  readonly directory: string;
  readonly cache: BlockCache;
  readonly codec: BlockCodec | null;
  readonly removals: TableRemovals;
}

/**
 * What to do about a table that cannot be opened as it was written. `refuse`: nothing is opened. `read-around`: reads of
 * keys that it may have had throw `corrupt`, and the tree is open for reading only.
 */
export type DamageChoice = 'refuse' | 'read-around';

export async function openTables(files: TableFiles, manifest: Manifest, damaged: DamageChoice): Promise<TableSet> {
  const levels: LiveTable[][] = [];
  try {
    for (const level of manifest.levels) {
      const opened: LiveTable[] = [];
      levels.push(opened);
      for (const meta of level) opened.push(await openOr(files, meta, damaged));
    }
  } catch (error) {
    for (const one of levels.flat()) one.table.close();
    throw error;
  }
  return new TableSet(levels);
}

async function openOr(files: TableFiles, meta: TableMeta, damaged: DamageChoice): Promise<LiveTable> {
  try {
    return await openLive(files, meta);
  } catch (error) {
    if (!isLockstepError(error, 'corrupt')) throw error;
    const standIn = new DamagedTable(meta, error);
    if (damaged === 'refuse') throw standIn.damage;
    return new LiveTable(meta, standIn, () => {});
  }
}

/** Its file goes when no set of tables has it any more, unless it was told to stay. */
export async function openLive(files: TableFiles, meta: TableMeta): Promise<LiveTable> {
  const { disk, directory, cache, codec } = files;
  const path = tablePath(directory, meta.number);
  const codecs = codec === null ? [] : [codec];
  const table = await openTable(disk, path, { number: meta.number, cache, codecs });
  return new LiveTable(meta, table, () => {
    table.close();
    files.removals.begin(path);
  });
}

/**
 * That no directory with tables passes for a new one.
 * @throws LockstepError `corrupt` for tables without a manifest; `invalid` for what a checkpoint or an import left that
 * did not end.
 */
export function checkNotLost(disk: Disk, directory: string): void {
  const entries = disk.list(directory) ?? [];
  const values = { path: `${directory}/${manifestName}`, offset: 0 };
  if (entries.some(({ name }) => name === unfinishedName))
    throw new LockstepError('invalid', 'a checkpoint or an import did not end here', {
      values,
      advice: ['do it again, which takes away what is left of this one; or remove the directory'],
    });
  const table = entries.find(({ name }) => numberOfTable(name) !== null);
  if (table === undefined) return;
  throw new LockstepError('corrupt', 'a tree has lost its manifest: there are tables and none', {
    values: { ...values, table: table.name },
    advice: ['restore the directory from a checkpoint or a replica; nothing was overwritten'],
  });
}

const leavings: ReadonlySet<string> = new Set([draftName, unfinishedName]);

/**
 * The next table's number: above all that the directory has, leavings too. A process that was killed may be removing
 * one of them still, and a table of that name would be taken for it.
 */
export function unusedNumber(disk: Disk, directory: string, { nextNumber }: Manifest): number {
  const numbers = (disk.list(directory) ?? []).map(({ name }) => (numberOfTable(name) ?? 0) + 1);
  return Math.max(nextNumber, ...numbers);
}

/** Removes tables that the manifest, which is durable, does not name, and a draft of another manifest. */
export async function removeLeavings(disk: Disk, directory: string, manifest: Manifest): Promise<void> {
  const named = new Set(manifest.levels.flat().map(({ number }) => tableName(number)));
  let count = 0;
  for (const { name, kind } of disk.list(directory) ?? []) {
    if (kind !== 'file' || named.has(name) || (numberOfTable(name) === null && !leavings.has(name))) continue;
    await disk.remove(`${directory}/${name}`);
    count++;
  }
  if (count > 0) await disk.syncDirectory(directory);
}
