/**
 * Keys: tuples encoded so that comparing bytes (`compareBytes`) compares tuples. The model is FoundationDB's tuple layer
 * ("Data Modeling: Tuples", and its design/tuple.md); the numbers are our own: one code for all of them, shorter for
 * small integers. The code byte of each part's kind gives the order of kinds; parts of one kind then compare by value:
 *
 *     null < false < true < numbers < bigints < dates < strings < bytes < tuples
 *
 * - numbers in the order of doubles, infinities included; -0 is 0. NaN is refused.
 * - bigints by value, up to `keyBigintBytesMax` bytes. 5 and 5n are different keys: what is read is what was written.
 * - dates by time. Strings by code point, which is UTF-8's byte order and not JavaScript's `<`. Bytes byte by byte.
 * - tuples part by part; a tuple comes before those that it begins.
 *
 * One tuple's encoding is a prefix of another's exactly when the one tuple begins the other: every part says by itself
 * where it ends. See `tupleRange`.
 */
import { LockstepError } from '../kernel/errors.ts';
import { ByteWriter } from './byte-writer.ts';
import { magnitudeDigits, putMagnitude } from './magnitude.ts';
import { putNumber } from './tuple-number.ts';

export type KeyPart = null | boolean | number | bigint | Date | string | Uint8Array | readonly KeyPart[];
export type Tuple = readonly KeyPart[];

/** The longest encoding that `encodeTuple` makes and `decodeTuple` takes, in bytes, if they are told no other. */
export const keyBytesMax = 8_192;
/** How large a bigint's absolute value may be in a key, in bytes. */
export const keyBigintBytesMax = 255;
/** How deep tuples may lie within tuples. */
export const keyDepthMax = 16;

type KeyCodeName =
  | 'end'
  | 'null'
  | 'false'
  | 'true'
  | `${'number' | 'bigint' | 'date'}${'' | 'Negative'}`
  | 'string'
  | 'bytes'
  | 'tuple';

/** The first byte of each part. Gaps are for kinds to come; 0xff is never one, so it ends every range. */
export const keyCode: Readonly<Record<KeyCodeName, number>> = Object.freeze({
  end: 0x00,
  null: 0x10,
  false: 0x18,
  true: 0x19,
  numberNegative: 0x20,
  number: 0x21,
  bigintNegative: 0x28,
  bigint: 0x29,
  dateNegative: 0x30,
  date: 0x31,
  string: 0x40,
  bytes: 0x48,
  tuple: 0x50,
});
/** Within strings and bytes: 0x00 ends, so 0x00 is written 0x01 0x01 and 0x01 as 0x01 0x02. */
export const escapeByte = 0x01;

/**
 * The tuple's encoding as an array of its own.
 * @throws LockstepError `invalid`, naming the path, for a part that has no place in a key: undefined, NaN, an invalid
 * date, a string that is not well-formed (lone surrogates), any other kind, or too large or deep.
 */
export function encodeTuple(tuple: Tuple, bytesMax: number = keyBytesMax): Uint8Array {
  const writer = new ByteWriter(bytesMax, 64);
  writeTuple(writer, tuple);
  return writer.copy();
}

/** Appends the tuple's encoding: the way without an allocation. On an error what was written before is kept. */
export function writeTuple(writer: ByteWriter, tuple: Tuple): void {
  const start = writer.length;
  try {
    for (let index = 0; index < tuple.length; index++) writePart(writer, tuple[index], index, null);
  } catch (error) {
    writer.length = start;
    throw error;
  }
}

/**
 * The keys that begin with the tuple, itself included: `start` ≤ key < `end`, byte-wise. The empty tuple's range is
 * that of all keys.
 */
export function tupleRange(
  prefix: Tuple,
  bytesMax: number = keyBytesMax,
): { readonly start: Uint8Array; readonly end: Uint8Array } {
  const start = encodeTuple(prefix, bytesMax);
  const end = new Uint8Array(start.length + 1);
  end.set(start);
  end[start.length] = 0xff;
  return { start, end };
}

/** Where a tuple lies within others; made for nested tuples alone, so that the path costs nothing until it is asked for. */
interface Place {
  readonly index: number;
  readonly within: Place | null;
  readonly depth: number;
}

function pathTo(index: number, within: Place | null): string {
  return `${within === null ? '$' : pathTo(within.index, within.within)}[${index}]`;
}

