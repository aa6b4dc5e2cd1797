/**
 * Writes one table from entries in order, in slices, to a file that nobody reads yet. Pure work over a file: made to
 * run in a job's thread. Durability is the caller's: `file.sync()`, then the directory.
 */
import type { DiskFile } from '../env/disk.ts';
import { compareBytes } from '../bytes/compare.ts';
import { putUint32 } from '../bytes/little-endian.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { BlockBuilder, copy } from './block-builder.ts';
import type { BlockCodec } from './codec.ts';
import { keyBytesMax, valueBytesMax, type EntryCursor, type RangeTombstone } from './entry-cursor.ts';
import { checkBitsPerKey, Filter } from './filter.ts';
import { keyHash } from './key-hash.ts';
import {
  blockBytesDefault,
  blockBytesMax,
  blockBytesMin,
  compressed,
  encodeFooter,
  seal,
  sealBytes,
  stored,
  tableBytesMax,
  tableFormatVersion,
  type SealKind,
} from './table-format.ts';
import { IndexBuilder } from './table-index.ts';
import { encodeProperties, encodeRanges, type StoredProperties, type TableProperties } from './table-properties.ts';

export interface TableBuilderOptions {
  /** Of the table, as the manifest calls it: checksums rest on it. From 0 to 2^53 - 1. */
  readonly number: number;
  /** What a block takes in the file, from 512 to 65,536; larger ones compress better and cost more per read. Default 4,096. */
  readonly blockBytes?: number;
  /** 0: no filter. Default 10. */
  readonly filterBitsPerKey?: number;
  /**
   * No revision that is added and stored is below it; the nearer, the fewer bytes each takes. Default 0.
   */
  readonly revisionBase?: number;
  /**
   * Entries and range tombstones not above it are stored with revision 0: nobody reads below it. Then there is one such
   * entry of a key at most, and none that a range tombstone at or below the floor covers. Default -1: all keep theirs.
   */
  readonly floor?: number;
  /** Blocks that it makes smaller by at least an eighth are stored compressed. Default none. */
  readonly codec?: BlockCodec | null;
}

/** What is gathered before it is written. */
const sliceBytes = 256 * 1024;

export class TableBuilder {
  readonly #file: DiskFile;
  readonly #options: Required<TableBuilderOptions>;
  readonly #block: BlockBuilder;
  readonly #index = new IndexBuilder();
  readonly #ranges: RangeTombstone[] = [];
  #hashes = new Int32Array(1_024);
  /** The last key and, of its newest version, the code. */
  #key = new Uint8Array(256);
  #keyLength = 0;
  #code = Infinity;
  #smallestKey: Uint8Array | null = null;
  #keyCount = 0;
  #entryCount = 0;
  #tombstoneCount = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  #firstRevision = Infinity;
  #lastRevision = 0;
  #slice = new Uint8Array(sliceBytes);
  #sliceLength = 0;
  /** Where the slice goes in the file. */
  #written = 0;
  #finished = false;

  /** `file` is new and empty. @throws LockstepError `misuse` for options out of range. */
  constructor(file: DiskFile, options: TableBuilderOptions) {
    const { blockBytes = blockBytesDefault, filterBitsPerKey = 10, revisionBase = 0, floor = -1 } = options;
    if (!Number.isSafeInteger(blockBytes) || blockBytes < blockBytesMin || blockBytes > blockBytesMax)
      throw new LockstepError('misuse', 'a block has from 512 to 65,536 bytes', { values: { blockBytes } });
    checkBitsPerKey(filterBitsPerKey);
    this.#file = file;
    const { number, codec = null } = options;
    this.#options = { number, blockBytes, filterBitsPerKey, revisionBase, floor, codec };
    this.#block = new BlockBuilder(blockBytes);
  }

  /** Of the data blocks so far; filter and index come on top. To end a table at a size. */
  get dataBytes(): number {
    return this.#offset;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  get isEmpty(): boolean {
    return this.#entryCount === 0 && this.#ranges.length === 0;
  }

