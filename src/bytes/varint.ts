/**
 * Whole numbers in as few bytes as they need: LEB128 (seven bits a byte, least significant first, the top bit says that
 * more follow), from 0 to 2^53 - 1 in at most eight bytes. Signed ones are zigzagged first (0, -1, 1, -2, … become
 * 0, 1, 2, 3, …; Protocol Buffers, "Encoding"). Every number has one encoding: reading refuses a longer one.
 */
import { assert } from '../kernel/assert.ts';
import type { ByteReader } from './byte-reader.ts';
import { corrupt } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** The most bytes that a varint takes. */
export const varintBytesMax = 8;

/** How many bytes `writeVarint` takes for the value. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let bound = 128; value >= bound; bound *= 128) count++;
  return count;
}

export function writeVarint(writer: ByteWriter, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a varint is a whole number from 0 to 2^53 - 1');
  writer.reserve(1, varintBytesMax);
  writer.advanceTo(putVarint(writer.buffer, writer.length, value));
}

/** Writes at `at`, where there must be room, and says where the next byte goes. `value` is not checked. */
export function putVarint(into: Uint8Array, at: number, value: number): number {
  let next = at;
  let rest = value;
  while (rest > 0x7fff_ffff) {
    into[next++] = 0x80 | (rest % 128);
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    into[next++] = 0x80 | (rest & 0x7f);
    rest >>>= 7;
  }
  into[next++] = rest;
  return next;
}

/** @throws LockstepError `corrupt` when the bytes end, or are no minimal varint of at most 2^53 - 1. */
export function readVarint(reader: ByteReader): number {
  const start = reader.at;
  const first = reader.readByte();
  if (first < 0x80) return first;
  let value = first & 0x7f;
  for (let scale = 128; ; scale *= 128) {
    const byte = reader.readByte();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (byte === 0 || value > Number.MAX_SAFE_INTEGER) throw notAVarint(start);
      return value;
    }
    if (reader.at - start === varintBytesMax) throw notAVarint(start);
  }
}

/** From -(2^53 - 1) to 2^53 - 1. The zigzag of the outermost takes 54 bits, so its last bit is kept apart. */
export function writeSignedVarint(writer: ByteWriter, value: number): void {
  assert(Number.isSafeInteger(value), 'a signed varint is a safe integer');
  const magnitude = value < 0 ? -1 - value : value;
  const first = (magnitude % 64) * 2 + (value < 0 ? 1 : 0);
  const rest = Math.floor(magnitude / 64);
  writer.reserve(1, varintBytesMax);
  const { buffer, length } = writer;
  buffer[length] = rest === 0 ? first : first | 0x80;
  writer.advanceTo(rest === 0 ? length + 1 : putVarint(buffer, length + 1, rest));
}

/** @throws LockstepError `corrupt` when the bytes end, or are no minimal varint of a safe integer. */
export function readSignedVarint(reader: ByteReader): number {
  const start = reader.at;
  const first = reader.readByte();
  const rest = first < 0x80 ? 0 : readVarint(reader);
  if (first >= 0x80 && rest === 0) throw notAVarint(start);
  const magnitude = rest * 64 + ((first & 0x7f) >>> 1);
  const value = first & 1 ? -1 - magnitude : magnitude;
  if (rest > Number.MAX_SAFE_INTEGER / 64 || !Number.isSafeInteger(value)) throw notAVarint(start);
  return value === 0 ? 0 : value;
}

const notAVarint = (offset: number): Error => corrupt('not a minimal varint of at most 2^53 - 1', offset);
