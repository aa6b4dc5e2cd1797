import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';

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
  #numbers: DataView;

  /** `bytesMax` is the most that it will hold; `bytesAtStart` what it has room for at first. */
  constructor(bytesMax: number, bytesAtStart = 256) {
    assert(Number.isSafeInteger(bytesMax) && bytesMax > 0, 'a writer has room for at least one byte');
    this.#bytesMax = bytesMax;
    this.buffer = new Uint8Array(Math.min(bytesAtStart, bytesMax));
    this.#numbers = new DataView(this.buffer.buffer);
  }

  /**
   * Makes room for `count` more bytes in `buffer` after `length`.
   * @throws LockstepError `invalid` when that is over the limit; what was written stays.
   */
  reserve(count: number): void {
    if (this.length + count > this.buffer.length) this.#grow(this.length + count);
  }

  writeByte(byte: number): void {
    if (this.length === this.buffer.length) this.#grow(this.length + 1);
    this.buffer[this.length++] = byte;
  }

  writeUint32(value: number): void {
    this.reserve(4);
    this.#numbers.setUint32(this.length, value, true);
    this.length += 4;
  }

  writeFloat64(value: number): void {
    this.reserve(8);
    this.#numbers.setFloat64(this.length, value, true);
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
    if (this.buffer.length > bytesKeptMax) this.#replace(new Uint8Array(bytesKeptMax));
  }

  #grow(needed: number): void {
    if (needed > this.#bytesMax) {
      throw new LockstepError('invalid', 'more bytes than the limit', { values: { bytesMax: this.#bytesMax } });
    }
    const next = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, this.buffer.length * 2)));
    next.set(this.buffer.subarray(0, this.length));
    this.#replace(next);
  }

  #replace(buffer: Uint8Array): void {
    this.buffer = buffer;
    this.#numbers = new DataView(buffer.buffer);
  }
}
