/** What is planted in a tree's transactions, to test those who judge them: methods of its parts that do something else. */
import type { Env } from 'lockstep/env';
import { LockstepError } from 'lockstep/env';
import { openTree, StoredTree, type OpenTreeOptions } from '../../../src/storage/open-tree.ts';
import { treeOptions, type TreeOptions } from '../../../src/storage/options.ts';
import type { Isolation } from '../../../src/storage/transaction/transaction.ts';
import { openTreeCore, type Tree } from '../../../src/storage/tree.ts';
import { createTreeJournal, openTreeJournal, replay } from '../../../src/storage/tree-journal.ts';
import { tablesIn } from '../../../src/storage/tree-places.ts';
import { applyBatch } from '../../../src/storage/write-batch.ts';
import { WriterPressure } from '../../../src/storage/writer-pressure.ts';
import type { Journal } from '../../../src/wal/journal.ts';

export interface IsolationBug {
  /** What is asked for and judged; without it either. */
  readonly mode?: Isolation;
  /** What transactions are run with in truth. */
  readonly runsAs?: Isolation;
  readonly plant?: (tree: Tree, journal: Journal) => void;
}

export interface IsolationOptions extends TreeOptions {
  readonly keepVersionsMs: number;
}

/** The tree in this directory, as it is or with a bug planted. */
export async function openFor(
  env: Env,
  directory: string,
  options: IsolationOptions,
  { plant }: IsolationBug,
): Promise<StoredTree> {
  const opening: OpenTreeOptions = options;
  const tree = plant === undefined ? await openTree(env, directory, opening) : null;
  if (tree !== null) return tree;
  if (plant === undefined) throw new Error('it is made');
  return openPlanted(env, directory, options, plant);
}

/** As `openTree` does it. */
async function openPlanted(
  env: Env,
  directory: string,
  { keepVersionsMs, ...changes }: IsolationOptions,
  plant: (tree: Tree, journal: Journal) => void,
): Promise<StoredTree> {
  const options = treeOptions(changes);
  const isThere = env.disk.stat(`${tablesIn(directory)}/manifest`) !== null;
  const made = isThere ? null : await createTreeJournal(env, directory, 'machine');
  const setup = { ports: env, directory: tablesIn(directory), options };
  const tree = await openTreeCore(setup, true);
  if (tree === null) throw new LockstepError('misuse', 'it is made where there is none');
  try {
    const journal = made ?? (await openTreeJournal(env, directory, 'machine'));
    await replay(tree, journal);
    plant(tree, journal);
    const limits = { snapshotMsMax: 60_000, keepVersionsMs };
    const place = { env, directory, options, waits: null, limits, onClosed: null };
    return new StoredTree(place, { tree, journal, pressure: new WriterPressure(env, tree, options, null, 'write') });
  } catch (error) {
    await made?.close();
    await tree.close();
    throw error;
  }
}

/** Only keys that had a value at the moment of the transaction are taken for changed. */
function forgetsAbsentKeys(tree: Tree): void {
  const { writtenSince } = tree;
  tree.writtenSince = (since, key, start, end, hash) =>
    tree.find(key, start, end, since) === null ? -1 : writtenSince.call(tree, since, key, start, end, hash);
}

/** The same within ranges: nobody minds what comes to be in one. */
function forgetsPhantoms(tree: Tree): void {
  const { writtenWithin } = tree;
  tree.writtenWithin = (since, bounds) => {
    const found = writtenWithin.call(tree, since, bounds);
    return found !== null && tree.find(found.key, 0, found.key.length, since) === null ? null : found;
  };
}

/** What was flushed last is in memory still, and not asked for. */
function forgetsNewestFlushed(tree: Tree): void {
  const { writtenSince, writtenWithin } = tree;
  tree.writtenSince = (since, key, start, end, hash) => {
    const revision = writtenSince.call(tree, since, key, start, end, hash);
    return revision <= tree.flushed.revision ? -1 : revision;
  };
  tree.writtenWithin = (since, bounds) => {
    const found = writtenWithin.call(tree, since, bounds);
    return found !== null && found.revision <= tree.flushed.revision ? null : found;
  };
}

