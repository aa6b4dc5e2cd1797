/**
 * The payload of a record: transactions that were committed together.
 *
 *     format byte, 1
 *     level          varint: which versions of the product may read it
 *     floor          varint: below this revision versions may go
 *     for each transaction, as many as the record counts revisions:
 *       time         varint: of the first as it is, of each other how much later than the one before, at least 1
 *       length       varint: of the batch, twice; and one more when before-images follow
 *       batch        its writes, as a `WriteBatch` encodes them
 *       images       if they follow, a varint, their length, and another batch: what would put back, of the keys that are
 *                    captured, what they were before the transaction. Who applies the payload passes it over.
 */
import { ByteReader, corrupt } from '../bytes/byte-reader.ts';
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { readVarint, varintBytes, varintBytesMax, writeVarint } from '../bytes/varint.ts';
import { hybridTimestamp, type HybridTimestamp } from '../clock/timestamp.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';

const formatVersion = 1;
/** In force where none was ever raised. */
export const firstLevel = 1;
/** The newest level that this version reads and writes. */
export const formatLevel = 1;
const headBytesMax = 1 + 2 * varintBytesMax;
const perTransactionBytesMax = 2 * varintBytesMax;

/** How much a transaction of so many bytes, with such before-images, adds to a payload, at most. */
export const bytesOfTransaction = (batchBytes: number, imageBytes = 0): number =>
  perTransactionBytesMax + batchBytes + (imageBytes === 0 ? 0 : varintBytesMax + imageBytes);

/** A payload that grows by one transaction at a time. */
export class GroupPayload {
  readonly #writer: ByteWriter;
  #count = 0;
  #last: HybridTimestamp | null = null;

  /** It holds as much as the writer, which is empty and this payload's alone; floor and level are those of when it begins. */
  constructor(writer: ByteWriter, floor: number, level: number = firstLevel) {
    this.#writer = writer;
    this.#writer.writeByte(formatVersion);
    writeVarint(this.#writer, level);
    writeVarint(this.#writer, floor);
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#writer.length;
  }

  /** Times grow; null: nothing is captured. @throws LockstepError `invalid` when it is over the limit; it is then as it was. */
  add(time: HybridTimestamp, batch: Uint8Array, images: Uint8Array | null = null): void {
    assert(this.#last === null || time > this.#last, 'times grow within a record');
    const step = time - (this.#last ?? 0);
    const length = batch.length * 2 + (images === null ? 0 : 1);
    const imageBytes = images === null ? 0 : varintBytes(images.length) + images.length;
    this.#writer.reserve(varintBytes(step) + varintBytes(length) + batch.length + imageBytes);
    writeVarint(this.#writer, step);
    writeVarint(this.#writer, length);
    this.#writer.writeBytes(batch);
    if (images !== null) {
      writeVarint(this.#writer, images.length);
      this.#writer.writeBytes(images);
    }
    this.#last = time;
    this.#count++;
  }

  /** Good until the next `add`. */
  view(): Uint8Array {
    return this.#writer.view();
  }
}

/** Whether a transaction that adds so much (`bytesOfTransaction`) fits a payload of so many bytes when it is alone. */
export const fitsAlone = (transactionBytes: number, bytesMax: number): boolean =>
  headBytesMax + transactionBytes <= bytesMax;

export interface PayloadTransaction {
  readonly time: HybridTimestamp;
  /** A view of the payload. */
  readonly batch: Uint8Array;
  /** The same; null: nothing was captured. */
  readonly images: Uint8Array | null;
}

export interface DecodedGroup {
  readonly floor: number;
  readonly transactions: readonly PayloadTransaction[];
}

/**
 * The payload of a record that counts so many revisions.
 * @throws LockstepError `corrupt`, with the offset, for what nobody wrote; `invalid` for another format, or a level
 * above `levelMax`, which newer versions write.
 */
export function decodeGroup(payload: Uint8Array, count: number, levelMax: number = formatLevel): DecodedGroup {
  const reader = new ByteReader(payload);
  const format = reader.readByte();
  if (format !== formatVersion) throw refused('a record has a format that this version does not know', { format });
  const level = readVarint(reader);
  if (level > levelMax) throw refused('a record is of a level that this version does not know', { level, levelMax });
  const floor = readVarint(reader);
  const transactions: PayloadTransaction[] = [];
  let last = 0;
  while (reader.remaining > 0) {
    const offset = reader.at;
    const step = readVarint(reader);
    const time = hybridTimestamp(last + step);
    if (time === null || (step === 0 && transactions.length > 0))
      throw corrupt('times in a record do not grow', offset);
    const length = readVarint(reader);
    const batch = reader.readBytes(Math.floor(length / 2));
    transactions.push({ time, batch, images: length % 2 === 1 ? reader.readBytes(readVarint(reader)) : null });
    last = time;
  }
  if (transactions.length === count) return { floor, transactions };
  throw corrupt('a record counts other transactions than it has', reader.at, {
    counts: count,
    has: transactions.length,
  });
}

const refused = (message: string, values: Record<string, number>): LockstepError =>
  new LockstepError('invalid', message, {
    values,
    advice: ['run a version of the product that is at least as new as the one that wrote it'],
  });
