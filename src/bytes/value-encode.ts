/**
 * Users' values to bytes; the format is in `value-format.ts`. What cannot be stored is refused with the path to it,
 * never changed in silence: a value reads back as it was written, but for properties that are undefined, which are
 * left out as `JSON.stringify` does.
 */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { ByteWriter } from './byte-writer.ts';
import { floatToBytes } from './float64.ts';
import { magnitudeDigits, putMagnitude } from './magnitude.ts';
import { putUtf8 } from './utf8.ts';
import * as format from './value-format.ts';
import { checkLimits, type ValueLimits, valueLimits } from './value-format.ts';
import { cycleAlong, pathOf, refusalOf } from './value-refusal.ts';
import { putVarint, varintBytes, varintBytesMax } from './varint.ts';

/** From this many UTF-16 units on `TextEncoder` is faster than a loop. */
const loopUnitsMax = 40;

/** Makes bytes of values, one at a time; keeps its buffers between them. */
export class ValueEncoder {
  readonly #limits: ValueLimits;
  readonly #own: ByteWriter;
  readonly #text = new TextEncoder();
  /** Where the walk is: `#path[depth]` is the key or index taken at that depth. */
  readonly #path: (string | number)[] = [];
  #root: unknown;
  #writer: ByteWriter;
  #count = 0;
  #busy = false;

  /** @throws LockstepError `misuse` for limits that make no sense. */
  constructor(limits: ValueLimits = valueLimits) {
    this.#limits = checkLimits(limits);
    this.#own = new ByteWriter(limits.bytesMax);
    this.#writer = this.#own;
  }

  /**
   * The value's bytes, as an array of its own. The same value gives the same bytes on every machine.
   * @throws LockstepError `invalid`, with `path` in its values, for what cannot be stored; whatever a getter in the
   * value throws. `misuse` when a getter in the value encodes another value with this very encoder.
   */
  encode(value: unknown): Uint8Array {
    this.#own.clear();
    this.write(this.#own, value);
    return this.#own.copy();
  }

  /** Appends the value's bytes to the writer: the way without an allocation. On an error nothing is appended. */
  write(writer: ByteWriter, value: unknown): void {
    if (this.#busy) throw new LockstepError('misuse', 'an encoder encodes one value at a time');
    const start = writer.length;
    this.#writer = writer;
    this.#root = value;
    this.#count = 0;
    this.#busy = true;
    try {
      this.#value(value, 0);
      if (writer.length - start > this.#limits.bytesMax) throw this.#tooLarge(0);
    } catch (error) {
      writer.length = start;
      // The own writer is as large as the limit, and knows no paths.
      const isFull = writer === this.#own && isLockstepError(error, 'invalid') && !('path' in error.values);
      throw isFull ? this.#tooLarge(0) : error;
    } finally {
      this.#busy = false;
      this.#root = undefined;
      this.#writer = this.#own;
    }
  }

  /** `depth`: how many arrays and objects are around it, and how much of `#path` leads to it. */
  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        return this.#string(value, depth);
      case 'number':
        return this.#number(value, depth);
      case 'boolean':
        return this.#writer.writeByte(value ? format.tagTrue : format.tagFalse);
      case 'bigint':
        return this.#bigint(value, depth);
      case 'object':
        return this.#object(value, depth);
      default:
        throw this.#refused(value, depth);
    }
  }

  #object(value: object | null, depth: number): void {
    if (value === null) return this.#writer.writeByte(format.tagNull);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null)
      return this.#plain(value, this.#keys(value, depth), depth);
    if (Array.isArray(value)) return this.#array(value, depth);
    if (value instanceof Date) return this.#date(value, depth);
    if (value instanceof Uint8Array) return this.#bytes(value, depth);
    if (!isPlain(value)) throw this.#refused(value, depth);
    return this.#plain(value, this.#keys(value, depth), depth);
  }

