/**
 * Reads everything that a tree has on disk and tells what is not as it was written. Tables are read on another thread,
 * one after the other, so that readers and writers go on; damage is an answer, not an error.
 */
import type { Disk } from '../env/disk.ts';
import type { Ports } from '../env/env.ts';
import type { Job } from '../env/jobs.ts';
import { journalPosition } from '../wal/position.ts';
import { loadCodec, type CodecPlace } from './codec.ts';
import { readManifest, manifestName, type TableMeta } from './manifest.ts';
import { tableName, tablePath } from './table-name.ts';
import type { TableProperties } from './table-properties.ts';
import { verifyTable, type TableReport } from './table-verify.ts';
import { damageOf, type TreeDamage } from './tree-damage.ts';
import { viewTreeJournal, type ReadableJournal } from './tree-journal.ts';
import { journalIn } from './tree-places.ts';
import type { Tree } from './tree.ts';

export interface VerifyOptions {
  /** Ends it between two tables; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each table. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

export interface VerifyProgress {
  readonly tableCount: number;
  readonly verifiedTableCount: number;
  readonly tableBytes: number;
  readonly verifiedBytes: number;
}

interface VerifyInput {
  readonly path: string;
  readonly number: number;
  readonly codec: CodecPlace | null;
}

export const verifyJob: Job<VerifyInput, TableReport> = {
  kind: 'job',
  name: 'verifyJob',
  module: import.meta.url,
  async run({ path, number, codec }, disk) {
    const codecs = codec === null ? [] : [await loadCodec(codec)];
    return verifyTable(disk, path, { number, cache: null, codecs });
  },
};

/** Where a table is read, and by what. */
export interface VerifyPorts {
  readonly jobs: Ports['jobs'];
  readonly directory: string;
  readonly codec: CodecPlace | null;
}

/** The manifest, its tables, and every byte of these. @throws the signal's reason; `unavailable`, `overloaded`, `stopped` of jobs. */
export async function verifyTables(
  tree: Tree,
  disk: Disk,
  ports: VerifyPorts,
  { signal, onProgress }: VerifyOptions,
): Promise<readonly TreeDamage[]> {
  const damages: TreeDamage[] = [...verifyManifest(disk, ports.directory)];
  // Held, so that no compaction takes away what is being read.
  const held = tree.background.tables.hold();
  try {
    const metas = held.tables.map(({ range }) => range);
    const tableBytes = metas.reduce((sum, { bytes }) => sum + bytes, 0);
    let verifiedBytes = 0;
    for (const [at, meta] of metas.entries()) {
      signal?.throwIfAborted();
      damages.push(...(await verifyOne(ports, meta, signal)));
      verifiedBytes += meta.bytes;
      onProgress?.({ tableCount: metas.length, verifiedTableCount: at + 1, tableBytes, verifiedBytes });
    }
  } finally {
    held.release();
  }
  return damages;
}

/** That it can be read, and that what it names is there. */
function verifyManifest(disk: Disk, directory: string): readonly TreeDamage[] {
  const path = `${directory}/${manifestName}`;
  try {
    const manifest = readManifest(disk, directory);
    if (manifest === null) return [{ path, offset: 0, what: 'the manifest of a tree is missing', keys: null }];
    const there = new Set((disk.list(directory) ?? []).map(({ name }) => name));
    const missing = manifest.levels.flat().filter(({ number }) => !there.has(tableName(number)));
    return missing.map((meta) => ({
      path: tablePath(directory, meta.number),
      offset: 0,
      what: 'a table that the manifest names is not in its directory',
      keys: { smallest: meta.smallest, largest: meta.largest },
    }));
  } catch (error) {
    return [damageOf(error, path, null)];
  }
}

/** One table of a manifest, read on another thread. @throws as `verifyTables`. */
async function verifyOne(
  { jobs, directory, codec }: VerifyPorts,
  meta: TableMeta,
  signal: AbortSignal | undefined,
): Promise<readonly TreeDamage[]> {
  const path = tablePath(directory, meta.number);
  try {
    const report = await jobs.run(verifyJob, { path, number: meta.number, codec }, { signal });
    return damagesOf(report, meta, path);
  } catch (error) {
    signal?.throwIfAborted();
    return [damageOf(error, path, meta)];
  }
}

/** What a report says of a table that should be the one that the manifest names. */
export function damagesOf({ properties, damages }: TableReport, meta: TableMeta, path: string): readonly TreeDamage[] {
  const keys = { smallest: meta.smallest, largest: meta.largest };
  const found = damages.map((one) => ({ ...one, keys }));
  const differing = properties === null ? undefined : differenceTo(meta, properties);
  if (differing === undefined) return found;
  return [...found, { path, offset: 0, what: `it is not the table that the manifest names: ${differing}`, keys }];
}

const comparedNames = [
  'number',
  'entryCount',
  'tombstoneCount',
  'rangeTombstoneCount',
  'firstRevision',
  'lastRevision',
] as const;

function differenceTo(meta: TableMeta, properties: TableProperties): string | undefined {
  if (properties.fileBytes !== meta.bytes) return 'bytes';
  return comparedNames.find((name) => properties[name] !== meta[name]);
}

/**
 * Every group of a tree's journal; of one that is open (`journal`) up to where it is now. It ends at the first damage:
 * what is behind cannot be told from what is old.
 * @throws what is not damage.
 */
export async function verifyJournal(
  disk: Disk,
  directory: string,
  journal: ReadableJournal | null,
): Promise<readonly TreeDamage[]> {
  try {
    const read = journal ?? (await viewTreeJournal(disk, directory));
    for (let from = read.first; from < read.next;) {
      const batch = await read.reader(from).next(readBytes);
      if (batch.kind === 'end') break;
      from = journalPosition(batch.kind === 'trimmed' ? batch.first : batch.first + batch.entries.length);
    }
    return [];
  } catch (error) {
    return [damageOf(error, journalIn(directory).directory, null)];
  }
}

const readBytes = 1024 * 1024;
