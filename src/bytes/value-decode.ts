/**
 * Bytes back to users' values; the format is in `value-format.ts`. Survives any bytes: what the encoder does not write
 * is `corrupt`, with its offset, and nothing in the bytes reaches a prototype or makes more than the limits allow.
 */
import { ByteReader, copyOf, corrupt } from './byte-reader.ts';
import { floatOfBytes } from './float64.ts';
import { magnitudeOf } from './magnitude.ts';
import { asciiOf } from './utf8.ts';
import * as format from './value-format.ts';
import { checkLimits, type StoredValue, type ValueLimits, valueLimits } from './value-format.ts';
import { readVarint } from './varint.ts';

/** Keys lately met, found by their bytes: a power of two. Bounds the memory, and what hostile keys can spoil. */
const keyCacheCount = 512;

/** Makes values of bytes, one at a time. Keeps a bounded cache of property names between them. */
export class ValueDecoder {
  readonly #limits: ValueLimits;
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #keys: (string | undefined)[] = new Array<string | undefined>(keyCacheCount).fill(undefined);
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
    if (end - start > this.#limits.bytesMax) {
      throw corrupt('a value is longer than the limit', start, { bytesMax: this.#limits.bytesMax });
    }
    this.#count = 0;
    const reader = new ByteReader(bytes, start, end);
    const value = this.#value(reader, 0);
    if (reader.at !== end) throw corrupt('more bytes follow a value', reader.at);
    return value;
  }

  #value(reader: ByteReader, depth: number): StoredValue {
    const tag = reader.readByte();
    if (tag < format.tagObject) return tag;
    if (tag < format.tagArray) return this.#object(reader, tag - format.tagObject, depth);
    if (tag < format.tagString) return this.#array(reader, tag - format.tagArray, depth);
    if (tag < format.tagNull) return this.#string(reader, tag - format.tagString);
    if (tag >= format.tagNegativeSmall) return tag - 0x100;
    return this.#tagged(reader, tag, depth);
  }

  #tagged(reader: ByteReader, tag: number, depth: number): StoredValue {
    switch (tag) {
      case format.tagNull:
        return null;
      case format.tagFalse:
        return false;
      case format.tagTrue:
        return true;
      case format.tagInteger8:
        return integer(reader, 1, 0x80);
      case format.tagInteger16:
        return integer(reader, 2, 0x100);
      case format.tagInteger32:
        return integer(reader, 4, 0x10000);
      case format.tagNegative8:
        return -1 - integer(reader, 1, 32);
      case format.tagNegative16:
        return -1 - integer(reader, 2, 0x100);
      case format.tagNegative32:
        return -1 - integer(reader, 4, 0x10000);
      case format.tagFloat64:
        return float(reader);
      case format.tagBigint:
      case format.tagBigintNegative:
        return bigint(reader, tag === format.tagBigintNegative);
      case format.tagDate:
        return date(reader);
      case format.tagStringLong:
        return this.#string(reader, countOver(reader, format.stringInTagMax));
      case format.tagBytes:
        return bytesOf(reader);
      case format.tagArrayLong:
        return this.#array(reader, countOver(reader, format.countInTagMax), depth);
      case format.tagObjectLong:
        return this.#object(reader, countOver(reader, format.countInTagMax), depth);
      default:
        throw corrupt('no value begins like this', reader.at - 1, { tag });
    }
  }

  /** `keysInto`, when given, gets the keys: rows that follow in the same array have none of their own. */
  #object(reader: ByteReader, count: number, depth: number, keysInto: string[] | null = null): StoredValue {
    this.#enter(reader, count, count * 2, depth);
    const value: { [key: string]: StoredValue } = {};
    for (let index = 0; index < count; index++) {
      const key = this.#key(reader);
      keysInto?.push(key);
      put(value, key, this.#value(reader, depth + 1));
    }
    return value;
  }

  #array(reader: ByteReader, count: number, depth: number): StoredValue[] {
    this.#enter(reader, count, count, depth);
    const items: StoredValue[] = [];
    let keys: string[] = [];
    for (let index = 0; index < count; index++) {
      const tag = reader.bytes[reader.at] as number;
      if (tag === format.tagRow) items.push(this.#row(reader, keys, depth + 1));
      else if ((tag > format.tagObject && tag < format.tagArray) || tag === format.tagObjectLong) {
        keys = [];
        reader.at++;
        const keyCount =
          tag === format.tagObjectLong ? countOver(reader, format.countInTagMax) : tag - format.tagObject;
        items.push(this.#object(reader, keyCount, depth + 1, keys));
      } else items.push(this.#value(reader, depth + 1));
    }
    return items;
  }

  #row(reader: ByteReader, keys: readonly string[], depth: number): StoredValue {
    if (keys.length === 0) throw corrupt('a row without an object before it', reader.at);
    reader.at++;
    this.#enter(reader, keys.length, keys.length, depth);
    const value: { [key: string]: StoredValue } = {};
    for (let index = 0; index < keys.length; index++) put(value, keys[index] as string, this.#value(reader, depth + 1));
    return value;
  }

  /** Nothing is made for a count that the bytes cannot hold. */
  #enter(reader: ByteReader, count: number, bytesLeast: number, depth: number): void {
    const { depthMax, countMax } = this.#limits;
    if (depth >= depthMax) throw corrupt('a value is nested too deep', reader.at, { depthMax });
    this.#count += count;
    if (this.#count > countMax) throw corrupt('a value has too many items and properties', reader.at, { countMax });
    if (bytesLeast > reader.remaining) throw corrupt('the bytes end too early', reader.at);
  }

  #key(reader: ByteReader): string {
    const tag = reader.readByte();
    if (tag >= format.tagString && tag < format.tagNull) {
      const count = tag - format.tagString;
      const start = reader.take(count);
      return this.#keyKnown(reader.bytes, start, count) ?? this.#keyNew(reader.bytes, start, count);
    }
    if (tag === format.tagStringLong) return this.#string(reader, countOver(reader, format.stringInTagMax));
    throw corrupt('a property without a name', reader.at - 1, { tag });
  }

  #keyKnown(bytes: Uint8Array, start: number, count: number): string | undefined {
    const known = this.#keys[keyPlace(bytes, start, count)];
    if (known === undefined || known.length !== count) return undefined;
    for (let index = 0; index < count; index++) if (known.charCodeAt(index) !== bytes[start + index]) return undefined;
    return known;
  }

  #keyNew(bytes: Uint8Array, start: number, count: number): string {
    const ascii = asciiOf(bytes, start, count);
    if (ascii === null) return this.#decodeText(bytes, start, count);
    this.#keys[keyPlace(bytes, start, count)] = ascii;
    return ascii;
  }

  #string(reader: ByteReader, count: number): string {
    const start = reader.take(count);
    if (count <= format.stringInTagMax) {
      const ascii = asciiOf(reader.bytes, start, count);
      if (ascii !== null) return ascii;
    }
    return this.#decodeText(reader.bytes, start, count);
  }

  #decodeText(bytes: Uint8Array, start: number, count: number): string {
    try {
      return this.#text.decode(bytes.subarray(start, start + count));
    } catch {
      throw corrupt('a string is no UTF-8', start);
    }
  }
}

