/**
 * Which tables make up the tree, on which level, and up to where it covers the log: one small file, replaced as a
 * whole. A new one is written beside it, synced and renamed over it, so that after a crash there is the old or the new.
 */
import { ByteReader, corrupt } from '../bytes/byte-reader.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { crc32c } from '../bytes/crc32c.ts';
import { readVarint, writeVarint } from '../bytes/varint.ts';
import type { Disk, DiskFile } from '../env/disk.ts';
import { syncUpwards } from '../env/path.ts';
import { LockstepError } from '../kernel/errors.ts';

/** What the tree knows of a table without opening it. */
export interface TableMeta {
  /** Its name, and the seed of its checksums. Never used twice. */
  readonly number: number;
  /** Of the file. */
  readonly bytes: number;
  /** The first and the last key that it says anything about, those that its range tombstones begin and end with included. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly entryCount: number;
  readonly tombstoneCount: number;
  readonly rangeTombstoneCount: number;
  readonly firstRevision: number;
  readonly lastRevision: number;
}

export interface Manifest {
  /** The next table's number, and so above that of every table that ever was. */
  readonly nextNumber: number;
  /** Everything up to this revision is in the tables, nothing above it. -1 for an empty tree. */
  readonly flushedRevision: number;
  /** What whoever owns the log said of that revision: where its record is. */
  readonly flushedPosition: number;
  /** Below this revision versions may be gone. */
  readonly floor: number;
  /** By level. Level 0: newest first, may overlap. Others: in order of keys, disjoint. */
  readonly levels: readonly (readonly TableMeta[])[];
}

export const emptyManifest: Manifest = Object.freeze({
  nextNumber: 1,
  flushedRevision: -1,
  flushedPosition: 0,
  floor: 0,
  levels: [],
});

const formatVersion = 1;
const magic: readonly number[] = [...'LKSTTREE'].map((letter) => letter.charCodeAt(0));
const headerBytes = 16;
export const manifestBytesMax: number = 256 * 1024 * 1024;

export const manifestName = 'manifest';
export const draftName = 'manifest.new';

/** Null when the directory has none. @throws LockstepError `invalid` for another format, `corrupt` for damage. */
export function readManifest(disk: Disk, directory: string): Manifest | null {
  if (disk.list(directory) === null) return null;
  const path = `${directory}/${manifestName}`;
  const file = disk.open(path, 'read');
  if (file === null) return null;
  try {
    return decodeManifest(contentOf(file), path);
  } finally {
    file.close();
  }
}

/** Resolves once a crash can no longer bring the old one back. After a failure either may be there. */
export async function writeManifest(disk: Disk, directory: string, manifest: Manifest): Promise<void> {
  const draft = `${directory}/${draftName}`;
  await disk.remove(draft);
  const file = disk.open(draft, 'create');
  if (file === null) throw new LockstepError('in-use', 'another process writes here', { values: { path: draft } });
  try {
    file.write(encodeManifest(manifest), 0);
    await file.sync();
  } finally {
    file.close();
  }
  disk.rename(draft, `${directory}/${manifestName}`);
  await disk.syncDirectory(directory);
}

/**
 * What `readManifest` found may be a name that a crash or a failed sync left in memory alone: before anything that it
 * does not name goes, it is to stay, and so are the directory's own name and those above it.
 */
export const settleManifest = (disk: Disk, directory: string): Promise<void> => syncUpwards(disk, directory);

export function encodeManifest(manifest: Manifest): Uint8Array {
  const writer = new ByteWriter(manifestBytesMax, 4_096);
  writer.writeBytes(Uint8Array.from(magic));
  writer.writeUint32(formatVersion);
  writer.writeUint32(0); // the checksum, at the end
  writeVarint(writer, manifest.nextNumber);
  writeVarint(writer, manifest.flushedRevision + 1);
  writeVarint(writer, manifest.flushedPosition);
  writeVarint(writer, manifest.floor);
  writeVarint(writer, manifest.levels.length);
  for (const level of manifest.levels) {
    writeVarint(writer, level.length);
    for (const table of level) writeTable(writer, table);
  }
  const bytes = writer.copy();
  new DataView(bytes.buffer).setUint32(12, crc32c(bytes, headerBytes, bytes.length), true);
  return bytes;
}

/** @throws LockstepError `invalid` for another version of the format, `corrupt` with the path and the offset. */
export function decodeManifest(bytes: Uint8Array, path: string): Manifest {
  const reader = new ByteReader(bytes);
  try {
    if (!magic.every((byte) => reader.readByte() === byte)) throw corrupt('this is no manifest of a tree', 0);
    const version = reader.readUint32();
    if (version !== formatVersion) throw otherFormat(path, version);
    if (reader.readUint32() !== crc32c(bytes, headerBytes, bytes.length))
      throw corrupt('the manifest does not have the checksum that it says', 12);
    const [nextNumber, flushed, flushedPosition] = [readVarint(reader), readVarint(reader), readVarint(reader)];
    const floor = readVarint(reader);
    const levels = Array.from({ length: readVarint(reader) }, () =>
      Array.from({ length: readVarint(reader) }, () => readTable(reader)),
    );
    return { nextNumber, flushedRevision: flushed - 1, flushedPosition, floor, levels };
  } catch (error) {
    if (!(error instanceof LockstepError) || error.kind !== 'corrupt') throw error;
    throw new LockstepError('corrupt', 'the manifest of a tree is damaged', {
      values: { path, ...error.values },
      cause: error,
      advice: ['restore the directory from a checkpoint or a replica'],
    });
  }
}

function writeTable(writer: ByteWriter, table: TableMeta): void {
  writeVarint(writer, table.number);
  writeVarint(writer, table.bytes);
  writeKey(writer, table.smallest);
  writeKey(writer, table.largest);
  writeVarint(writer, table.entryCount);
  writeVarint(writer, table.tombstoneCount);
  writeVarint(writer, table.rangeTombstoneCount);
  writeVarint(writer, table.firstRevision);
  writeVarint(writer, table.lastRevision);
}

const readTable = (reader: ByteReader): TableMeta => ({
  number: readVarint(reader),
  bytes: readVarint(reader),
  smallest: readKey(reader),
  largest: readKey(reader),
  entryCount: readVarint(reader),
  tombstoneCount: readVarint(reader),
  rangeTombstoneCount: readVarint(reader),
  firstRevision: readVarint(reader),
  lastRevision: readVarint(reader),
});

function writeKey(writer: ByteWriter, key: Uint8Array): void {
  writeVarint(writer, key.length);
  writer.writeBytes(key);
}

const readKey = (reader: ByteReader): Uint8Array => reader.readBytes(readVarint(reader)).slice();

function contentOf(file: DiskFile): Uint8Array {
  const bytes = new Uint8Array(file.size());
  const count = file.read(bytes, 0);
  return count === bytes.length ? bytes : bytes.slice(0, count);
}

const otherFormat = (path: string, version: number): LockstepError =>
  new LockstepError('invalid', 'the tree has another format', {
    values: { path, version, supported: formatVersion },
    advice: ['open it with the version of the program that wrote it'],
  });
