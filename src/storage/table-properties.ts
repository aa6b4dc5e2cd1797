/** What is in a table, in numbers, and its range tombstones: the two parts of the file that are read once, at opening. */
import { ByteReader, copyOf } from '../bytes/byte-reader.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { textOf } from '../bytes/utf8.ts';
import { readVarint, writeVarint } from '../bytes/varint.ts';
import type { RangeTombstone } from './entry-cursor.ts';
import { tableFormatVersion } from './table-format.ts';

export interface TableProperties {
  readonly formatVersion: number;
  /** Under which it was written; every checksum in the file rests on it. */
  readonly number: number;
  readonly fileBytes: number;
  /** Of the data blocks, as they are stored. */
  readonly dataBytes: number;
  readonly blockCount: number;
  /** Versions: values and tombstones, without those of ranges. */
  readonly entryCount: number;
  /** Different keys. */
  readonly keyCount: number;
  readonly tombstoneCount: number;
  readonly rangeTombstoneCount: number;
  /** Of the entries; null where there is none. */
  readonly smallestKey: Uint8Array | null;
  readonly largestKey: Uint8Array | null;
  /** The smallest start and the largest end (excluded) of the range tombstones; null where there is none. */
  readonly rangeStart: Uint8Array | null;
  readonly rangeEnd: Uint8Array | null;
  /** Lowest and highest of all that was added, as it was given. */
  readonly firstRevision: number;
  readonly lastRevision: number;
  /** What is not above it is stored with revision 0; -1: everything has its own. */
  readonly floor: number;
  /** Of keys and values before anything was shared or compressed, in bytes. */
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly filterBitsPerKey: number;
  /** The codec's name; null: blocks are stored as they are. */
  readonly codec: string | null;
  /** What the numbers of revisions count from. */
  readonly revisionBase: number;
}

/** What the file's other parts tell by themselves. */
export type StoredProperties = Omit<TableProperties, 'formatVersion' | 'number' | 'fileBytes' | 'dataBytes'>;

const bytesMax = 1024 * 1024;
const encoder = new TextEncoder();

export function encodeProperties(properties: StoredProperties): Uint8Array {
  const writer = new ByteWriter(bytesMax);
  const numbers = [
    properties.blockCount,
    properties.entryCount,
    properties.keyCount,
    properties.tombstoneCount,
    properties.rangeTombstoneCount,
    properties.firstRevision,
    properties.lastRevision,
    properties.floor + 1,
    properties.keyBytes,
    properties.valueBytes,
    Math.round(properties.filterBitsPerKey * 1_000),
    properties.revisionBase,
  ];
  for (const number of numbers) writeVarint(writer, number);
  const codec = properties.codec === null ? null : encoder.encode(properties.codec);
  const texts = [properties.smallestKey, properties.largestKey, properties.rangeStart, properties.rangeEnd, codec];
  for (const bytes of texts) writeOptional(writer, bytes);
  return writer.copy();
}

/** @throws LockstepError `corrupt` when the bytes end too early. */
export function decodeProperties(
  bytes: Uint8Array,
  file: { readonly number: number; readonly fileBytes: number; readonly dataBytes: number },
): TableProperties {
  const reader = new ByteReader(bytes);
  const next = (): number => readVarint(reader);
  const counts = {
    blockCount: next(),
    entryCount: next(),
    keyCount: next(),
    tombstoneCount: next(),
    rangeTombstoneCount: next(),
    firstRevision: next(),
    lastRevision: next(),
    floor: next() - 1,
    keyBytes: next(),
    valueBytes: next(),
    filterBitsPerKey: next() / 1_000,
    revisionBase: next(),
  };
  const keys = {
    smallestKey: readOptional(reader),
    largestKey: readOptional(reader),
    rangeStart: readOptional(reader),
    rangeEnd: readOptional(reader),
  };
  const codec = readOptional(reader);
  return {
    formatVersion: tableFormatVersion,
    ...file,
    ...counts,
    ...keys,
    codec: codec === null ? null : textOf(codec, 0, codec.length),
  };
}

export function encodeRanges(ranges: readonly RangeTombstone[]): Uint8Array {
  const bytes = ranges.reduce((sum, { start, end }) => sum + start.length + end.length + 24, 8);
  const writer = new ByteWriter(bytes, bytes);
  writeVarint(writer, ranges.length);
  for (const { start, end, revision } of ranges) {
    for (const key of [start, end]) {
      writeVarint(writer, key.length);
      writer.writeBytes(key);
    }
    writeVarint(writer, revision);
  }
  return writer.copy();
}

/** @throws LockstepError `corrupt` when the bytes end too early. */
export function decodeRanges(bytes: Uint8Array): readonly RangeTombstone[] {
  const reader = new ByteReader(bytes);
  const key = (): Uint8Array => {
    const count = readVarint(reader);
    return copyOf(bytes, reader.take(count), reader.at);
  };
  const ranges: RangeTombstone[] = [];
  for (let count = readVarint(reader); count > 0; count--) {
    ranges.push({ start: key(), end: key(), revision: readVarint(reader) });
  }
  return ranges;
}

/** Its length and one, then its bytes; 0 for none. */
function writeOptional(writer: ByteWriter, bytes: Uint8Array | null): void {
  writeVarint(writer, bytes === null ? 0 : bytes.length + 1);
  if (bytes !== null) writer.writeBytes(bytes);
}

function readOptional(reader: ByteReader): Uint8Array | null {
  const count = readVarint(reader);
  if (count === 0) return null;
  return copyOf(reader.bytes, reader.take(count - 1), reader.at);
}
