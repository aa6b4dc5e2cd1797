/**
 * A checkpoint: a tree's tables under second names in another directory, and a manifest. Tables never change, so it costs
 * names, not copies, until compactions have replaced them in the tree. It is complete once it has its manifest, and a
 * tree like any other: `openTree` opens it.
 */
import { contentOfFile } from '../checkpoint/content.ts';
import type { Disk } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { JournalPorts } from '../wal/journal-options.ts';
import { manifestName, readManifest, settleManifest, writeManifest, type Manifest } from './manifest.ts';
import { tableName, tablePath } from './table-name.ts';
import type { Tree } from './tree.ts';
import { firstAfter, makeJournal } from './tree-journal.ts';
import { tablesIn } from './tree-places.ts';
import { endTree, makeTree } from './unfinished.ts';

/** What a checkpoint holds. */
export interface CheckpointFacts {
  /** Of the newest write in it; everything up to it is there. */
  readonly revision: number;
  /** What whoever owns the log said of that revision: where to read on. Of a tree with a journal of its own the revision. */
  readonly position: number;
  readonly tableCount: number;
  readonly tableBytes: number;
}

/** So many names are made before the loop goes on. */
const linksAtOnce = 64;

/**
 * Makes a checkpoint in `target` of what the tables hold, while the tree goes on. After a crash it is complete or not
 * there; what is left of one that was not completed goes when another is made in the same place.
 * @throws LockstepError `misuse` when there is something in the directory; `disk-full`, `disk-failed`.
 */
export async function checkpointTree(
  ports: JournalPorts,
  tree: Tree,
  source: string,
  target: string,
): Promise<CheckpointFacts> {
  const { disk } = ports;
  return makeTree(disk, target, async () => {
    // Both at one moment: the set is held, so that no file of it goes meanwhile.
    const { manifest } = tree.background;
    const held = tree.background.tables.hold();
    try {
      await linkAll(disk, manifest, source, tablesIn(target));
    } finally {
      held.release();
    }
    await installTree(ports, manifest, target);
    return factsOf(manifest);
  });
}

async function linkAll(disk: Disk, { levels }: Manifest, source: string, target: string): Promise<void> {
  for (const [at, { number }] of levels.flat().entries()) {
    const path = tablePath(target, number);
    if (disk.link(tablePath(source, number), path) === 'taken')
      throw new LockstepError('in-use', 'another one makes this checkpoint', { values: { path } });
    if (at % linksAtOnce === linksAtOnce - 1) await disk.syncDirectory(target);
  }
  await disk.syncDirectory(target);
}

/** The tables are there and durable: an empty journal that goes on where they end, then the manifest, and it is a tree. */
export async function installTree(ports: JournalPorts, manifest: Manifest, directory: string): Promise<void> {
  const journal = await makeJournal(ports, directory, firstAfter(manifest.flushedRevision));
  await journal.close();
  await installTables(ports, manifest, directory);
}

/** The same without a journal. */
export async function installTables(
  { disk }: Pick<JournalPorts, 'disk'>,
  manifest: Manifest,
  directory: string,
): Promise<void> {
  await writeManifest(disk, tablesIn(directory), manifest);
  await endTree(disk, directory);
}

export interface CheckpointFile {
  readonly name: string;
  readonly bytes: number;
  /** Reads it anew at each call, off the thread, in pieces. */
  readonly content: () => AsyncIterable<Uint8Array>;
}

export interface Checkpoint extends CheckpointFacts {
  /** All that another machine needs for `importCheckpoint`: the manifest, then the tables. */
  readonly files: readonly CheckpointFile[];
}

/**
 * A checkpoint, to be sent elsewhere; null if there is none in the directory, or one that was not completed. What it
 * finds it makes durable: whoever made it may have stopped before it did. Of a tree that is open do not send the
 * files: they change.
 * @throws LockstepError `corrupt`, `invalid` for its manifest; `disk-failed`.
 */
export async function readCheckpoint(disk: Disk, directory: string): Promise<Checkpoint | null> {
  const tables = tablesIn(directory);
  const manifest = readManifest(disk, tables);
  if (manifest === null) return null;
  await settleManifest(disk, tables);
  const fileOf = (name: string, bytes: number): CheckpointFile => ({
    name,
    bytes,
    content: () => contentOfFile(disk, `${tables}/${name}`),
  });
  const manifestBytes = disk.stat(`${tables}/${manifestName}`)?.size ?? 0;
  return {
    ...factsOf(manifest),
    files: [
      fileOf(manifestName, manifestBytes),
      ...manifest.levels.flat().map(({ number, bytes }) => fileOf(tableName(number), bytes)),
    ],
  };
}

export function factsOf({ levels, flushedRevision, flushedPosition }: Manifest): CheckpointFacts {
  const tables = levels.flat();
  return {
    revision: flushedRevision,
    position: flushedPosition,
    tableCount: tables.length,
    tableBytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