  #plain(value: object, keys: readonly string[], depth: number): void {
    this.#open(keys.length, format.tagObject, format.tagObjectLong, depth);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      this.#path[depth] = key;
      this.#string(key, depth + 1);
      this.#value((value as Readonly<Record<string, unknown>>)[key], depth + 1);
    }
  }

  #array(items: readonly unknown[], depth: number): void {
    this.#open(items.length, format.tagArray, format.tagArrayLong, depth);
    let previous: readonly string[] | null = null;
    for (let index = 0; index < items.length; index++) {
      this.#path[depth] = index;
      const item = items[index];
      if (typeof item !== 'object' || item === null || !isPlain(item)) {
        this.#value(item, depth + 1);
        continue;
      }
      const keys = this.#keys(item, depth + 1);
      if (previous !== null && sameKeys(keys, previous)) this.#row(item, keys, depth + 1);
      else this.#plain(item, keys, depth + 1);
      if (keys.length > 0) previous = keys;
    }
  }

  #row(value: object, keys: readonly string[], depth: number): void {
    this.#enter(keys.length, depth);
    this.#writer.writeByte(format.tagRow);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      this.#path[depth] = key;
      this.#value((value as Readonly<Record<string, unknown>>)[key], depth + 1);
    }
  }

  /** The object's own enumerable keys in its order, without those whose property is undefined. */
  #keys(value: object, depth: number): readonly string[] {
    if (Object.getOwnPropertySymbols(value).length > 0) throw this.#symbols(depth);
    const keys = Object.keys(value);
    for (let index = 0; index < keys.length; index++) {
      if ((value as Readonly<Record<string, unknown>>)[keys[index] as string] === undefined) {
        return keys.filter((key) => (value as Readonly<Record<string, unknown>>)[key] !== undefined);
      }
    }
    return keys;
  }

  #open(count: number, tag: number, tagLong: number, depth: number): void {
    this.#enter(count, depth);
    if (count <= format.countInTagMax) this.#writer.writeByte(tag | count);
    else this.#header(tagLong, count);
  }

  #enter(count: number, depth: number): void {
    if (depth >= this.#limits.depthMax) throw this.#tooDeep(depth);
    this.#count += count;
    if (this.#count > this.#limits.countMax) throw this.#tooMany(depth);
  }

  #number(value: number, depth: number): void {
    const writer = this.#writer;
    this.#reserve(1, 8);
    const { buffer, length } = writer;
    if (value >>> 0 === value && (value !== 0 || 1 / value > 0)) {
      if (value < 0x80) {
        buffer[length] = value;
        writer.length = length + 1;
      } else this.#integer(format.tagInteger8, value);
    } else if (value < 0 && ~value >>> 0 === -1 - value) {
      if (value >= -32) {
        buffer[length] = value;
        writer.length = length + 1;
      } else this.#integer(format.tagNegative8, -1 - value);
    } else {
      if (!Number.isFinite(value)) throw this.#refused(value, depth);
      this.#float(format.tagFloat64, value);
    }
  }

  /** In one, two or four bytes, after the tag of that width: `tag`, or one or two more. */
  #integer(tag: number, value: number): void {
    const { buffer, length } = this.#writer;
    buffer[length + 1] = value;
    if (value <= 0xff) {
      buffer[length] = tag;
      this.#writer.advanceTo(length + 2);
      return;
    }
    buffer[length + 2] = value >>> 8;
    if (value <= 0xffff) {
      buffer[length] = tag + 1;
      this.#writer.advanceTo(length + 3);
      return;
    }
    buffer[length] = tag + 2;
    buffer[length + 3] = value >>> 16;
    buffer[length + 4] = value >>> 24;
    this.#writer.advanceTo(length + 5);
  }

  #float(tag: number, value: number): void {
    this.#reserve(9);
    const writer = this.#writer;
    writer.buffer[writer.length] = tag;
    floatToBytes(value, writer.buffer, writer.length + 1);
    writer.length += 9;
  }

  #bigint(value: bigint, depth: number): void {
    const digits = magnitudeDigits(value);
    const count = digits.length / 2;
    if (count > this.#limits.bytesMax) throw this.#tooLarge(depth);
    this.#header(value < 0n ? format.tagBigintNegative : format.tagBigint, count);
    const writer = this.#writer;
    this.#reserve(count);
    writer.length = putMagnitude(writer.buffer, writer.length, digits, 0);
  }

  #date(value: Date, depth: number): void {
    const ms = value.getTime();
    if (Number.isNaN(ms)) throw this.#refused(value, depth);
    this.#float(format.tagDate, ms);
  }

  #bytes(value: Uint8Array, depth: number): void {
    if (value.length > this.#limits.bytesMax) throw this.#tooLarge(depth);
    this.#header(format.tagBytes, value.length);
    this.#reserve(value.length);
    this.#writer.writeBytes(value);
  }

  #string(value: string, depth: number): void {
    if (value.length > loopUnitsMax) return this.#stringLong(value, depth);
    const writer = this.#writer;
    this.#reserve(1 + value.length, value.length * 2 + 1);
    const { buffer } = writer;
    // Most strings are ASCII and so short that the tag holds the count: begin as if it were so, else move.
    const start = writer.length + (value.length <= format.stringInTagMax ? 1 : 2);
    const end = putUtf8(buffer, start, value);
    if (end < 0) throw this.#refused(value, depth);
    const count = end - start;
    if (count <= format.stringInTagMax) {
      buffer[writer.length] = format.tagString | count;
      writer.advanceTo(end);
      return;
    }
    const content = writer.length + 2; // up to 120 bytes: the count takes one
    if (start !== content) buffer.copyWithin(content, start, end);
    buffer[writer.length] = format.tagStringLong;
    buffer[writer.length + 1] = count;
    writer.advanceTo(content + count);
  }

  #stringLong(value: string, depth: number): void {
    if (!value.isWellFormed()) throw this.#refused(value, depth);
    if (value.length > this.#limits.bytesMax) throw this.#tooLarge(depth);
    const writer = this.#writer;
    // As if it were ASCII; what does not fit then is measured, and the content moved if its count takes more bytes.
    const countBytes = varintBytes(value.length);
    this.#reserve(1 + countBytes + value.length);
    const start = writer.length + 1 + countBytes;
    let { read, written } = this.#text.encodeInto(value, writer.buffer.subarray(start));
    if (read < value.length) {
      const rest = this.#text.encode(value.slice(read));
      this.#reserve(1 + countBytes + written + rest.length, varintBytesMax);
      writer.buffer.set(rest, start + written);
      written += rest.length;
    }
    const content = writer.length + 1 + varintBytes(written);
    if (content !== start) writer.buffer.copyWithin(content, start, start + written);
    writer.buffer[writer.length] = format.tagStringLong;
    putVarint(writer.buffer, writer.length + 1, written);
    writer.advanceTo(content + written);
  }

  #header(tag: number, count: number): void {
    const writer = this.#writer;
    this.#reserve(2, varintBytesMax);
    writer.buffer[writer.length] = tag;
    writer.advanceTo(putVarint(writer.buffer, writer.length + 1, count));
  }

  #reserve(count: number, spare = 0): void {
    this.#writer.reserve(count, spare);
  }

  #refused(value: unknown, depth: number): LockstepError {
    const { message, advice } = refusalOf(value);
    return new LockstepError('invalid', message, { values: { path: pathOf(this.#path, depth) }, advice: [advice] });
  }

  #symbols(depth: number): LockstepError {
    const path = pathOf(this.#path, depth);
    return new LockstepError('invalid', 'a property whose name is a symbol cannot be stored', { values: { path } });
  }

  #tooDeep(depth: number): LockstepError {
    const { depthMax } = this.#limits;
    const path = pathOf(this.#path, depth);
    const cycle = cycleAlong(this.#root, this.#path, depth);
    if (cycle === null)
      return new LockstepError('invalid', 'a value is nested too deep', { values: { path, depthMax } });
    return new LockstepError('invalid', 'a value contains itself', {
      values: { path: pathOf(this.#path, cycle.depth), same: pathOf(this.#path, cycle.sameDepth) },
      advice: ['store the key of what it refers to'],
    });
  }

  #tooMany(depth: number): LockstepError {
    const { countMax } = this.#limits;
    const path = pathOf(this.#path, depth);
    return new LockstepError('invalid', 'a value has too many items and properties', { values: { path, countMax } });
  }

  #tooLarge(depth: number): LockstepError {
    const { bytesMax } = this.#limits;
    const path = pathOf(this.#path, depth);
    return new LockstepError('invalid', 'a value is too large', {
      values: { path, bytesMax },
      advice: ['store large content as files, and their names in values'],
    });
  }
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length || a.length === 0) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Made by a literal, `JSON.parse` or `Object.create(null)`; a literal of another realm (frame, vm) too. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}
