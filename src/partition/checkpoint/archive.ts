/**
 * A partition's checkpoints in a store. Whoever adds one reads the catalogue, uploads what it does not name, and moves the
 * pointer to a new catalogue by compare-and-set; then it removes what nobody can need any more.
 *
 * A file's name says at which place of the pointer it was uploaded: `HASH.c7`, while the pointer was at its seventh place.
 * A new catalogue names files of the catalogue before it, and files uploaded at that place, no others. So a file of an
 * earlier place that the newest catalogue does not name is not named by any later one, however slow its uploader is:
 * it may be removed, and that rests on no clock.
 */
import { bytesOf, contentOf } from '../../checkpoint/content.ts';
import { contentName, fileName, hashIn, type FileName } from '../../checkpoint/file-name.ts';
import type { CheckpointStore, Pointer } from '../../checkpoint/port.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import {
  catalogueBytesMax,
  decodeCatalogue,
  encodeCatalogue,
  type KeptCheckpoint,
  type KeptFile,
} from './catalogue.ts';
import type { HeldCheckpoint, HeldFile } from './held-checkpoint.ts';

export interface Catalogue {
  readonly pointer: Pointer | null;
  /** Newest first. */
  readonly kept: readonly KeptCheckpoint[];
}

export interface BackupProgress {
  readonly fileCount: number;
  readonly filesDone: number;
  readonly bytes: number;
  readonly bytesDone: number;
}

export interface AddOptions {
  /** How many checkpoints stay, at least 2. */
  readonly keep: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
}

export interface Added {
  readonly kept: readonly KeptCheckpoint[];
  /** Of the checkpoint, and of those files that were uploaded for it. */
  readonly bytes: number;
  readonly bytesNew: number;
  readonly filesNew: number;
}

/** So often another may move the pointer first. */
const attemptsMax = 5;
/** How often a catalogue may be replaced while it is read. */
const looksMax = 10;

/** @throws LockstepError `corrupt`, `invalid` for another thing than a catalogue; `overloaded`; what the store throws. */
export async function readCatalogue(store: CheckpointStore): Promise<Catalogue> {
  for (let look = 0; look < looksMax; look++) {
    const pointer = await store.pointer();
    if (pointer === null) return { pointer, kept: [] };
    const found = await store.get(pointer.to);
    if (found === null) continue; // the pointer moved on, and it was removed
    return { pointer, kept: decodeCatalogue(await bytesOf(found.content, catalogueBytesMax), pointer.to) };
  }
  throw new LockstepError('overloaded', 'the catalogue is replaced faster than it can be read', {
    values: { looksMax },
  });
}

/**
 * Adds a checkpoint; the oldest ones above `keep` go. Repeating it is harmless.
 * @throws LockstepError `misuse` when the store is another partition's; `rejected` when a newer generation of this one
 * keeps checkpoints there; `overloaded` when others always were first; what reading a file and the store throw; the
 * signal's reason.
 */
export async function addCheckpoint(
  store: CheckpointStore,
  checkpoint: HeldCheckpoint,
  options: AddOptions,
): Promise<Added> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const before = await readCatalogue(store);
    const added = await tryToAdd(store, checkpoint, options, before);
    if (added !== null) return added;
  }
  throw new LockstepError('overloaded', 'others always moved the pointer of the store first', {
    values: { attemptsMax },
  });
}

/** Null: another moved the pointer first. */
async function tryToAdd(
  store: CheckpointStore,
  checkpoint: HeldCheckpoint,
  options: AddOptions,
  { pointer, kept: keptBefore }: Catalogue,
): Promise<Added | null> {
  const { about } = checkpoint;
  checkOwner(checkpoint, keptBefore);
  const isThere = keptBefore.some((one) => one.log === about.log && one.revision >= about.revision);
  if (isThere) return { kept: keptBefore, bytes: bytesIn(checkpoint.files), bytesNew: 0, filesNew: 0 };
  const place = pointer?.number ?? 0;
  const { files, filesNew, bytesNew } = await upload(store, checkpoint, options, placedNames(keptBefore, place));
  const kept = [{ ...about, files }, ...keptBefore].slice(0, options.keep);
  const bytes = encodeCatalogue(kept);
  const to = placedName(contentName(bytes), place);
  await store.put(to, contentOf(bytes));
  options.signal?.throwIfAborted();
  if (!(await move(store, to, pointer))) return null;
  await removeUnneeded(store, to, kept, place + 1);
  return { kept, bytes: bytesIn(files), bytesNew, filesNew };
}

