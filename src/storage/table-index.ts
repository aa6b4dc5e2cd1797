/**
 * Where the blocks of a table begin. For each block there is a separator, after every key of the blocks before it and
 * not after its own first: as short as possible. Where the versions of one key go on in the next block, the separator
 * is that key, and the first revision is beside it.
 *
 * In memory separators lie in one slab without what all of them begin with, and the first six bytes of the rest of
 * each are a number, so that a search touches numbers alone but for ties.
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { compareRanges } from '../bytes/compare.ts';
import { readVarint, writeVarint } from '../bytes/varint.ts';
import { copy } from './block-builder.ts';
import { keyBytesMax } from './entry-cursor.ts';
import { keyPrefix } from './key-order.ts';
import { tableBytesMax } from './table-format.ts';

/** Built while the table is: a block's separator at its first entry, its size at its end. */
export class IndexBuilder {
  readonly #writer = new ByteWriter(tableBytesMax, 4_096);
  #last: Uint8Array = new Uint8Array(0);
  blockCount = 0;

  /** `code` is that of the first revision where the key goes on from the block before, else -1. */
  beginBlock(separator: Uint8Array, code: number): void {
    const most = Math.min(separator.length, this.#last.length);
    let shared = 0;
    while (shared < most && separator[shared] === this.#last[shared]) shared++;
    writeVarint(this.#writer, shared);
    writeVarint(this.#writer, separator.length - shared);
    this.#writer.writeBytes(separator.subarray(shared));
    writeVarint(this.#writer, code + 1);
    this.#last = separator;
    this.blockCount++;
  }

  /** `bytes` as stored, with the seal. */
  endBlock(bytes: number): void {
    writeVarint(this.#writer, bytes);
  }

  get bytes(): number {
    return this.#writer.length;
  }

  encode(): Uint8Array {
    return this.#writer.copy();
  }
}

export class TableIndex {
  readonly blockCount: number;
  /** Where each block begins in the file, and where the last one ends. */
  readonly offsets: Uint32Array;
  readonly #prefix: Uint8Array;
  readonly #heads: Float64Array;
  readonly #keys: Uint8Array;
  /** Where each separator begins in `#keys`, and where the last one ends. */
  readonly #keyStarts: Uint32Array;
  /** Of the first revision of a block that goes on with a key; else -1. */
  readonly #codes: Float64Array | null;

  /**
   * What `IndexBuilder` encoded, of a table whose keys all begin with `prefix`.
   * @throws LockstepError `corrupt` when the bytes end too early.
   */
  constructor(bytes: Uint8Array, blockCount: number, prefix: Uint8Array) {
    this.blockCount = blockCount;
    this.#prefix = prefix;
    this.offsets = new Uint32Array(blockCount + 1);
    this.#heads = new Float64Array(blockCount);
    this.#keyStarts = new Uint32Array(blockCount + 1);
    const codes = new Float64Array(blockCount);
    const reader = new ByteReader(bytes);
    // No separator is longer than a key; damage is the checksum's business, a wrong writer ends with `corrupt`.
    const separator = new Uint8Array(keyBytesMax);
    let keys = new Uint8Array(bytes.length + keyBytesMax);
    for (let block = 0; block < blockCount; block++) {
      const shared = readVarint(reader);
      const unshared = readVarint(reader);
      copy(bytes, reader.take(unshared), reader.at, separator, shared);
      codes[block] = readVarint(reader) - 1;
      this.offsets[block + 1] = (this.offsets[block] as number) + readVarint(reader);
      const start = this.#keyStarts[block] as number;
      // The first separator is empty: nothing is before it.
      const rest = Math.max(0, shared + unshared - prefix.length);
      if (start + rest > keys.length) keys = grown(keys, start + rest);
      copy(separator, prefix.length, prefix.length + rest, keys, start);
      this.#keyStarts[block + 1] = start + rest;
      this.#heads[block] = keyPrefix(keys, start, start + rest);
    }
    this.#keys = keys.slice(0, this.#keyStarts[blockCount]);
    this.#codes = codes.some((code) => code >= 0) ? codes : null;
  }

  /** What it takes of memory. */
  get bytes(): number {
    return this.blockCount * 16 + this.#keys.length + (this.#codes === null ? 0 : this.blockCount * 8);
  }

  /** Whether a block begins with another version of the key that the one before it ends with. */
  continues(block: number): boolean {
    return this.#codes !== null && block < this.blockCount && (this.#codes[block] as number) >= 0;
  }

  /** The block in which, or right after which, the first entry not before the key with `code` is. */
  blockOf(key: Uint8Array, start: number, end: number, code: number): number {
    const block = this.#lastAtOrBefore(key, start, end);
    if (!this.#beginsAt(block, code) || this.compareSeparator(block, key, start, end) !== 0) return Math.max(0, block);
    return this.#stepBack(block, key, start, end, code);
  }

  /** Whether a block begins with a version, not above `code`, of a key that the block before already has. */
  #beginsAt(block: number, code: number): boolean {
    return this.continues(block) && ((this.#codes as Float64Array)[block] as number) <= code;
  }

  /** Of the blocks up to `block` that have this key, the one before the first that begins with a version not above `code`. */
  #stepBack(block: number, key: Uint8Array, start: number, end: number, code: number): number {
    let [low, high] = [0, block];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compareSeparator(middle, key, start, end) === 0 && this.#beginsAt(middle, code)) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }

  /** How the separator of a block stands to a key, as `compareBytes` says it. */
  compareSeparator(block: number, key: Uint8Array, start: number, end: number): number {
    if (block === 0) return end === start ? 0 : -1;
    const prefix = this.#prefix;
    const common = Math.min(end, start + prefix.length);
    const order = compareRanges(prefix, 0, prefix.length, key, start, common);
    return order !== 0 ? order : this.#compareRest(block, key, common, end);
  }

  #compareRest(block: number, key: Uint8Array, start: number, end: number): number {
    const [from, to] = [this.#keyStarts[block] as number, this.#keyStarts[block + 1] as number];
    return compareRanges(this.#keys, from, to, key, start, end);
  }

  /** The last block whose separator is not after the key; -1 if there is none. */
  #lastAtOrBefore(key: Uint8Array, start: number, end: number): number {
    const prefix = this.#prefix;
    const rest = start + prefix.length;
    for (let index = 0; index < prefix.length; index++) {
      if (start + index === end) return -1;
      const order = (prefix[index] as number) - (key[start + index] as number);
      if (order !== 0) return order < 0 ? this.blockCount - 1 : -1;
    }
    const heads = this.#heads;
    const head = keyPrefix(key, rest, end);
    let [low, high] = [0, this.blockCount];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = heads[middle] as number;
      if (other > head || (other === head && this.#compareRest(middle, key, rest, end) > 0)) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }
}

function grown(bytes: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(Math.max(needed, bytes.length * 2));
  next.set(bytes);
  return next;
}
