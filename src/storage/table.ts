/**
 * An open table (SSTable): immutable, in order, read by key or walked. Index, filter and properties are in memory from
 * the opening on, about 2 MB for a million short keys; data blocks are read when they are needed, through a cache.
 */
import type { Disk, DiskFile } from '../env/disk.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { BlockCache } from './block-cache.ts';
import { BlockReader } from './block.ts';
import type { BlockCodec } from './codec.ts';
import type { EntryCursor } from './entry-cursor.ts';
import { Filter } from './filter.ts';
import type { FoundVersion } from './found-version.ts';
import { RangeTombstones } from './range-tombstones.ts';
import { BlockWindow, CopiedBlocks, TableBlocks } from './table-blocks.ts';
import { TableCursor } from './table-cursor.ts';
import { damage, decodeFooter, footerBytes, isIntact, sealBytes, type Footer } from './table-format.ts';
import { TableIndex } from './table-index.ts';
import { decodeProperties, decodeRanges, type TableProperties } from './table-properties.ts';

export interface TableOptions {
  /** Under which the table was built; another table's file is `corrupt`. */
  readonly number: number;
  /** Null: every block is read anew. For who only sweeps. */
  readonly cache: BlockCache | null;
  /** Those that the table may have been compressed by. Default: none. */
  readonly codecs?: readonly BlockCodec[];
}

const sweepBytesDefault = 256 * 1024;

export class Table {
  readonly path: string;
  readonly properties: TableProperties;
  readonly rangeTombstones: RangeTombstones;
  readonly #filter: Filter | null;
  readonly #index: TableIndex;
  readonly #blocks: TableBlocks;
  readonly #reader = new BlockReader();

  /** Use `openTable`. */
  constructor(file: DiskFile, parts: TableParts, { cache, codecs = [] }: TableOptions) {
    this.path = file.path;
    this.properties = parts.properties;
    this.rangeTombstones = parts.rangeTombstones;
    this.#filter = parts.filter;
    this.#index = parts.index;
    const { codec, number } = parts.properties;
    const found = codecs.find(({ name }) => name === codec) ?? null;
    if (codec !== null && found === null)
      throw new LockstepError('invalid', 'a table was compressed by a codec that was not given', {
        values: { path: file.path, codec },
        advice: ['open the tree with the codec that it was written with'],
      });
    this.#blocks = new TableBlocks(file, number, parts.index.offsets, found, cache);
  }

  /** What it keeps in memory besides cached blocks. */
  get bytesInMemory(): number {
    return this.#index.bytes + (this.#filter?.bytes ?? 0);
  }

  get index(): TableIndex {
    return this.#index;
  }

  get filter(): Filter | null {
    return this.#filter;
  }

  get blocks(): TableBlocks {
    return this.#blocks;
  }

