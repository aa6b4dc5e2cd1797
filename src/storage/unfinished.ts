/**
 * A directory that is being made into a tree's: by a checkpoint or an import. A mark stands in it from before the first
 * file to after the manifest, so that what is left of one that did not end is known for that, and may go.
 */
import type { Disk } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';
import { draftName, manifestName } from './manifest.ts';
import { numberOfTable } from './table-name.ts';
import { journalIn, tablesIn } from './tree-places.ts';

export const unfinishedName = 'unfinished';

/**
 * Makes `directory` ready for a tree's files, and takes away what an earlier attempt left.
 * @throws LockstepError `misuse` when there is something else in it; `disk-full`, `disk-failed`.
 */
export async function beginTree(disk: Disk, directory: string): Promise<void> {
  const tables = tablesIn(directory);
  const isThere = disk.stat(`${tables}/${manifestName}`) !== null;
  const isUnfinished = disk.stat(`${tables}/${unfinishedName}`) !== null;
  const strangers = isUnfinished ? [] : (disk.list(directory) ?? []);
  if (isThere || strangers.length > 0)
    throw new LockstepError(
      'misuse',
      'a checkpoint or an import needs a directory of its own, and this one is not empty',
      {
        values: { directory, holds: isThere ? 'a tree' : (strangers[0]?.name ?? '') },
        advice: ['give another name; nothing was changed'],
      },
    );
  disk.makeDirectory(tables);
  if (isUnfinished) await clearTree(disk, directory);
  const mark = disk.open(`${tables}/${unfinishedName}`, isUnfinished ? 'write' : 'create');
  if (mark === null) throw new LockstepError('in-use', 'another one makes this directory', { values: { directory } });
  mark.close();
  await syncUpwards(disk, tables);
}

/** Once the manifest is durable. */
export async function endTree(disk: Disk, directory: string): Promise<void> {
  await disk.remove(`${tablesIn(directory)}/${unfinishedName}`);
  await disk.syncDirectory(tablesIn(directory));
}

/** Takes away what was made since `beginTree`; the mark last. */
export async function abandonTree(disk: Disk, directory: string): Promise<void> {
  await clearTree(disk, directory);
  await endTree(disk, directory);
  for (const empty of [journalIn(directory).directory, tablesIn(directory), directory]) await disk.remove(empty);
}

async function clearTree(disk: Disk, directory: string): Promise<void> {
  const { directory: journal, prefix } = journalIn(directory);
  const tables = tablesIn(directory);
  for (const { name } of disk.list(tables) ?? [])
    if (numberOfTable(name) !== null || name === draftName) await disk.remove(`${tables}/${name}`);
  await disk.syncDirectory(tables);
  for (const { name } of disk.list(journal) ?? [])
    if (name.startsWith(`${prefix}-`)) await disk.remove(`${journal}/${name}`);
  if (disk.stat(journal) !== null) await disk.syncDirectory(journal);
}

/** The names in a directory, its own, and those above. */
export async function syncUpwards(disk: Disk, directory: string): Promise<void> {
  for (let path = directory; ; path = path.slice(0, Math.max(0, path.lastIndexOf('/')))) {
    await disk.syncDirectory(path);
    if (path === '') return;
  }
}