function put(object: { [key: string]: StoredValue }, key: string, value: StoredValue): void {
  if (key !== '__proto__') object[key] = value;
  // Assigning it would change the prototype; as a property of its own it is data like any other.
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function keyPlace(bytes: Uint8Array, start: number, count: number): number {
  if (count === 0) return 0;
  const last = start + count - 1;
  const middle = start + (count >> 1);
  const mixed = (bytes[start] as number) * 5 + (bytes[middle] as number) * 31 + (bytes[last] as number) * 131;
  return (mixed + count * 67) & (keyCacheCount - 1);
}

/** A count with bytes of its own, which must be too large for the tag. */
function countOver(reader: ByteReader, inTagMax: number): number {
  const start = reader.at;
  const count = readVarint(reader);
  if (count <= inTagMax) throw corrupt('a count is not written in its shortest form', start);
  return count;
}

function integer(reader: ByteReader, width: 1 | 2 | 4, least: number): number {
  const start = reader.take(width);
  const { bytes } = reader;
  let value = bytes[start] as number;
  if (width > 1) value |= (bytes[start + 1] as number) << 8;
  if (width > 2) value = (value | ((bytes[start + 2] as number) << 16) | ((bytes[start + 3] as number) << 24)) >>> 0;
  if (value < least) throw corrupt('a number is not written in its shortest form', start);
  return value;
}

function float(reader: ByteReader): number {
  const start = reader.take(8);
  const value = floatOfBytes(reader.bytes, start);
  if (!Number.isFinite(value)) throw corrupt('a number that is not finite', start);
  const short = value >= -0x1_0000_0000 && value <= 0xffff_ffff && Number.isInteger(value) && !Object.is(value, -0);
  if (short) throw corrupt('a number is not written in its shortest form', start);
  return value;
}

function bigint(reader: ByteReader, negative: boolean): bigint {
  const start = reader.at;
  const count = readVarint(reader);
  const magnitude = magnitudeOf(reader.bytes, reader.take(count), count, 0);
  if (magnitude === null || (negative && count === 0)) {
    throw corrupt('a bigint is not written in its shortest form', start);
  }
  return negative ? -magnitude : magnitude;
}

function date(reader: ByteReader): Date {
  const start = reader.take(8);
  const ms = floatOfBytes(reader.bytes, start);
  const value = new Date(ms);
  if (!Object.is(value.getTime(), ms) || Number.isNaN(ms)) throw corrupt("not a date's milliseconds", start);
  return value;
}

function bytesOf(reader: ByteReader): Uint8Array {
  const count = readVarint(reader);
  const start = reader.take(count);
  return copyOf(reader.bytes, start, start + count);
}
