/** Makes a tree of the files of a checkpoint that came from elsewhere: nothing is installed before all of it is verified. */
import { bytesOf } from '../checkpoint/content.ts';
import type { Disk } from '../env/disk.ts';
import type { Ports } from '../env/env.ts';
import { LockstepError, type ErrorValues } from '../kernel/errors.ts';
import type { JournalPorts } from '../wal/journal-options.ts';
import { factsOf, installTables, installTree, type CheckpointFacts, type CheckpointFile } from './checkpoint.ts';
import type { CodecPlace } from './codec.ts';
import { decodeManifest, manifestBytesMax, manifestName, type Manifest, type TableMeta } from './manifest.ts';
import { tableBytesMax } from './table-format.ts';
import { numberOfTable, tableName, tablePath } from './table-name.ts';
import { tablesIn } from './tree-places.ts';
import { makeTree } from './unfinished.ts';
import { damagesOf, verifyJob, type VerifyPorts } from './verify-tree.ts';

export interface ImportOptions {
  /** Ends it; it rejects with the signal's reason, and nothing is installed. */
  readonly signal?: AbortSignal | undefined;
  /** By which the tables are compressed. Default null: they are not. */
  readonly codec?: CodecPlace | null | undefined;
  /** False: without a journal of its own, for whoever keeps the tree's log elsewhere. Default true. */
  readonly journal?: boolean | undefined;
}

export type ImportPorts = JournalPorts & Pick<Ports, 'jobs'>;

/**
 * Writes the files of a checkpoint (`readCheckpoint`) into a directory, reads every byte of them again, and installs
 * them all or none: after a crash there is the tree or there is none. Their order does not matter. Then `openTree`.
 * @throws LockstepError `misuse` when there is something in the directory; `corrupt` for damaged and missing files, with
 * the file's name; `invalid` for a file that is no part of the checkpoint, another format, a codec that was not given;
 * what reading the content throws; `disk-full`, `disk-failed`; the signal's reason. Nothing is left of it then.
 */
export async function importCheckpoint(
  ports: ImportPorts,
  files: Iterable<CheckpointFile> | AsyncIterable<CheckpointFile>,
  directory: string,
  { signal, codec = null, journal = true }: ImportOptions = {},
): Promise<CheckpointFacts> {
  const { disk, jobs } = ports;
  const tables = tablesIn(directory);
  return makeTree(disk, directory, async () => {
    const manifest = await receive(disk, files, tables, signal);
    await disk.syncDirectory(tables);
    for (const meta of manifest.levels.flat()) await check({ jobs, directory: tables, codec }, meta, signal);
    signal?.throwIfAborted();
    await (journal ? installTree : installTables)(ports, manifest, directory);
    return factsOf(manifest);
  });
}

/** Every byte, on another thread. @throws LockstepError as `importCheckpoint`. */
async function check(
  { jobs, directory, codec }: VerifyPorts,
  meta: TableMeta,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = tablePath(directory, meta.number);
  const report = await jobs.run(verifyJob, { path, number: meta.number, codec }, { signal });
  const [damage] = damagesOf(report, meta, path);
  if (damage === undefined) return;
  const what = `a file of a checkpoint is damaged: ${damage.what}`;
  throw damaged(what, tableName(meta.number), { offset: damage.offset });
}

/** All files, as they come. */
async function receive(
  disk: Disk,
  files: Iterable<CheckpointFile> | AsyncIterable<CheckpointFile>,
  tables: string,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  let manifest: Manifest | null = null;
  const received = new Set<string>();
  for await (const file of files) {
    signal?.throwIfAborted();
    if (received.has(file.name)) throw foreign('a file of a checkpoint came twice', file.name);
    received.add(file.name);
    if (file.name === manifestName)
      manifest = decodeManifest(await bytesOf(file.content(), manifestBytesMax), manifestName);
    else if (numberOfTable(file.name) !== null) await write(disk, `${tables}/${file.name}`, file, signal);
    else throw foreign('a file is no part of a checkpoint', file.name);
  }
  if (manifest === null) throw damaged('a checkpoint is without its manifest', manifestName, { offset: 0 });
  const named = new Set(manifest.levels.flat().map(({ number }) => tableName(number)));
  for (const name of named)
    if (!received.has(name)) throw damaged('a file of a checkpoint is missing', name, { offset: 0 });
  for (const name of received)
    if (name !== manifestName && !named.has(name)) throw foreign('a table is of another checkpoint', name);
  return manifest;
}

async function write(
  disk: Disk,
  path: string,
  { name, bytes, content }: CheckpointFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = disk.open(path, 'create');
  if (file === null) throw new LockstepError('in-use', 'another one imports here', { values: { path } });
  try {
    let at = 0;
    for await (const piece of content()) {
      signal?.throwIfAborted();
      if (at + piece.length > Math.min(bytes, tableBytesMax))
        throw damaged('a file of a checkpoint has more bytes than was said', name, { offset: at });
      file.write(piece, at);
      at += piece.length;
    }
    if (at !== bytes) throw damaged('a file of a checkpoint ends too early', name, { offset: at });
    await file.sync();
  } finally {
    file.close();
  }
}

const damaged = (what: string, file: string, values: ErrorValues): LockstepError =>
  new LockstepError('corrupt', what, {
    values: { path: file, ...values },
    advice: ['get it again; nothing was installed'],
  });

const foreign = (what: string, file: string): LockstepError =>
  new LockstepError('invalid', what, { values: { path: file }, advice: ['nothing was installed'] });
