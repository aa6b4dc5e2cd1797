/** The way back from a key's bytes to its tuple; see `tuple.ts` for the format. Accepts only what `writeTuple` writes. */
import { ByteReader, copyOf, corrupt } from './byte-reader.ts';
import { magnitudeOf } from './magnitude.ts';
import { escapeByte, keyBytesMax, keyCode, keyDepthMax, type KeyPart } from './tuple.ts';
import { readNumber } from './tuple-number.ts';
import { plainTexts, type Texts } from './text-cache.ts';

/** At most. */
const partsOfMost = 4;

/**
 * The tuple that is encoded from `start` to `end` (excluded). Bytes in it are copies.
 * @throws LockstepError `corrupt`, with `offset` into `bytes`, for anything that `encodeTuple` does not make, an
 * encoding longer than `bytesMax` included.
 */
export function decodeTuple(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  bytesMax: number = keyBytesMax,
  texts: Texts = plainTexts,
): KeyPart[] {
  if (end - start > bytesMax) throw corrupt('a key is longer than the limit', start, { bytes: end - start, bytesMax });
  const reader = new ByteReader(bytes, start, end);
  if (start === end) return [];
  const first = readPart(reader, reader.readByte(), 1, texts);
  if (reader.at === end) return [first];
  const tuple = new Array<KeyPart>(partsOfMost); // one that grows begins with room for 17
  tuple[0] = first;
  let count = 1;
  while (reader.at < end) tuple[count++] = readPart(reader, reader.readByte(), 1, texts);
  tuple.length = count;
  return tuple;
}

function readPart(reader: ByteReader, code: number, depth: number, texts: Texts): KeyPart {
  switch (code) {
    case keyCode.null:
      return null;
    case keyCode.false:
      return false;
    case keyCode.true:
      return true;
    case keyCode.numberNegative:
    case keyCode.number:
      return readNumber(reader, code === keyCode.numberNegative);
    case keyCode.bigintNegative:
    case keyCode.bigint:
      return readBigint(reader, code === keyCode.bigintNegative);
    case keyCode.dateNegative:
    case keyCode.date:
      return readDate(reader, code === keyCode.dateNegative);
    case keyCode.string:
      return readString(reader, texts);
    case keyCode.bytes:
      return readEscaped(reader);
    case keyCode.tuple:
      return readTuple(reader, depth, texts);
    default:
      throw corrupt('no part of a key begins like this', reader.at - 1, { byte: code });
  }
}

function readTuple(reader: ByteReader, depth: number, texts: Texts): KeyPart[] {
  if (depth > keyDepthMax) throw corrupt('tuples lie too deep in one another', reader.at - 1);
  const parts: KeyPart[] = [];
  for (let code = reader.readByte(); code !== keyCode.end; code = reader.readByte()) {
    parts.push(readPart(reader, code, depth + 1, texts));
  }
  return parts;
}

function readDate(reader: ByteReader, negative: boolean): Date {
  const start = reader.at;
  const ms = readNumber(reader, negative);
  const date = new Date(ms);
  if (date.getTime() !== ms) throw corrupt("not a date's whole number of milliseconds", start); // NaN is never equal
  return date;
}

function readBigint(reader: ByteReader, negative: boolean): bigint {
  const start = reader.at;
  const flip = negative ? 0xff : 0;
  const count = reader.readByte() ^ flip;
  const magnitude = magnitudeOf(reader.bytes, reader.take(count), count, flip);
  if (magnitude === null || (negative && count === 0)) {
    throw corrupt('a bigint in a key is not written in its shortest form', start);
  }
  return negative ? -magnitude : magnitude;
}

/** The content of a string or of bytes, unescaped into an array of its own. */
function readEscaped(reader: ByteReader): Uint8Array {
  const { bytes, at: start, end } = reader;
  let escapes = 0;
  let at = start;
  for (; at < end && bytes[at] !== keyCode.end; at++) {
    if (bytes[at] !== escapeByte) continue;
    const escaped = at + 1 < end ? (bytes[at + 1] as number) : 0;
    if (escaped !== 1 && escaped !== 2) throw corrupt('an escape in a key that is none', at);
    escapes++;
    at++;
  }
  if (at === end) throw corrupt('a string or bytes in a key do not end', start);
  reader.at = at + 1;
  if (escapes === 0) return copyOf(bytes, start, at);
  const content = new Uint8Array(at - start - escapes);
  for (let index = 0, from = start; index < content.length; index++) {
    const byte = bytes[from++] as number;
    content[index] = byte === escapeByte ? (bytes[from++] as number) - 1 : byte;
  }
  return content;
}

function readString(reader: ByteReader, texts: Texts): string {
  const { bytes, at: start, end } = reader;
  let at = start;
  while (at < end && (bytes[at] as number) > escapeByte) at++;
  let text: string | null;
  if (at < end && bytes[at] === keyCode.end) {
    reader.at = at + 1;
    text = texts.textOf(bytes, start, at - start);
  } else {
    const content = readEscaped(reader);
    text = texts.textOf(content, 0, content.length);
  }
  if (text === null) throw corrupt('a string in a key is no UTF-8', start);
  return text;
}
