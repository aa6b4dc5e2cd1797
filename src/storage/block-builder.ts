/**
 * A data block. What all of its keys begin with is stored once; each entry can be read by itself, so that a search
 * looks at one or two of them and a walk goes backward as fast as forward.
 *
 *     entries   2 * key length, or 2 * n + 1: the key is that of the nth entry before; value length + 1 (0: a
 *               tombstone); revision: varints; the key without the prefix; the value
 *     prefix    of all keys
 *     heads     of each entry, the first two bytes of its key behind the prefix, zeros where there are none
 *     offsets   of each entry, 16 bits
 *     prefix length, count of entries: 16 bits each
 *
 * A revision is 0 where it is at or below the table's floor, else one more than its distance from the table's base.
 * LevelDB's format (each key against the one before, a restart point every 16) is two bytes an entry smaller for
 * random keys; it was measured, and needs twice as many cache lines for a find and four times as long to walk backward.
 */
import { putVarint } from '../bytes/varint.ts';
import { sealBytes } from './table-format.ts';

/** Length of a key or a distance, length of a value, a revision. */
const varintBytes = 3 + 4 + 8;
/** What an entry takes in heads and offsets, and what a block takes for its two numbers. */
const placeBytes = 4;
const numbersBytes = 4;
/** Below this a loop is faster than `set` with the view that it needs. */
const loopBytesMax = 48;
const bytesKeptMax = 1024 * 1024;

export class BlockBuilder {
  readonly #bytesMax: number;
  /** Entries with whole keys until `finish`. Room for one seal is left behind what was written. */
  bytes: Uint8Array;
  #length = 0;
  /** Where each entry begins, and where its key does; the same: it has none. */
  readonly #starts: Uint32Array;
  readonly #keyStarts: Uint32Array;
  #count = 0;
  /** Entries that have a key. */
  #keyCount = 0;
  #prefixLength = 0;
  /** The last entry that has one. */
  #owner = 0;

  /** `bytesMax` is the most that a block takes in the file, unless one entry alone takes more. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.bytes = new Uint8Array(bytesMax * 2);
    // An entry takes at least three bytes and its place.
    this.#starts = new Uint32Array(Math.ceil(bytesMax / 7) + 1);
    this.#keyStarts = new Uint32Array(this.#starts.length);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /**
   * Adds an entry whose key shares its first `shared` bytes with the one before; `isSameKey`: it is that key. False:
   * the block is full without it, and nothing was added.
   */
  add(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    shared: number,
    isSameKey: boolean,
    code: number,
    isDelete: boolean,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const isFirst = this.#count === 0;
    const hasKey = isFirst || !isSameKey;
    const keyBytes = hasKey ? keyEnd - keyStart : 0;
    const valueBytes = valueEnd - valueStart;
    const start = this.#length;
    if (!isFirst && start + keyBytes + valueBytes > this.#bytesMax + this.#keyCount * this.#prefixLength) return false;
    this.#reserve(start + varintBytes + keyBytes + valueBytes);
    const { bytes } = this;
    let at = putVarint(bytes, start, hasKey ? keyBytes * 2 : (this.#count - this.#owner) * 2 + 1);
    at = putVarint(bytes, at, isDelete ? 0 : valueBytes + 1);
    at = putVarint(bytes, at, code);
    const end = at + keyBytes + valueBytes;
    const prefixLength = isFirst ? keyBytes : Math.min(this.#prefixLength, shared);
    const keyCount = this.#keyCount + (hasKey ? 1 : 0);
    if (!isFirst && sizeOf(end, prefixLength, keyCount, this.#count + 1) + sealBytes > this.#bytesMax) return false;
    copy(key, keyStart, keyStart + keyBytes, bytes, at);
    copy(value, valueStart, valueEnd, bytes, at + keyBytes);
    this.#starts[this.#count] = start;
    this.#keyStarts[this.#count] = hasKey ? at : start;
    if (hasKey) this.#owner = this.#count;
    this.#length = end;
    this.#count++;
    this.#keyCount = keyCount;
    this.#prefixLength = prefixLength;
    return true;
  }

  /** Ends the block: it is `bytes` up to what is returned, until `clear`. */
  finish(): number {
    const [count, prefixLength] = [this.#count, this.#prefixLength];
    this.#reserve(this.#length + prefixLength + count * placeBytes + numbersBytes);
    const { bytes } = this;
    const first = this.#keyStarts[0] as number;
    const prefix = bytes.slice(first, first + prefixLength);
    const heads = new Uint16Array(count);
    let length = 0;
    for (let index = 0; index < count; index++) {
      const [start, keyStart] = [this.#starts[index] as number, this.#keyStarts[index] as number];
      const end = index + 1 < count ? (this.#starts[index + 1] as number) : this.#length;
      const offset = length;
      if (keyStart === start) {
        if (length < start) bytes.copyWithin(length, start, end);
        length += end - start;
        heads[index] = heads[index - 1] as number;
      } else {
        const rest = keyStart + prefixLength;
        const lower = bytes[start] as number;
        const twice = lower < 0x80 ? lower : (lower & 0x7f) + (bytes[start + 1] as number) * 128;
        heads[index] = headOf(bytes, rest, keyStart + twice / 2);
        for (let at = start; at < keyStart; at++) bytes[length++] = bytes[at] as number;
        if (length < rest) bytes.copyWithin(length, rest, end);
        length += end - rest;
      }
      this.#starts[index] = offset;
    }
    bytes.set(prefix, length);
    return this.#finishPlaces(length + prefixLength, heads);
  }

  #finishPlaces(from: number, heads: Uint16Array): number {
    const { bytes } = this;
    const count = this.#count;
    let at = from;
    for (let index = 0; index < count; index++) at = putUint16(bytes, at, heads[index] as number);
    for (let index = 0; index < count; index++) at = putUint16(bytes, at, this.#starts[index] as number);
    return putUint16(bytes, putUint16(bytes, at, this.#prefixLength), count);
  }

  clear(): void {
    this.#length = 0;
    this.#count = 0;
    this.#keyCount = 0;
    if (this.bytes.length > bytesKeptMax) this.bytes = new Uint8Array(this.#bytesMax * 2);
  }

  #reserve(needed: number): void {
    if (needed + sealBytes <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed + sealBytes, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.#length));
    this.bytes = grown;
  }
}

/** Of a block, when the prefix is taken off `keyCount` keys and stored once. */
const sizeOf = (entryBytes: number, prefixLength: number, keyCount: number, count: number): number =>
  entryBytes - (keyCount - 1) * prefixLength + count * placeBytes + numbersBytes;

function putUint16(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  return at + 2;
}

/** The first two bytes as a number that orders keys, but for ties. */
export function headOf(bytes: Uint8Array, start: number, end: number): number {
  const first = start < end ? (bytes[start] as number) : 0;
  return (first << 8) | (start + 1 < end ? (bytes[start + 1] as number) : 0);
}

/** Copies `from`, from `start` to `end`, to `at` of `into`. */
export function copy(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
  if (end - start > loopBytesMax) {
    into.set(from.subarray(start, end), at);
    return;
  }
  for (let index = start, to = at; index < end; index++, to++) into[to] = from[index] as number;
}