/** Of writes that are not in memory any more it takes for granted that there were none. */
function ignoresAge(tree: Tree): void {
  const { writtenSince, writtenWithin } = tree;
  const recentFrom = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(tree) as object, 'recentFrom')?.get;
  const recent = (since: number): number => Math.max(since, recentFrom?.call(tree) as number);
  Object.defineProperty(tree, 'recentFrom', { get: () => -1 });
  tree.writtenSince = (since, key, start, end, hash) => writtenSince.call(tree, recent(since), key, start, end, hash);
  tree.writtenWithin = (since, bounds) => writtenWithin.call(tree, recent(since), bounds);
}

/** The first key of a range that is deleted is changed, and no other one. */
function forgetsDeletedRanges(tree: Tree): void {
  const { apply, writtenSince, writtenWithin } = tree;
  const clearing = new Set<number>();
  tree.apply = (revision, batch) => {
    const none = (): void => {};
    applyBatch(batch, { put: none, delete: none, deleteRange: () => void clearing.add(revision) });
    apply.call(tree, revision, batch);
  };
  tree.writtenSince = (since, key, start, end, hash) => {
    const revision = writtenSince.call(tree, since, key, start, end, hash);
    return clearing.has(revision) ? -1 : revision;
  };
  tree.writtenWithin = (since, bounds) => {
    const found = writtenWithin.call(tree, since, bounds);
    return found !== null && clearing.has(found.revision) ? null : found;
  };
}

/** Whatever moment is asked for. */
function readsTheNewest(tree: Tree): void {
  const { find, walk } = tree;
  tree.find = (key, start, end, revision) => find.call(tree, key, start, end, Math.max(revision, tree.revision));
  tree.walk = (revision, bounds, own) => walk.call(tree, Math.max(revision, tree.revision), bounds, own);
}

/** What is appended is called durable, and shown. */
function answersEarly(tree: Tree, journal: Journal): void {
  const { append } = journal;
  journal.append = (entries) => {
    const first = journal.appended;
    const outcome = append.call(journal, entries);
    if (journal.appended === first) return outcome; // it has ended
    outcome.catch(() => {});
    return Promise.resolve({ kind: 'appended', first, last: first });
  };
  Object.defineProperty(journal, 'next', { get: () => journal.appended });
  readsEarly(tree, journal);
}

/** What was written waits for the disk; what was only read does not. */
function readsEarly(_tree: Tree, journal: Journal): void {
  const { reached } = journal;
  journal.reached = async (position) => (position < journal.appended ? 'reached' : reached.call(journal, position));
}

/** Nobody is thought to read what is not the newest. */
function trimsUnderReaders(tree: Tree): void {
  const { setFloor } = tree;
  tree.setFloor = () => setFloor.call(tree, Math.max(tree.durableRevision, 0));
}

export const isolationBugs: Readonly<Record<string, IsolationBug>> = {
  'validates-keys-alone': { mode: 'serializable', plant: (tree) => (tree.writtenWithin = () => null) },
  'validates-ranges-alone': { mode: 'serializable', plant: (tree) => (tree.writtenSince = () => -1) },
  'ignores-absent-keys': { mode: 'serializable', plant: forgetsAbsentKeys },
  'ignores-phantoms': { mode: 'serializable', plant: forgetsPhantoms },
  'forgets-the-newest-flushed': { plant: forgetsNewestFlushed },
  'ignores-its-age': { plant: ignoresAge },
  'forgets-deleted-ranges': { mode: 'serializable', plant: forgetsDeletedRanges },
  'reads-the-newest': { plant: readsTheNewest },
  'answers-before-durable': { plant: answersEarly },
  'releases-reads-before-durable': { plant: readsEarly },
  'trims-under-readers': { plant: trimsUnderReaders },
  'runs-at-snapshot': { mode: 'serializable', runsAs: 'snapshot' },
  'lets-the-last-writer-win': {
    mode: 'snapshot',
    plant: (tree) => {
      tree.writtenSince = () => -1;
      tree.writtenWithin = () => null;
    },
  },
};