  /**
   * The newest version of the key that is not above `revision`; `hash` is the key's (`keyHash`). What it found is good
   * until the next use of the cache. Says nothing of range tombstones.
   * @throws LockstepError `corrupt` with path and offset for damage; what reading a file throws.
   */
  find(key: Uint8Array, start: number, end: number, hash: number, revision: number, into: FoundVersion): boolean {
    if (this.#filter !== null && !this.#filter.mayHave(hash)) return false;
    const [index, reader] = [this.#index, this.#reader];
    if (index.blockCount === 0) return false;
    const base = this.properties.revisionBase;
    const code = revision < base ? 0 : revision - base + 1;
    const block = index.blockOf(key, start, end, code);
    this.#blocks.open(block, reader);
    if (!reader.seek(key, start, end, code)) {
      // The next version may be the first entry of the next block.
      if (!reader.isAtEnd || !index.continues(block + 1)) return false;
      if (index.compareSeparator(block + 1, key, start, end) !== 0) return false;
      this.#blocks.open(block + 1, reader);
      reader.moveTo(0);
    }
    into.revision = reader.code === 0 ? 0 : reader.code - 1 + base;
    into.isDelete = reader.isDelete;
    into.bytes = reader.bytes;
    into.start = reader.valueStart;
    into.end = reader.valueEnd;
    return true;
  }

  /** The block to load before `find` can answer from memory; -1 if there is none, or it is there. For `load`. */
  coldBlock(key: Uint8Array, start: number, end: number, hash: number, revision: number): number {
    if (this.#index.blockCount === 0 || this.#filter?.mayHave(hash) === false) return -1;
    const base = this.properties.revisionBase;
    const block = this.#index.blockOf(key, start, end, revision < base ? 0 : revision - base + 1);
    return this.#blocks.isCached(block) ? -1 : block;
  }

  /** Loads a block into the cache without blocking this thread. @throws as `find`. */
  load(block: number): Promise<void> {
    return this.#blocks.load(block);
  }

  /** By way of the cache. */
  cursor(): EntryCursor {
    return new TableCursor(this.#index, new CopiedBlocks(this.#blocks), this.properties.revisionBase);
  }

  /** Past the cache, `windowBytes` in one read: for compaction, and whoever reads all of it once. */
  sweep(windowBytes: number = sweepBytesDefault): EntryCursor {
    return new TableCursor(this.#index, new BlockWindow(this.#blocks, windowBytes), this.properties.revisionBase);
  }

  /** Gives back the file and what is cached. Cursors on it must not be used any more; a second close is harmless. */
  close(): void {
    this.#blocks.close();
  }
}

/** What is read at the opening. */
export interface TableParts {
  readonly properties: TableProperties;
  readonly rangeTombstones: RangeTombstones;
  readonly filter: Filter | null;
  readonly index: TableIndex;
}

/**
 * Opens a table that is complete. All but its data blocks is read, without blocking this thread, and checked.
 * @throws LockstepError `corrupt` with path and offset for a missing, cut off, damaged or foreign file; `invalid` for
 * another version of the format or a codec that was not given; what reading a file throws.
 */
export async function openTable(disk: Disk, path: string, options: TableOptions): Promise<Table> {
  const file = disk.open(path, 'read');
  if (file === null) throw damage(path, 0, 'the file of a table is missing');
  try {
    return new Table(file, await readParts(file, options.number), options);
  } catch (error) {
    file.close();
    throw error;
  }
}

async function readParts(file: DiskFile, number: number): Promise<TableParts> {
  const size = file.size();
  const end = await loadAll(file, Math.max(0, size - footerBytes), Math.min(size, footerBytes));
  const footer = decodeFooter(end, file.path, size, number);
  const bytes = await loadAll(file, footer.dataBytes, size - footerBytes - footer.dataBytes);
  try {
    return decodeParts(file.path, bytes, footer, size);
  } catch (error) {
    if (!isLockstepError(error, 'corrupt') || 'path' in error.values) throw error;
    throw damage(file.path, footer.dataBytes, 'a part of a table is not what was written', error);
  }
}

function decodeParts(path: string, bytes: Uint8Array, footer: Footer, fileBytes: number): TableParts {
  let at = 0;
  const part = (count: number, what: string): Uint8Array => {
    const [start, end, offset] = [at, at + count, footer.dataBytes + at];
    at = end;
    if (!isIntact(bytes, start, end, footer.number, offset)) throw damage(path, offset, `a table's ${what} is damaged`);
    return bytes.subarray(start, end - sealBytes);
  };
  const filterPart = part(footer.filterBytes, 'filter');
  const filter = filterPart.length === 0 ? null : Filter.decode(filterPart);
  const indexPart = part(footer.indexBytes, 'index');
  const rangeTombstones = new RangeTombstones(decodeRanges(part(footer.rangesBytes, 'list of range tombstones')));
  const { number, dataBytes } = footer;
  const properties = decodeProperties(part(footer.propertiesBytes, 'part of properties'), {
    number,
    dataBytes,
    fileBytes,
  });
  const { smallestKey, largestKey, blockCount } = properties;
  const index = new TableIndex(indexPart, blockCount, commonPrefix(smallestKey ?? none, largestKey ?? none));
  if (index.offsets[blockCount] !== dataBytes || (filter === null && filterPart.length > 0))
    throw damage(path, dataBytes, 'parts of a table do not fit each other');
  return { properties, rangeTombstones, filter, index };
}

async function loadAll(file: DiskFile, offset: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  if ((await file.load(bytes, offset)) !== count) throw damage(file.path, offset, 'a table ends while it is read');
  return bytes;
}

function commonPrefix(a: Uint8Array, b: Uint8Array): Uint8Array {
  const most = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < most && a[shared] === b[shared]) shared++;
  return a.subarray(0, shared);
}

const none = new Uint8Array(0);
