/**
 * Entries that were read together, as places in one buffer: whoever takes them apart needs no view of each, and a view
 * costs as much as to hash 300 bytes.
 */
import { viewOf } from '../bytes/byte-reader.ts';

export class Entries implements Iterable<Uint8Array> {
  /** Nobody writes to it again. */
  readonly bytes: Uint8Array;
  /** Where each starts and ends. */
  readonly #bounds: number[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get length(): number {
    return this.#bounds.length / 2;
  }

  /** For the reader that fills it. */
  push(start: number, end: number): void {
    this.#bounds.push(start, end);
  }

  startOf(index: number): number {
    return this.#bounds[index * 2] as number;
  }

  endOf(index: number): number {
    return this.#bounds[index * 2 + 1] as number;
  }

  /** A view of one. */
  at(index: number): Uint8Array {
    return viewOf(this.bytes, this.startOf(index), this.endOf(index));
  }

  *[Symbol.iterator](): IterableIterator<Uint8Array> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}
