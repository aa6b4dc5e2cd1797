import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { floatToBytes } from './float64.ts';

/** A buffer that large is given back by `clear` rather than kept for the next use. */
const bytesKeptMax = 1024 * 1024;

/**
 * A growing buffer that is used again and again: write, take `view` or `copy`, `clear`. Numbers are little-endian.
 * `buffer` and `length` are open to the encoders of this room, which `reserve` room and then write by themselves;
 * `buffer` changes whenever it grows, so it is read anew after each `reserve`.
 */
export class ByteWriter {
  buffer: Uint8Array;
  /** Bytes written so far. */
  length = 0;
  readonly #bytesMax: number;

  /** `bytesMax` is the most that it will hold; `bytesAtStart` what it has room for at first. */
  constructor(bytesMax: number, bytesAtStart = 256) {
    assert(Number.isSafeInteger(bytesMax) && bytesMax > 0, 'a writer has room for at least one byte');
    this.#bytesMax = bytesMax;
    this.buffer = new Uint8Array(Math.min(bytesAtStart, bytesMax));
  }

  /**
   * Makes room in `buffer` for `count` more bytes after `length`, and for `spare` more: text may take three times its
   * length and seldom does. Only `count` is held against the limit; who has used spare room ends with `advanceTo`.
   * @throws LockstepError `invalid` when that is over the limit; what was written stays.
   */
  reserve(count: number, spare = 0): void {
    const needed = this.length + count;
    if (needed > this.#bytesMax) throw this.#tooMany();
    if (needed + spare > this.buffer.length) this.#grow(needed + spare);
  }

  /** What was written into `buffer` now ends at `end`. @throws as `reserve`. */
  advanceTo(end: number): void {
    if (end > this.#bytesMax) throw this.#tooMany();
    this.length = end;
  }

  writeByte(byte: number): void {
    this.reserve(1);
    this.buffer[this.length++] = byte;
  }

  writeUint32(value: number): void {
    this.reserve(4);
    const { buffer, length } = this;
    buffer[length] = value;
    buffer[length + 1] = value >>> 8;
    buffer[length + 2] = value >>> 16;
    buffer[length + 3] = value >>> 24;
    this.length = length + 4;
  }

  writeFloat64(value: number): void {
    this.reserve(8);
    floatToBytes(value, this.buffer, this.length);
    this.length += 8;
  }

  writeBytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written, without a copy: good until the next write or `clear`. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** What was written from `start` on, as an array of its own. */
  copy(start = 0): Uint8Array {
    return this.buffer.slice(start, this.length);
  }

  /** Forgets what was written; the room stays, unless it is very large. */
  clear(): void {
    this.length = 0;
    if (this.buffer.length > bytesKeptMax) this.buffer = new Uint8Array(bytesKeptMax);
  }

  #grow(needed: number): void {
    const next = new Uint8Array(Math.max(needed, Math.min(this.#bytesMax, this.buffer.length * 2)));
    next.set(this.buffer); // all of it: an encoder may have written past `length` before it knew the size
    this.buffer = next;
  }

  #tooMany(): LockstepError {
    return new LockstepError('invalid', 'more bytes than the limit', { values: { bytesMax: this.#bytesMax } });
  }
}
