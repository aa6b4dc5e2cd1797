/**
 * Writes that take effect together, encoded as they are made: what goes into the write-ahead log is what is applied.
 * For each: a byte for its kind, the length of the key as a varint, the key, and for all but a delete the length of the
 * value (of the range's end) and it.
 */
import { compareBytes, compareRanges } from '../bytes/compare.ts';
import { ByteReader, corrupt } from '../bytes/byte-reader.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { putVarint, readVarint, varintBytes } from '../bytes/varint.ts';
import { LockstepError } from '../kernel/errors.ts';
import { keyBytesMax, valueBytesMax } from './entry-cursor.ts';
import type { FoundVersion } from './found-version.ts';

/** The largest batch, in bytes as encoded. */
export const batchBytesMax: number = 16 * 1024 * 1024;

/** Up to this length a loop is faster than the engine's own copy. */
const loopBytesMax = 32;

const kinds = { put: 1, delete: 2, deleteRange: 3 } as const;

/** What a batch is applied to. Bytes are those of the batch. */
export interface BatchSink {
  put(bytes: Uint8Array, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void;
  delete(bytes: Uint8Array, keyStart: number, keyEnd: number): void;
  deleteRange(start: Uint8Array, end: Uint8Array): void;
}

export class WriteBatch {
  readonly #writer = new ByteWriter(batchBytesMax);
  #count = 0;

  /** How many writes it holds. */
  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#writer.length;
  }

  /**
   * @throws LockstepError `misuse` for a key of more than 4,096 bytes or a value of more than 8 MiB, `invalid` when the
   * batch would have more than 16 MiB; the batch is then as it was.
   */
  put(key: Uint8Array, value: Uint8Array): this {
    return this.putRange(key, key.length, value, value.length);
  }

  /** As `put`, of a key and a value that lie at the beginning of larger arrays. */
  putRange(key: Uint8Array, keyLength: number, value: Uint8Array, valueLength: number): this {
    checkKeyLength(keyLength);
    checkValueLength(valueLength);
    return this.#write(kinds.put, key, keyLength, value, valueLength);
  }

  /** A key that is not there may be deleted too. @throws as `put`. */
  delete(key: Uint8Array): this {
    checkKey(key);
    return this.#write(kinds.delete, key, key.length, null, 0);
  }

  /** All keys from `start` on and before `end`; of this batch those that were put before. @throws as `put`; `misuse` unless `start` is before `end`. */
  deleteRange(start: Uint8Array, end: Uint8Array): this {
    checkKey(start);
    checkKey(end);
    if (compareBytes(start, end) >= 0)
      throw new LockstepError('misuse', 'a range starts before it ends', { values: { startBytes: start.length } });
    return this.#write(kinds.deleteRange, start, start.length, end, end.length);
  }

  /**
   * What it does to the key at the beginning of `key`, by its last write that touches it: false if none does; else the
   * value, good until the next write, or that there is none any more. For few writes: it goes through all of them.
   */
  find(key: Uint8Array, keyLength: number, into: FoundVersion): boolean {
    return findIn(this.#writer.buffer, this.#writer.length, key, keyLength, into);
  }

  /** Empties it, to be filled anew. */
  clear(): this {
    this.#writer.clear();
    this.#count = 0;
    return this;
  }

  /** As encoded: good until the next write or `clear`. */
  view(): Uint8Array {
    return this.#writer.view();
  }

  #write(kind: number, key: Uint8Array, keyLength: number, value: Uint8Array | null, valueLength: number): this {
    const writer = this.#writer;
    writer.reserve(11 + keyLength + valueLength);
    const { buffer } = writer;
    buffer[writer.length] = kind;
    const keyAt = putVarint(buffer, writer.length + 1, keyLength);
    copyInto(buffer, keyAt, key, keyLength);
    let at = keyAt + keyLength;
    if (value !== null) {
      at = putVarint(buffer, at, valueLength);
      copyInto(buffer, at, value, valueLength);
      at += valueLength;
    }
    writer.advanceTo(at);
    this.#count++;
    return this;
  }
}

function copyInto(into: Uint8Array, at: number, from: Uint8Array, length: number): void {
  if (length <= loopBytesMax) for (let index = 0; index < length; index++) into[at + index] = from[index] as number;
  else into.set(length === from.length ? from : from.subarray(0, length), at);
}

/**
 * The batch that lies from `from` to `to`.
 * @throws LockstepError `corrupt` with the offset when these are not the bytes of a batch; what came before is applied.
 */
