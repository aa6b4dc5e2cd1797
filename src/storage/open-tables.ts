/** Opens the tables that a manifest names, and clears away what no manifest does: leavings of a crash. */
import type { Disk } from '../env/disk.ts';
import type { BlockCache } from './block-cache.ts';
import type { BlockCodec } from './codec.ts';
import { draftName, type Manifest, type TableMeta } from './manifest.ts';
import { openTable } from './table.ts';
import { numberOfTable, tableName, tablePath } from './table-name.ts';
import { LiveTable, TableSet } from './table-set.ts';

export interface TableFiles {
  readonly disk: Disk;
  readonly directory: string;
  readonly cache: BlockCache;
  readonly codec: BlockCodec | null;
  /** Of removing a file that no set of tables has any more; it is removed at the next opening otherwise. */
  readonly onRemoveFailed: (error: unknown) => void;
}

export async function openTables(files: TableFiles, manifest: Manifest): Promise<TableSet> {
  const levels: LiveTable[][] = [];
  try {
    for (const level of manifest.levels) {
      const opened: LiveTable[] = [];
      levels.push(opened);
      for (const meta of level) opened.push(await openLive(files, meta));
    }
  } catch (error) {
    for (const one of levels.flat()) one.table.close();
    throw error;
  }
  return new TableSet(levels);
}

/** Its file goes when no set of tables has it any more, unless it was told to stay. */
export async function openLive(files: TableFiles, meta: TableMeta): Promise<LiveTable> {
  const { disk, directory, cache, codec } = files;
  const path = tablePath(directory, meta.number);
  const codecs = codec === null ? [] : [codec];
  const table = await openTable(disk, path, { number: meta.number, cache, codecs });
  return new LiveTable(meta, table, () => {
    table.close();
    disk.remove(path).catch(files.onRemoveFailed);
  });
}

/** Removes tables that the manifest, which is durable, does not name, and a draft of another manifest. */
export async function removeLeavings(disk: Disk, directory: string, manifest: Manifest): Promise<void> {
  const named = new Set(manifest.levels.flat().map(({ number }) => tableName(number)));
  let count = 0;
  for (const { name, kind } of disk.list(directory) ?? []) {
    if (kind !== 'file' || named.has(name) || (numberOfTable(name) === null && name !== draftName)) continue;
    await disk.remove(`${directory}/${name}`);
    count++;
  }
  if (count > 0) await disk.syncDirectory(directory);
}
