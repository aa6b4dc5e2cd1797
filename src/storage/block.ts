/**
 * Reads a data block (block-builder.ts): searches it, and takes entries apart. One object for block after block; its
 * fields show the entry at `index`. The bytes were checked when they were loaded, so that nothing is checked here: what
 * a wrong writer left, `verifyTable` tells.
 */
import { compareRanges } from '../bytes/compare.ts';
import { headOf } from './block-builder.ts';

export class BlockReader {
  bytes: Uint8Array = empty;
  /** The block. */
  start = 0;
  end = 0;
  /** Of entries. */
  count = 0;
  /** What all its keys begin with. */
  prefixStart = 0;
  prefixEnd = 0;
  #headsStart = 0;
  #offsetsStart = 0;

  /** The entry that the fields below show; `count`: there is none. */
  index = 0;
  /** Its key behind the prefix. */
  keyStart = 0;
  keyEnd = 0;
  /** Of its revision; see block-builder.ts. */
  code = 0;
  isDelete = false;
  valueStart = 0;
  valueEnd = 0;
  /** How many entries before it is the one that has its key. */
  #keyDistance = 0;
  /** Where the last varint of more than one byte ended. */
  #rest = 0;

  open(bytes: Uint8Array, start: number, end: number): void {
    const count = (bytes[end - 2] as number) | ((bytes[end - 1] as number) << 8);
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.count = count;
    this.#offsetsStart = end - 4 - count * 2;
    this.#headsStart = this.#offsetsStart - count * 2;
    this.prefixEnd = this.#headsStart;
    this.prefixStart = this.prefixEnd - ((bytes[end - 4] as number) | ((bytes[end - 3] as number) << 8));
    this.index = count;
  }

  /** Stands on no entry. */
  get isAtEnd(): boolean {
    return this.index >= this.count;
  }

  /** Where the entries end. */
  get entriesEnd(): number {
    return this.prefixStart;
  }

  /** Shows this entry; `count`: none. */
  moveTo(index: number): void {
    this.index = index;
    if (index >= this.count) return;
    this.#decode(index);
    if (this.#keyDistance > 0) this.#takeKeyOf(index - this.#keyDistance);
  }

  /** To the first entry that is not before the key with `code`; true if it is of that very key. */
  seek(key: Uint8Array, keyStart: number, keyEnd: number, code: number): boolean {
    const { bytes, prefixStart, prefixEnd } = this;
    const rest = keyStart + prefixEnd - prefixStart;
    for (let at = prefixStart, of = keyStart; at < prefixEnd; at++, of++) {
      const order = of === keyEnd ? 1 : (bytes[at] as number) - (key[of] as number);
      if (order === 0) continue;
      this.moveTo(order > 0 ? 0 : this.count);
      return false;
    }
    const head = headOf(key, rest, keyEnd);
    const heads = this.#headsStart;
    let [low, high, isKey] = [0, this.count, false];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = (bytes[heads + middle * 2] as number) | ((bytes[heads + middle * 2 + 1] as number) << 8);
      if (other < head) low = middle + 1;
      else if (other > head) [high, isKey] = [middle, false];
      else {
        this.moveTo(middle);
        const order = compareRanges(bytes, this.keyStart, this.keyEnd, key, rest, keyEnd);
        if (order < 0 || (order === 0 && this.code > code)) low = middle + 1;
        else [high, isKey] = [middle, order === 0];
      }
    }
    if (low !== this.index) this.moveTo(low);
    return isKey;
  }

  /** Of an entry, for who checks the block. */
  headAt(index: number): number {
    const at = this.#headsStart + index * 2;
    return (this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8);
  }

  offsetAt(index: number): number {
    const at = this.#offsetsStart + index * 2;
    return (this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8);
  }

  #takeKeyOf(owner: number): void {
    const { code, isDelete, valueStart, valueEnd } = this;
    this.#decode(owner);
    this.code = code;
    this.isDelete = isDelete;
    this.valueStart = valueStart;
    this.valueEnd = valueEnd;
  }

  #decode(index: number): void {
    const { bytes } = this;
    let at = this.start + this.offsetAt(index);
    let key = bytes[at++] as number;
    if (key > 0x7f) {
      key = this.#varint(at - 1);
      at = this.#rest;
    }
    let value = bytes[at++] as number;
    if (value > 0x7f) {
      value = this.#varint(at - 1);
      at = this.#rest;
    }
    let code = bytes[at++] as number;
    if (code > 0x7f) {
      code = this.#varint(at - 1);
      at = this.#rest;
    }
    this.#keyDistance = key & 1 ? key >>> 1 : 0;
    this.isDelete = value === 0;
    this.code = code;
    this.keyStart = at;
    this.keyEnd = key & 1 ? at : at + (key >>> 1) - (this.prefixEnd - this.prefixStart);
    this.valueStart = this.keyEnd;
    this.valueEnd = value === 0 ? this.keyEnd : this.keyEnd + value - 1;
  }

  #varint(from: number): number {
    const { bytes } = this;
    let at = from;
    let byte = bytes[at++] as number;
    let value = byte & 0x7f;
    for (let scale = 128; byte > 0x7f; scale *= 128) {
      byte = bytes[at++] as number;
      value += (byte & 0x7f) * scale;
    }
    this.#rest = at;
    return value;
  }
}

const empty = new Uint8Array(0);