export function applyBatch(bytes: Uint8Array, sink: BatchSink, from = 0, to: number = bytes.length): void {
  let at = from;
  while (to - at >= 3 && bytes[at] === kinds.put) {
    // Most writes, by hand: short keys and values of up to 16,383 bytes.
    const keyLength = bytes[at + 1] as number;
    const keyStart = at + 2;
    const keyEnd = keyStart + keyLength;
    if (keyLength >= 0x80 || keyEnd + 2 > to) break;
    const [low, high] = [bytes[keyEnd] as number, bytes[keyEnd + 1] as number];
    const isShort = low < 0x80;
    if (!isShort && (high >= 0x80 || high === 0)) break;
    const valueStart = keyEnd + (isShort ? 1 : 2);
    const valueEnd = valueStart + (isShort ? low : (low & 0x7f) + high * 128);
    if (valueEnd > to) break;
    sink.put(bytes, keyStart, keyEnd, valueStart, valueEnd);
    at = valueEnd;
  }
  if (at < to) applyRest(bytes, sink, at, to);
}

function applyRest(bytes: Uint8Array, sink: BatchSink, from: number, to: number): void {
  const reader = new ByteReader(to === bytes.length ? bytes : bytes.subarray(0, to));
  reader.take(from);
  while (reader.remaining > 0) {
    const kind = reader.readByte();
    const keyLength = readVarint(reader);
    const keyStart = reader.take(keyLength);
    const keyEnd = keyStart + keyLength;
    if (kind === kinds.delete) {
      sink.delete(bytes, keyStart, keyEnd);
      continue;
    }
    const valueLength = readVarint(reader);
    const valueStart = reader.take(valueLength);
    if (kind === kinds.put) sink.put(bytes, keyStart, keyEnd, valueStart, valueStart + valueLength);
    else if (kind === kinds.deleteRange)
      sink.deleteRange(bytes.subarray(keyStart, keyEnd), bytes.subarray(valueStart, valueStart + valueLength));
    else throw corrupt('a batch holds a write of no known kind', keyStart, { kind });
  }
}

function findIn(bytes: Uint8Array, to: number, key: Uint8Array, keyLengthSought: number, into: FoundVersion): boolean {
  let isThere = false;
  for (let at = 0; at < to;) {
    const kind = bytes[at] as number;
    const keyLength = shortVarint(bytes, at + 1);
    const keyStart = at + 1 + varintBytes(keyLength);
    const keyEnd = keyStart + keyLength;
    if (kind === kinds.delete) {
      at = keyEnd;
      if (compareRanges(bytes, keyStart, keyEnd, key, 0, keyLengthSought) !== 0) continue;
      isThere = into.isDelete = true;
      continue;
    }
    const valueLength = shortVarint(bytes, keyEnd);
    const valueStart = keyEnd + varintBytes(valueLength);
    at = valueStart + valueLength;
    const order = compareRanges(bytes, keyStart, keyEnd, key, 0, keyLengthSought);
    if (kind === kinds.put && order === 0) {
      isThere = true;
      into.isDelete = false;
      into.bytes = bytes;
      into.start = valueStart;
      into.end = at;
    } else if (kind === kinds.deleteRange && order <= 0) {
      if (compareRanges(key, 0, keyLengthSought, bytes, valueStart, at) < 0) isThere = into.isDelete = true;
    }
  }
  return isThere;
}

/** Of up to four bytes: no key and no value is longer. */
function shortVarint(bytes: Uint8Array, at: number): number {
  const low = bytes[at] as number;
  if (low < 0x80) return low;
  let value = low & 0x7f;
  for (let shift = 7, next = at + 1; ; shift += 7, next++) {
    const byte = bytes[next] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

export const checkKey = (key: Uint8Array): void => checkKeyLength(key.length);

export function checkKeyLength(keyBytes: number): void {
  if (keyBytes <= keyBytesMax) return;
  throw new LockstepError('misuse', 'a key has more bytes than the limit', {
    values: { keyBytes, keyBytesMax },
    advice: ['keep what is long in the value, and a hash of it in the key'],
  });
}

function checkValueLength(valueBytes: number): void {
  if (valueBytes <= valueBytesMax) return;
  throw new LockstepError('misuse', 'a value has more bytes than the limit', {
    values: { valueBytes, valueBytesMax },
    advice: ['cut it into chunks under several keys'],
  });
}