function checkOwner({ about }: HeldCheckpoint, kept: readonly KeptCheckpoint[]): void {
  const other = kept.find((one) => one.partition !== about.partition);
  if (other !== undefined)
    throw new LockstepError('misuse', "this store has another partition's checkpoints", {
      values: { partition: about.partition, found: other.partition },
      advice: ['give each partition a store of its own'],
    });
  const newer = kept.find((one) => one.generation > about.generation);
  if (newer === undefined) return;
  throw new LockstepError('rejected', 'a newer generation of this partition keeps its checkpoints in this store', {
    values: { generation: about.generation, newer: newer.generation },
    advice: ['give this one another store', 'or close it: it was restored elsewhere'],
  });
}

type NameOf = (hash: string) => { readonly file: FileName; readonly isNew: boolean };

function placedNames(kept: readonly KeptCheckpoint[], place: number): NameOf {
  const known = new Map(kept.flatMap(({ files }) => files.map(({ file }) => [hashIn(file), file] as const)));
  return (hash) => {
    const file = known.get(hash);
    return file === undefined ? { file: placedName(hash, place), isNew: true } : { file, isNew: false };
  };
}

const placedName = (hash: string, place: number): FileName => fileName(`${hash}.c${place.toString(36)}`);

/** At which place of the pointer a file was uploaded; null: it is not of this archive. */
function placeOf(file: FileName): number | null {
  const [, place] = /\.c(0|[1-9a-z][0-9a-z]{0,10})$/.exec(file) ?? [];
  return place === undefined ? null : Number.parseInt(place, 36);
}

async function upload(
  store: CheckpointStore,
  checkpoint: HeldCheckpoint,
  { signal, onProgress }: AddOptions,
  nameOf: NameOf,
): Promise<{ readonly files: readonly KeptFile[]; readonly filesNew: number; readonly bytesNew: number }> {
  const files: KeptFile[] = [];
  const bytes = bytesIn(checkpoint.files);
  let [filesNew, bytesNew, bytesDone] = [0, 0, 0];
  for (const one of checkpoint.files) {
    signal?.throwIfAborted();
    const { file, isNew } = nameOf(await one.hash());
    if (isNew) {
      await store.put(file, one.content());
      filesNew++;
      bytesNew += one.bytes;
    }
    files.push({ name: one.name, bytes: one.bytes, file });
    bytesDone += one.bytes;
    onProgress?.({ fileCount: checkpoint.files.length, filesDone: files.length, bytes, bytesDone });
  }
  return { files, filesNew, bytesNew };
}

const bytesIn = (files: readonly Pick<HeldFile, 'bytes'>[]): number => files.reduce((sum, one) => sum + one.bytes, 0);

/** False: it was not where it was believed to be. */
async function move(store: CheckpointStore, to: FileName, was: Pointer | null): Promise<boolean> {
  try {
    return (await store.point(to, was)).kind === 'moved';
  } catch (error) {
    if (!isLockstepError(error, 'unknown')) throw error;
    const now = await store.pointer();
    const place = was?.number ?? 0;
    if (now?.to === to) return true;
    if ((now?.number ?? 0) === place) throw error;
    return false; // if it was moved and then moved on, the next attempt finds the checkpoint in the catalogue
  }
}

/** What was uploaded at earlier places and is not named now. */
async function removeUnneeded(
  store: CheckpointStore,
  catalogue: FileName,
  kept: readonly KeptCheckpoint[],
  place: number,
): Promise<void> {
  const needed = new Set<FileName>([catalogue, ...kept.flatMap(({ files }) => files.map(({ file }) => file))]);
  for await (const page of store.list())
    for (const { name } of page) if ((placeOf(name) ?? Infinity) < place && !needed.has(name)) await store.remove(name);
}
