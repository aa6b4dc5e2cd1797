import { LockstepError, type ErrorValues } from '../kernel/errors.ts';
import { floatOfBytes } from './float64.ts';

/**
 * Reads what `ByteWriter` wrote, from `at` up to `end`, and trusts nothing: reading past the end is `corrupt`, with
 * the offset. `at` is open to the decoders of this room.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  /** Where the next read starts. */
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  /** Moves past `count` bytes and says where they start. */
  take(count: number): number {
    const start = this.at;
    if (count > this.end - start) throw corrupt('the bytes end too early', start);
    this.at = start + count;
    return start;
  }

  readByte(): number {
    return this.bytes[this.take(1)] as number;
  }

  readUint32(): number {
    const at = this.take(4);
    const { bytes } = this;
    const upper = ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    return ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | upper) >>> 0;
  }

  readFloat64(): number {
    return floatOfBytes(this.bytes, this.take(8));
  }

  /** A view of the next `count` bytes. */
  readBytes(count: number): Uint8Array {
    const start = this.take(count);
    return viewOf(this.bytes, start, start + count);
  }
}

/** A view as a plain Uint8Array: `subarray` of Node's Buffer, which callers may well give us, is a Buffer again. */
export function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** A copy as a plain Uint8Array: `slice` of Node's Buffer copies nothing. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(viewOf(bytes, start, end));
}

/** Stored bytes that nobody can have written; `offset` counts from the start of the array that was given. */
export function corrupt(message: string, offset: number, values: ErrorValues = {}): LockstepError {
  return new LockstepError('corrupt', message, { values: { offset, ...values } });
}