function writePart(writer: ByteWriter, part: unknown, index: number, within: Place | null): void {
  switch (typeof part) {
    case 'string':
      return writeString(writer, part, index, within);
    case 'number':
      return writeNumber(writer, part, keyCode.number, index, within);
    case 'boolean':
      return writer.writeByte(part ? keyCode.true : keyCode.false);
    case 'bigint':
      return writeBigint(writer, part, index, within);
    case 'object':
      return writeObject(writer, part, index, within);
    default:
      throw refused(`a key has no place for ${typeof part}`, index, within);
  }
}

function writeObject(writer: ByteWriter, part: object | null, index: number, within: Place | null): void {
  if (part === null) return writer.writeByte(keyCode.null);
  if (part instanceof Uint8Array) return writeEscaped(writer, part);
  if (part instanceof Date) return writeNumber(writer, part.getTime(), keyCode.date, index, within);
  if (!Array.isArray(part)) throw refused('a key has no place for an object', index, within);
  const place = { index, within, depth: within === null ? 1 : within.depth + 1 };
  if (place.depth > keyDepthMax) throw refused('tuples lie too deep in one another', index, within);
  writer.writeByte(keyCode.tuple);
  for (let inner = 0; inner < part.length; inner++) writePart(writer, part[inner], inner, place);
  writer.writeByte(keyCode.end);
}

/** `code` is that of numbers or of dates; the one before it is for the negative. */
function writeNumber(writer: ByteWriter, value: number, code: number, index: number, within: Place | null): void {
  if (Number.isNaN(value)) throw refused(code === keyCode.date ? 'an invalid date' : 'NaN has no order', index, within);
  writer.reserve(2, 8);
  writer.buffer[writer.length] = value < 0 ? code - 1 : code;
  writer.advanceTo(putNumber(writer.buffer, writer.length + 1, value));
}

/** Length and magnitude, most significant byte first; all complemented where it is negative. */
function writeBigint(writer: ByteWriter, value: bigint, index: number, within: Place | null): void {
  const digits = magnitudeDigits(value);
  const count = digits.length / 2;
  if (count > keyBigintBytesMax) throw refused('a bigint is too large for a key', index, within);
  const flip = value < 0n ? 0xff : 0;
  writer.reserve(2 + count);
  writer.buffer[writer.length] = value < 0n ? keyCode.bigintNegative : keyCode.bigint;
  writer.buffer[writer.length + 1] = count ^ flip;
  writer.length = putMagnitude(writer.buffer, writer.length + 2, digits, flip);
}

function writeEscaped(writer: ByteWriter, bytes: Uint8Array): void {
  writer.reserve(bytes.length + 2, bytes.length);
  const { buffer } = writer;
  let at = writer.length;
  buffer[at++] = keyCode.bytes;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (byte > escapeByte) buffer[at++] = byte;
    else {
      buffer[at++] = escapeByte;
      buffer[at++] = byte + 1;
    }
  }
  buffer[at++] = keyCode.end;
  writer.advanceTo(at);
}

function writeString(writer: ByteWriter, value: string, index: number, within: Place | null): void {
  writer.reserve(value.length + 2, value.length * 2);
  const { buffer } = writer;
  let at = writer.length;
  buffer[at++] = keyCode.string;
  for (let place = 0; place < value.length; place++) {
    const unit = value.charCodeAt(place);
    if (unit < 0x80) {
      if (unit > escapeByte) buffer[at++] = unit;
      else {
        buffer[at++] = escapeByte;
        buffer[at++] = unit + 1;
      }
    } else if (unit < 0x800) {
      buffer[at++] = 0xc0 | (unit >> 6);
      buffer[at++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      buffer[at++] = 0xe0 | (unit >> 12);
      buffer[at++] = 0x80 | ((unit >> 6) & 0x3f);
      buffer[at++] = 0x80 | (unit & 0x3f);
    } else {
      const point = value.codePointAt(place) as number;
      if (point <= 0xffff) throw refused('a string is not well-formed: it has a lone surrogate', index, within);
      place++;
      buffer[at++] = 0xf0 | (point >> 18);
      buffer[at++] = 0x80 | ((point >> 12) & 0x3f);
      buffer[at++] = 0x80 | ((point >> 6) & 0x3f);
      buffer[at++] = 0x80 | (point & 0x3f);
    }
  }
  buffer[at++] = keyCode.end;
  writer.advanceTo(at);
}

const refused = (message: string, index: number, within: Place | null): LockstepError =>
  new LockstepError('invalid', message, {
    values: { path: pathTo(index, within) },
    advice: ['a key is made of null, booleans, numbers, bigints, dates, strings, bytes, and tuples of them'],
  });
