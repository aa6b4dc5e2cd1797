/**
 * Bytes back to users' values; the format is in `value-format.ts`. Survives any bytes: what the encoder does not write
 * is `corrupt`, with its offset, and nothing in the bytes reaches a prototype or makes more than the limits allow.
 */
import { assert } from '../kernel/assert.ts';
import { ByteReader, copyOf, corrupt } from './byte-reader.ts';
import { floatOfBytes } from './float64.ts';
import { magnitudeOf } from './magnitude.ts';
import { TextCache, type Texts } from './text-cache.ts';
import * as format from './value-format.ts';
import { checkLimits, type StoredValue, type ValueLimits, valueLimits } from './value-format.ts';
import type { ValueParts } from './value-parts.ts';
import { readVarint } from './varint.ts';

/** Makes values of bytes, one at a time. Keeps a bounded cache of short texts between them. */
export class ValueDecoder implements ValueParts {
  readonly #limits: ValueLimits;
  /** Also for the keys of what is decoded here. */
  readonly texts: Texts = new TextCache();
  /** What is being decoded, the next byte and the end: held here, as every byte asks for them. */
  #bytes: Uint8Array = nothing;
  #at = 0;
  #end = 0;
  #count = 0;

  /** @throws LockstepError `misuse` for limits that make no sense. */
  constructor(limits: ValueLimits = valueLimits) {
    this.#limits = checkLimits(limits);
  }

