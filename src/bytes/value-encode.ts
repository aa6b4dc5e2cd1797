/**
 * Users' values to bytes; the format is in `value-format.ts`. What cannot be stored is refused with the path to it,
 * never changed in silence: a value reads back as it was written, but for properties that are undefined, which are
 * left out as `JSON.stringify` does.
 */
import { LockstepError } from '../kernel/errors.ts';
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
  /** The writer's buffer and length while a value is written: held here, as every byte asks for them. */
  #buffer: Uint8Array;
  #at = 0;
  #start = 0;
  #count = 0;
  #busy = false;

  /** @throws LockstepError `misuse` for limits that make no sense. */
  constructor(limits: ValueLimits = valueLimits) {
    this.#limits = checkLimits(limits);
    this.#own = new ByteWriter(limits.bytesMax);
    this.#writer = this.#own;
    this.#buffer = this.#own.buffer;
  }

  /**
   * The value's bytes, as an array of its own. The same value gives the same bytes on every machine.
   * @throws LockstepError `invalid`, with `path` in its values, for what cannot be stored; whatever a getter in the
   * value throws. `misuse` when a getter in the value encodes another value with this very encoder.
   */
  encode(value: unknown): Uint8Array {
    if (!this.#busy) this.#own.clear();
    this.write(this.#own, value);
    return this.#own.copy();
  }

  /**
   * Appends the value's bytes to the writer: the way without an allocation. On an error nothing is appended. Throws as
   * `encode` does, and what the writer throws when it is full.
   */
  write(writer: ByteWriter, value: unknown): void {
    if (this.#busy) throw new LockstepError('misuse', 'an encoder encodes one value at a time');
    this.#writer = writer;
    this.#buffer = writer.buffer;
    this.#start = writer.length;
    this.#at = writer.length;
    this.#root = value;
    this.#count = 0;
    this.#busy = true;
    try {
      this.#value(value, 0);
      if (this.#at - this.#start > this.#limits.bytesMax) throw this.#tooLarge(0);
      writer.advanceTo(this.#at);
    } finally {
      this.#busy = false;
      this.#root = undefined;
      this.#writer = this.#own;
      this.#buffer = this.#own.buffer;
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
        return this.#byte(value ? format.tagTrue : format.tagFalse);
      case 'bigint':
        return this.#bigint(value, depth);
      case 'object':
        return this.#object(value, depth);
      default:
        throw this.#refused(value, depth);
    }
  }

  #object(value: object | null, depth: number): void {
    if (value === null) this.#byte(format.tagNull);
    else if (Array.isArray(value)) this.#array(value, depth);
    else if (isPlain(value)) this.#plain(value, depth, null);
    else if (value instanceof Date) this.#date(value, depth);
    else if (value instanceof Uint8Array) this.#bytes(value, depth);
    else throw this.#refused(value, depth);
  }

  /** `keysInto`, when given, gets the keys, for the rows that may follow. */
  #plain(value: object, depth: number, keysInto: string[] | null): void {
    const count = propertyCount(value);
    this.#open(count, format.tagObject, format.tagObjectLong, depth);
    let written = 0;
    for (const key in value) {
      if (!hasOwn.call(value, key)) continue;
      const item = (value as Readonly<Record<string, unknown>>)[key];
      if (item === undefined) continue;
      this.#path[depth] = key;
      this.#string(key, depth + 1);
      this.#value(item, depth + 1);
      keysInto?.push(key);
      written++;
    }
    if (written !== count) throw this.#changed(depth);
  }

  #array(items: readonly unknown[], depth: number): void {
    const count = items.length;
    this.#open(count, format.tagArray, format.tagArrayLong, depth);
    let keys: string[] = [];
    for (let index = 0; index < count; index++) {
      this.#path[depth] = index;
      const item = items[index];
      if (typeof item !== 'object' || item === null || !isPlain(item)) this.#value(item, depth + 1);
      else if (hasKeys(item, keys)) this.#row(item, keys.length, depth + 1);
      else {
        const found: string[] = [];
        this.#plain(item, depth + 1, found);
        if (found.length > 0) keys = found;
      }
    }
  }

  #row(value: object, count: number, depth: number): void {
    this.#enter(count, depth);
    this.#byte(format.tagRow);
    let written = 0;
    for (const key in value) {
      if (!hasOwn.call(value, key)) continue;
      const item = (value as Readonly<Record<string, unknown>>)[key];
      if (item === undefined) continue;
      this.#path[depth] = key;
      this.#value(item, depth + 1);
      written++;
    }
    if (written !== count) throw this.#changed(depth);
  }

  #open(count: number, tag: number, tagLong: number, depth: number): void {
    this.#enter(count, depth);
    if (count <= format.countInTagMax) this.#byte(tag | count);
    else this.#header(tagLong, count);
  }

  #enter(count: number, depth: number): void {
    if (depth >= this.#limits.depthMax) throw this.#tooDeep(depth);
    this.#count += count;
    if (this.#count > this.#limits.countMax) throw this.#tooMany(depth);
  }

  #number(value: number, depth: number): void {
    if (value >>> 0 === value && (value !== 0 || 1 / value > 0)) {
      if (value < 0x80) this.#byte(value);
      else this.#integer(format.tagInteger8, value);
    } else if (value < 0 && ~value >>> 0 === -1 - value) {
      if (value >= -32) this.#byte(value);
      else this.#integer(format.tagNegative8, -1 - value);
    } else {
      if (!Number.isFinite(value)) throw this.#refused(value, depth);
      this.#float(format.tagFloat64, value);
    }
  }

  /** In one, two or four bytes, after the tag of that width: `tag`, or one or two more. */
  #integer(tag: number, value: number): void {
    this.#room(5);
    const buffer = this.#buffer;
    const at = this.#at;
    const width = value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
    buffer[at] = tag + (width >> 1);
    buffer[at + 1] = value;
    if (width > 1) buffer[at + 2] = value >>> 8;
    if (width > 2) {
      buffer[at + 3] = value >>> 16;
      buffer[at + 4] = value >>> 24;
    }
    this.#at = at + 1 + width;
  }

  #float(tag: number, value: number): void {
    this.#room(9);
    this.#buffer[this.#at] = tag;
    floatToBytes(value, this.#buffer, this.#at + 1);
    this.#at += 9;
  }

  #bigint(value: bigint, depth: number): void {
    const digits = magnitudeDigits(value);
    const count = digits.length / 2;
    if (count > this.#limits.bytesMax) throw this.#tooLarge(depth);
    this.#header(value < 0n ? format.tagBigintNegative : format.tagBigint, count);
    this.#room(count);
    this.#at = putMagnitude(this.#buffer, this.#at, digits, 0);
  }

  #date(value: Date, depth: number): void {
    const ms = value.getTime();
    if (Number.isNaN(ms)) throw this.#refused(value, depth);
    this.#float(format.tagDate, ms);
  }

  #bytes(value: Uint8Array, depth: number): void {
    if (value.length > this.#limits.bytesMax) throw this.#tooLarge(depth);
    this.#header(format.tagBytes, value.length);
    this.#room(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  #string(value: string, depth: number): void {
    if (value.length > loopUnitsMax) return this.#stringLong(value, depth);
    this.#room(2 + value.length * 3);
    const buffer = this.#buffer;
    const at = this.#at;
    // Most strings are ASCII and so short that the tag holds the count: begin as if it were so, else move.
    const start = value.length <= format.stringInTagMax ? at + 1 : at + 2;
    const end = putUtf8(buffer, start, value);
    if (end < 0) throw this.#refused(value, depth);
    const count = end - start;
    if (count <= format.stringInTagMax) {
      buffer[at] = format.tagString | count;
      this.#at = end;
      return;
    }
    if (start !== at + 2) buffer.copyWithin(at + 2, start, end);
    buffer[at] = format.tagStringLong;
    buffer[at + 1] = count; // up to 120
    this.#at = at + 2 + count;
  }

  #stringLong(value: string, depth: number): void {
    if (!value.isWellFormed()) throw this.#refused(value, depth);
    if (value.length > this.#limits.bytesMax) throw this.#tooLarge(depth);
    // As if it were ASCII; what does not fit is encoded apart, and the content moved if its count takes more bytes.
    const start = this.#at + 1 + varintBytes(value.length);
    this.#room(1 + varintBytesMax + value.length);
    const { read, written } = this.#text.encodeInto(value, this.#buffer.subarray(start));
    let count = written;
    if (read < value.length) {
      const rest = this.#text.encode(value.slice(read));
      count += rest.length;
      this.#room(1 + varintBytesMax + count);
      this.#buffer.set(rest, start + written);
    }
    const content = this.#at + 1 + varintBytes(count);
    if (content !== start) this.#buffer.copyWithin(content, start, start + count);
    this.#buffer[this.#at] = format.tagStringLong;
    putVarint(this.#buffer, this.#at + 1, count);
    this.#at = content + count;
  }

  #header(tag: number, count: number): void {
    this.#room(1 + varintBytesMax);
    this.#buffer[this.#at] = tag;
    this.#at = putVarint(this.#buffer, this.#at + 1, count);
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#buffer[this.#at++] = byte;
  }

  #room(count: number): void {
    if (this.#at + count > this.#buffer.length) this.#grow(count);
  }

  /** The room asked for is the most that may be needed, so only what is written counts against the limit. */
  #grow(count: number): void {
    if (this.#at - this.#start > this.#limits.bytesMax) throw this.#tooLarge(0);
    const writer = this.#writer;
    const written = this.#at - writer.length;
    writer.reserve(written, count);
    this.#buffer = writer.buffer;
  }

  #refused(value: unknown, depth: number): LockstepError {
    const { message, advice } = refusalOf(value);
    return new LockstepError('invalid', message, { values: { path: pathOf(this.#path, depth) }, advice: [advice] });
  }

  #changed(depth: number): LockstepError {
    const path = pathOf(this.#path, depth);
    return new LockstepError('invalid', 'an object changed while it was encoded', { values: { path } });
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

/** `for…in` with this check is three times as fast as `Object.keys` (the engine reads both from the object's shape), in the same order. */
const hasOwn = Object.prototype.hasOwnProperty;

/** How many own enumerable properties are not undefined. */
function propertyCount(value: object): number {
  let count = 0;
  for (const key in value) {
    if (hasOwn.call(value, key) && (value as Readonly<Record<string, unknown>>)[key] !== undefined) count++;
  }
  return count;
}

/** Whether those properties are these, in this order. Of no keys nobody has any. */
function hasKeys(value: object, keys: readonly string[]): boolean {
  if (keys.length === 0) return false;
  let count = 0;
  for (const key in value) {
    if (!hasOwn.call(value, key) || (value as Readonly<Record<string, unknown>>)[key] === undefined) continue;
    if (keys[count] !== key) return false;
    count++;
  }
  return count === keys.length;
}

/** Made by a literal, `JSON.parse` or `Object.create(null)`; a literal of another realm (frame, vm) too. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}
