/**
 * A directory that is being made into a tree's: by a checkpoint or an import. A mark stands in it from before the first
 * file to after the manifest, so that what is left of one that did not end is known for that, and may go.
 */
import type { Disk } from '../env/disk.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { syncUpwards } from '../env/path.ts';
import { draftName, manifestName } from './manifest.ts';
import { numberOfTable } from './table-name.ts';
import { journalIn, tablesIn } from './tree-places.ts';

export const unfinishedName = 'unfinished';

/**
 * Runs `make` on a directory of its own; what is there when it fails, and is no tree yet, is taken away.
 * @throws LockstepError `misuse` when there is something in the directory; what `make` throws.
 */
export async function makeTree<T>(disk: Disk, directory: string, make: () => Promise<T>): Promise<T> {
  await begin(disk, directory);
  try {
    return await make();
  } catch (error) {
    await abandon(disk, directory);
    throw error;
  }
}

/** Takes away what an earlier attempt left. */
async function begin(disk: Disk, directory: string): Promise<void> {
  const tables = tablesIn(directory);
  const isThere = disk.stat(`${tables}/${manifestName}`) !== null;
  const isUnfinished = disk.stat(`${tables}/${unfinishedName}`) !== null;
  // Empty directories are what a crash leaves before the mark is there, and after it is gone.
  const own = [tables, journalIn(directory).directory].map((path) => path.slice(path.lastIndexOf('/') + 1));
  const strangers = (disk.list(directory) ?? []).filter(
    ({ name }) => !own.includes(name) || (!isUnfinished && (disk.list(join(directory, name)) ?? ['']).length > 0),
  );
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

/** Takes away what was made; the mark last. What cannot be taken away has the mark, and goes at the next attempt. */
async function abandon(disk: Disk, directory: string): Promise<void> {
  // Once it has its manifest it is a tree, whatever failed since.
  if (disk.stat(`${tablesIn(directory)}/${manifestName}`) !== null) return;
  try {
    await clearTree(disk, directory);
    await endTree(disk, directory);
    for (const empty of [journalIn(directory).directory, tablesIn(directory), directory]) await disk.remove(empty);
  } catch (error) {
    // The disk refuses, as it may have refused what is being abandoned: that is what the caller is told.
    if (!isLockstepError(error)) throw error;
  }
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

const join = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`);