  /**
   * The value whose bytes go from `start` to `end` (excluded). It is new in every part: bytes in it are copies.
   * @throws LockstepError `corrupt`, with `offset` into `bytes`, for anything else than one value within the limits.
   */
  decode(bytes: Uint8Array, start = 0, end: number = bytes.length): StoredValue {
    this.#begin(bytes, start, end);
    try {
      const value = this.#value(0);
      if (this.#at !== end) throw corrupt('more bytes follow a value', this.#at);
      return value;
    } finally {
      this.#bytes = nothing; // lest it be kept alive
    }
  }

  /** As `decode`, part by part. The parts are this decoder: whatever else it is asked for before their end spoils them. */
  begin(bytes: Uint8Array, start: number, end: number): ValueParts {
    this.#begin(bytes, start, end);
    return this;
  }

  list(): number | null {
    const tag = this.#byte();
    if (tag === format.tagNull) return null;
    const isLong = tag === format.tagArrayLong;
    if (!isLong && (tag < format.tagArray || tag >= format.tagString))
      throw corrupt('no array is where one belongs', this.#at - 1, { tag });
    const count = isLong ? this.#countOver(format.countInTagMax) : tag - format.tagArray;
    this.#enter(count, count, 0);
    return count;
  }

  next(): StoredValue {
    return this.#value(1);
  }

  end(): void {
    if (this.#at !== this.#end) throw corrupt('more bytes follow a value', this.#at);
    this.#bytes = nothing;
  }

  #begin(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > this.#limits.bytesMax) {
      throw corrupt('a value is longer than the limit', start, { bytesMax: this.#limits.bytesMax });
    }
    assert(start >= 0 && start <= end && end <= bytes.length, 'the value lies within the bytes');
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#count = 0;
  }

  #value(depth: number): StoredValue {
    const tag = this.#byte();
    if (tag < format.tagObject) return tag;
    if (tag < format.tagArray) return this.#object(tag - format.tagObject, depth, null);
    if (tag < format.tagString) return this.#array(tag - format.tagArray, depth);
    if (tag < format.tagNull) return this.#string(tag - format.tagString);
    if (tag >= format.tagNegativeSmall) return tag - 0x100;
    switch (tag) {
      case format.tagNull:
        return null;
      case format.tagFalse:
        return false;
      case format.tagTrue:
        return true;
      case format.tagFloat64:
        return this.#float();
      case format.tagInteger8:
      case format.tagInteger16:
      case format.tagInteger32:
        return this.#integer(1 << (tag - format.tagInteger8), 0x80);
      case format.tagNegative8:
      case format.tagNegative16:
      case format.tagNegative32:
        return -1 - this.#integer(1 << (tag - format.tagNegative8), 32);
      case format.tagStringLong:
        return this.#string(this.#countOver(format.stringInTagMax));
      case format.tagArrayLong:
        return this.#array(this.#countOver(format.countInTagMax), depth);
      case format.tagObjectLong:
        return this.#object(this.#countOver(format.countInTagMax), depth, null);
      case format.tagDate:
        return this.#date();
      case format.tagBytes:
        return this.#copy(this.#varint());
      case format.tagBigint:
      case format.tagBigintNegative:
        return this.#bigint(tag === format.tagBigintNegative);
      default:
        throw corrupt('no value begins like this', this.#at - 1, { tag });
    }
  }

  /** `keysInto`, when given, gets the keys: rows that follow in the same array have none of their own. */
  #object(count: number, depth: number, keysInto: string[] | null): StoredValue {
    this.#enter(count, count * 2, depth);
    const value: { [key: string]: StoredValue } = {};
    for (let index = 0; index < count; index++) {
      const key = this.#key();
      keysInto?.push(key);
      put(value, key, this.#value(depth + 1));
    }
    return value;
  }

  #array(count: number, depth: number): StoredValue[] {
    this.#enter(count, count, depth);
    const items = new Array<StoredValue>(count); // as large as it gets: one that grows begins with room for 17
    let keys: string[] | null = null;
    for (let index = 0; index < count; index++) {
      const tag = this.#at < this.#end ? (this.#bytes[this.#at] as number) : 0;
      if (tag === format.tagRow) items[index] = this.#row(keys ?? [], depth + 1);
      else if ((tag > format.tagObject && tag < format.tagArray) || tag === format.tagObjectLong) {
        keys = [];
        this.#at++;
        const keyCount = tag === format.tagObjectLong ? this.#countOver(format.countInTagMax) : tag - format.tagObject;
        items[index] = this.#object(keyCount, depth + 1, keys);
      } else items[index] = this.#value(depth + 1);
    }
    return items;
  }

  #row(keys: readonly string[], depth: number): StoredValue {
    if (keys.length === 0) throw corrupt('a row without an object before it', this.#at);
    this.#at++;
    this.#enter(keys.length, keys.length, depth);
    const value: { [key: string]: StoredValue } = {};
    for (let index = 0; index < keys.length; index++) put(value, keys[index] as string, this.#value(depth + 1));
    return value;
  }

  /** Nothing is made for a count that the bytes cannot hold. */
  #enter(count: number, bytesLeast: number, depth: number): void {
    const { depthMax, countMax } = this.#limits;
    if (depth >= depthMax) throw corrupt('a value is nested too deep', this.#at, { depthMax });
    this.#count += count;
    if (this.#count > countMax) throw corrupt('a value has too many items and properties', this.#at, { countMax });
    if (bytesLeast > this.#end - this.#at) throw corrupt('the bytes end too early', this.#at);
  }

  #key(): string {
    const tag = this.#byte();
    if (tag >= format.tagString && tag < format.tagNull) return this.#string(tag - format.tagString);
    if (tag === format.tagStringLong) return this.#string(this.#countOver(format.stringInTagMax));
    throw corrupt('a property without a name', this.#at - 1, { tag });
  }

  #string(count: number): string {
    const start = this.#take(count);
    const text = this.texts.textOf(this.#bytes, start, count);
    if (text === null) throw corrupt('a string is no UTF-8', start);
    return text;
  }

  #integer(width: number, leastOfOne: number): number {
    const at = this.#take(width);
    const bytes = this.#bytes;
    let value = bytes[at] as number;
    let least = leastOfOne;
    if (width > 1) {
      value |= (bytes[at + 1] as number) << 8;
      least = 0x100;
    }
    if (width > 2) {
      value = (value | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
      least = 0x10000;
    }
    if (value < least) throw corrupt('a number is not written in its shortest form', at);
    return value;
  }

  #float(): number {
    const at = this.#take(8);
    const value = floatOfBytes(this.#bytes, at);
    if (!Number.isFinite(value)) throw corrupt('a number that is not finite', at);
    const short = value >= -0x1_0000_0000 && value <= 0xffff_ffff && Number.isInteger(value) && !Object.is(value, -0);
    if (short) throw corrupt('a number is not written in its shortest form', at);
    return value;
  }

  #date(): Date {
    const at = this.#take(8);
    const ms = floatOfBytes(this.#bytes, at);
    const value = new Date(ms);
    if (!Object.is(value.getTime(), ms) || Number.isNaN(ms)) throw corrupt("not a date's milliseconds", at);
    return value;
  }

  #bigint(negative: boolean): bigint {
    const count = this.#varint();
    const at = this.#take(count);
    const magnitude = magnitudeOf(this.#bytes, at, count, 0);
    if (magnitude === null || (negative && count === 0)) {
      throw corrupt('a bigint is not written in its shortest form', at);
    }
    return negative ? -magnitude : magnitude;
  }

  #copy(count: number): Uint8Array {
    const start = this.#take(count);
    return copyOf(this.#bytes, start, start + count);
  }

  /** A count with bytes of its own, which must be too large for the tag. */
  #countOver(inTagMax: number): number {
    const count = this.#varint();
    if (count <= inTagMax) throw corrupt('a count is not written in its shortest form', this.#at - 1);
    return count;
  }

  #varint(): number {
    const reader = new ByteReader(this.#bytes, this.#at, this.#end);
    const value = readVarint(reader);
    this.#at = reader.at;
    return value;
  }

  #byte(): number {
    if (this.#at === this.#end) throw corrupt('the bytes end too early', this.#at);
    return this.#bytes[this.#at++] as number;
  }

  #take(count: number): number {
    const start = this.#at;
    if (count > this.#end - start) throw corrupt('the bytes end too early', start);
    this.#at = start + count;
    return start;
  }
}

const nothing = new Uint8Array(0);

function put(object: { [key: string]: StoredValue }, key: string, value: StoredValue): void {
  if (key !== '__proto__') object[key] = value;
  // Assigning it would change the prototype; as a property of its own it is data like any other.
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