  /** Adds the entry that the cursor stands on; it comes after all before it. @throws what writing a file throws. */
  add(entry: EntryCursor): void {
    const { keyBytes, keyStart, keyEnd, valueStart, valueEnd, isDelete, revision } = entry;
    const length = keyEnd - keyStart;
    assert(length <= keyBytesMax && valueEnd - valueStart <= valueBytesMax, 'keys and values are within the limits');
    const code = this.#codeOf(revision);
    const shared = this.#sharedWithLast(keyBytes, keyStart, keyEnd);
    const isSameKey = shared === length && length === this.#keyLength && this.#entryCount > 0;
    assert(
      isSameKey ? code < this.#code : this.#isAfterLast(keyBytes, keyStart, keyEnd, shared),
      'entries are in order',
    );
    if (this.#block.isEmpty) this.#beginBlock(keyBytes, keyStart, keyEnd, shared, isSameKey ? code : -1);
    if (!this.#addToBlock(entry, shared, isSameKey, code)) {
      this.#endBlock();
      this.#beginBlock(keyBytes, keyStart, keyEnd, shared, isSameKey ? code : -1);
      this.#addToBlock(entry, shared, isSameKey, code);
    }
    if (!isSameKey) this.#countKey(keyBytes, keyStart, keyEnd, shared);
    this.#code = code;
    this.#entryCount++;
    if (isDelete) this.#tombstoneCount++;
    this.#keyBytes += length;
    this.#valueBytes += valueEnd - valueStart;
    this.#countRevision(revision);
  }

  /** In any order, any time before the end. */
  addRangeTombstone(range: RangeTombstone): void {
    assert(compareBytes(range.start, range.end) < 0, 'a range is not empty');
    this.#ranges.push({ ...range, revision: range.revision <= this.#options.floor ? 0 : range.revision });
    this.#countRevision(range.revision);
  }

  /** Writes what is left. The file is complete, and not yet durable. @throws what writing a file throws. */
  finish(): TableProperties {
    assert(!this.isEmpty && !this.#finished, 'a table with something in it is finished once');
    this.#finished = true;
    if (!this.#block.isEmpty) this.#endBlock();
    const dataBytes = this.#offset;
    const properties = this.#properties();
    const { filterBitsPerKey, number } = this.#options;
    const hashes = this.#hashes.subarray(0, this.#keyCount);
    const hasFilter = filterBitsPerKey > 0 && hashes.length > 0;
    const filterBytes = this.#part(hasFilter ? Filter.of(hashes, filterBitsPerKey).encode() : new Uint8Array(0));
    const indexBytes = this.#part(this.#index.encode());
    const rangesBytes = this.#part(encodeRanges(sorted(this.#ranges)));
    const propertiesBytes = this.#part(encodeProperties(properties));
    this.#write(encodeFooter({ number, dataBytes, filterBytes, indexBytes, rangesBytes, propertiesBytes }));
    this.#flush();
    return { ...properties, formatVersion: tableFormatVersion, number, dataBytes, fileBytes: this.#written };
  }

  get #offset(): number {
    return this.#written + this.#sliceLength;
  }

  #codeOf(revision: number): number {
    const { floor, revisionBase } = this.#options;
    if (revision <= floor) return 0;
    assert(revision >= revisionBase, 'no revision is below the base');
    return revision - revisionBase + 1;
  }

  #sharedWithLast(key: Uint8Array, start: number, end: number): number {
    const last = this.#key;
    const most = Math.min(end - start, this.#keyLength);
    let shared = 0;
    while (shared < most && last[shared] === key[start + shared]) shared++;
    return shared;
  }

  #isAfterLast(key: Uint8Array, start: number, end: number, shared: number): boolean {
    if (this.#entryCount === 0) return true;
    if (shared === this.#keyLength) return end - start > shared;
    return shared < end - start && (key[start + shared] as number) > (this.#key[shared] as number);
  }

  #addToBlock(entry: EntryCursor, shared: number, isSameKey: boolean, code: number): boolean {
    const { keyBytes, keyStart, keyEnd, isDelete, valueBytes, valueStart, valueEnd } = entry;
    const block = this.#block;
    return block.add(keyBytes, keyStart, keyEnd, shared, isSameKey, code, isDelete, valueBytes, valueStart, valueEnd);
  }

  #beginBlock(key: Uint8Array, start: number, end: number, shared: number, code: number): void {
    // One byte more than the two keys share is after the last one and not after this one.
    const length = this.#entryCount === 0 ? 0 : code >= 0 ? end - start : shared + 1;
    this.#index.beginBlock(key.slice(start, start + length), code);
  }

  #endBlock(): void {
    const { codec } = this.#options;
    const length = this.#block.finish();
    const packed = codec === null ? null : packedBy(codec, this.#block.bytes.subarray(0, length));
    const before = this.#offset;
    if (packed === null) this.#writeSealed(this.#block.bytes, length, stored);
    else this.#writeSealed(packed, packed.length - sealBytes, compressed);
    this.#index.endBlock(this.#offset - before);
    this.#block.clear();
  }

  #countKey(key: Uint8Array, start: number, end: number, shared: number): void {
    const length = end - start;
    if (this.#keyCount === 0) this.#smallestKey = key.slice(start, end);
    if (length > this.#key.length) {
      const grown = new Uint8Array(Math.max(length, this.#key.length * 2));
      grown.set(this.#key);
      this.#key = grown;
    }
    copy(key, start + shared, end, this.#key, shared);
    this.#keyLength = length;
    if (this.#keyCount === this.#hashes.length) {
      const grown = new Int32Array(this.#keyCount * 2);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    this.#hashes[this.#keyCount++] = keyHash(key, start, end);
  }

  #countRevision(revision: number): void {
    if (revision < this.#firstRevision) this.#firstRevision = revision;
    if (revision > this.#lastRevision) this.#lastRevision = revision;
  }

  #properties(): StoredProperties {
    const { floor, filterBitsPerKey, codec, revisionBase } = this.#options;
    const ranges = this.#ranges;
    const starts = ranges.map(({ start }) => start).toSorted(compareBytes);
    const ends = ranges.map(({ end }) => end).toSorted(compareBytes);
    return {
      blockCount: this.#index.blockCount,
      entryCount: this.#entryCount,
      keyCount: this.#keyCount,
      tombstoneCount: this.#tombstoneCount,
      rangeTombstoneCount: ranges.length,
      smallestKey: this.#smallestKey,
      largestKey: this.#entryCount === 0 ? null : this.#key.slice(0, this.#keyLength),
      rangeStart: starts[0] ?? null,
      rangeEnd: ends.at(-1) ?? null,
      firstRevision: this.#firstRevision,
      lastRevision: this.#lastRevision,
      floor,
      keyBytes: this.#keyBytes,
      valueBytes: this.#valueBytes,
      filterBitsPerKey,
      codec: codec?.name ?? null,
      revisionBase,
    };
  }

  /** Writes a part with its seal; how many bytes it takes. */
  #part(bytes: Uint8Array): number {
    const withSeal = new Uint8Array(bytes.length + sealBytes);
    withSeal.set(bytes);
    this.#writeSealed(withSeal, bytes.length, stored);
    return withSeal.length;
  }

  /** `bytes` has room for a seal behind `length`. */
  #writeSealed(bytes: Uint8Array, length: number, kind: SealKind): void {
    seal(bytes, 0, length, kind, this.#options.number, this.#offset);
    this.#write(bytes.subarray(0, length + sealBytes));
  }

  #write(bytes: Uint8Array): void {
    assert(this.#offset + bytes.length <= tableBytesMax, 'a table is smaller than 4 GiB');
    if (this.#sliceLength + bytes.length > sliceBytes) this.#flush();
    if (bytes.length > sliceBytes) {
      this.#file.write(bytes, this.#written);
      this.#written += bytes.length;
      return;
    }
    this.#slice.set(bytes, this.#sliceLength);
    this.#sliceLength += bytes.length;
  }

  #flush(): void {
    if (this.#sliceLength === 0) return;
    this.#file.write(this.#slice.subarray(0, this.#sliceLength), this.#written);
    this.#written += this.#sliceLength;
    this.#sliceLength = 0;
  }
}

/** The block's size and what the codec made of it, with room for a seal; null where that gains less than an eighth. */
function packedBy(codec: BlockCodec, raw: Uint8Array): Uint8Array | null {
  const packed = codec.compress(raw);
  if (packed.length + 4 > raw.length - raw.length / 8) return null;
  const bytes = new Uint8Array(4 + packed.length + sealBytes);
  putUint32(bytes, 0, raw.length);
  bytes.set(packed, 4);
  return bytes;
}

/** By start; of one start, newest first. */
const sorted = (ranges: readonly RangeTombstone[]): readonly RangeTombstone[] =>
  ranges.toSorted((a, b) => compareBytes(a.start, b.start) || b.revision - a.revision);
