/** The journal that a tree of its own writes ahead to: where it is, how it is opened, and what it brings back. */
import type { Disk } from '../env/disk.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { openJournal, type Journal } from '../wal/journal.ts';
import type { JournalDurability, JournalLimits, JournalPorts } from '../wal/journal-options.ts';
import type { JournalReader } from '../wal/journal-reader.ts';
import { viewJournal } from '../wal/journal-view.ts';
import { journalPosition, type JournalPosition } from '../wal/position.ts';
import { manifestName } from './manifest.ts';
import { checkNotLost } from './open-tables.ts';
import { journalIn, tablesIn } from './tree-places.ts';
import type { Tree } from './tree.ts';
import { batchBytesMax } from './write-batch.ts';

const readBytes = 1024 * 1024;
/**
 * Small segments: what is flushed goes by whole ones, and the largest batch fits one. One that was used before is synced
 * faster; where nobody waits for syncs it would only take room.
 */
const limitsFor = (durability: JournalDurability): Partial<JournalLimits> => ({
  segmentBytes: 24 * 1024 * 1024,
  groupBytesMax: batchBytesMax,
  waitingBytesMax: 2 * batchBytesMax,
  spareCountMax: durability === 'process' ? 0 : 1,
});

/** A position of the journal is the revision that was written there. */
export const firstAfter = (flushedRevision: number): number => Math.max(flushedRevision + 1, 1);

/**
 * Makes a journal for a tree that is not there yet: before its manifest, so that a tree without a journal has lost it.
 * @throws LockstepError `corrupt` when there are files of a tree that has lost its manifest; `disk-full`, `disk-failed`.
 */
export async function createTreeJournal(
  ports: JournalPorts,
  directory: string,
  durability: JournalDurability,
): Promise<Journal> {
  checkNotLost(ports.disk, tablesIn(directory));
  const journal = await makeJournal(ports, directory, 1, durability);
  if (journal.next === 1) return journal;
  await journal.close();
  throw new LockstepError('corrupt', 'there is a journal with writes and no manifest of a tree', {
    values: { path: `${tablesIn(directory)}/${manifestName}`, offset: 0, writes: journal.next - journal.first },
    advice: ['restore the directory from a checkpoint or a replica; nothing was overwritten'],
  });
}

export async function makeJournal(
  ports: JournalPorts,
  directory: string,
  firstPosition: number,
  durability: JournalDurability = 'machine',
): Promise<Journal> {
  const options = { ...journalIn(directory), firstPosition, create: true, limits: limitsFor(durability), durability };
  const journal = await openJournal(ports, options);
  if (journal !== null) return journal;
  throw new LockstepError('disk-failed', 'the journal that was made is not there', { values: { path: directory } });
}

/** @throws LockstepError `corrupt`, also when there is none; `invalid`, `disk-failed`, `disk-full`. */
export async function openTreeJournal(
  ports: JournalPorts,
  directory: string,
  durability: JournalDurability,
): Promise<Journal> {
  const journal = await openJournal(ports, {
    ...journalIn(directory),
    create: false,
    reading: 'end',
    limits: limitsFor(durability),
    durability,
  });
  if (journal !== null) return journal;
  throw lostJournal(directory);
}

const lostJournal = (directory: string): LockstepError =>
  new LockstepError('corrupt', 'a tree has lost its journal, and what was written and not yet flushed', {
    values: { path: journalIn(directory).directory, offset: 0 },
    advice: ['restore the directory from a checkpoint or a replica; nothing was overwritten'],
  });

/** What replaying needs of a journal, or of a view of one. */
export interface ReadableJournal {
  readonly first: JournalPosition;
  readonly next: JournalPosition;
  reader(from: JournalPosition): JournalReader;
}

/** Looks at a journal without changing it. @throws as `openTreeJournal`. */
export async function viewTreeJournal(disk: Disk, directory: string): Promise<ReadableJournal> {
  const view = await viewJournal(disk, journalIn(directory));
  if (view !== null) return view;
  throw lostJournal(directory);
}

/**
 * Applies what the tables lack.
 * @throws LockstepError `corrupt` for damage, and when the journal does not go on where the tables end; what came
 * before is applied.
 */
export async function replay(tree: Tree, journal: ReadableJournal): Promise<void> {
  const { revision } = tree.flushed;
  const from = firstAfter(revision);
  const advice = ['restore the directory from a checkpoint or a replica'];
  if (journal.next < from)
    throw new LockstepError('corrupt', 'the journal ends before what the tables hold', {
      values: { tablesEndAt: revision, journalEndsAt: journal.next - 1 },
      advice,
    });
  if (journal.first > from)
    throw new LockstepError('corrupt', 'the journal begins behind what the tables hold', {
      values: { tablesEndAt: revision, journalBeginsAt: journal.first },
      advice,
    });
  const reader = journal.reader(journalPosition(from));
  for (let batch = await reader.next(readBytes); batch.kind === 'entries'; batch = await reader.next(readBytes)) {
    for (let at = 0; at < batch.entries.length; at++) tree.apply(batch.first + at, batch.entries.at(at));
    const last = batch.first + batch.entries.length - 1;
    tree.setDurable(last, last);
  }
}

/**
 * Opens around damage: true when there is none. Otherwise the tree has what can be read and is for reading only.
 * @throws what is not damage.
 */
export async function readsAround(disk: Disk, directory: string, tree: Tree): Promise<boolean> {
  const { background } = tree;
  try {
    const view = await viewTreeJournal(disk, directory);
    if (background.failure === null) return true;
    await replay(tree, view);
  } catch (error) {
    if (!isLockstepError(error, 'corrupt')) throw error;
    background.failure ??= error;
  }
  return false;
}

/** Of its files, those included that are kept to be used again. */
export function journalBytes(disk: Disk, directory: string): number {
  const { directory: place, prefix } = journalIn(directory);
  const files = (disk.list(place) ?? []).filter(({ name }) => name.startsWith(`${prefix}-`));
  return files.reduce((sum, { size }) => sum + size, 0);
}
