/** What the entries of a shared journal say: whose they are, then what. Offsets in docs/wal.md. */
import { ByteReader } from '../bytes/byte-reader.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { readVarint, varintBytesMax, writeVarint } from '../bytes/varint.ts';
import { LockstepError } from '../kernel/errors.ts';

/** The most that a record takes besides the entry. */
export const recordOverheadBytes: number = 1 + 2 * varintBytesMax;

export interface StreamBounds {
  readonly stream: number;
  /** The first index that is kept; `next` when none is. */
  readonly first: number;
  /** The index of the entry that is appended next. */
  readonly next: number;
}

export type WalRecord =
  | { readonly kind: 'entry'; readonly stream: number; readonly index: number; readonly entry: Uint8Array }
  /** Entries after `index` are void. */
  | { readonly kind: 'truncate-after'; readonly stream: number; readonly index: number }
  /** Entries before `index` are let go. */
  | { readonly kind: 'truncate-before'; readonly stream: number; readonly index: number }
  /** All streams as they are here: what older segments said of those without entries. */
  | { readonly kind: 'streams'; readonly streams: readonly StreamBounds[] };

const kinds: readonly WalRecord['kind'][] = ['entry', 'truncate-after', 'truncate-before', 'streams'];

export function encodeRecord(record: WalRecord): Uint8Array {
  const bytes =
    record.kind === 'entry' ? record.entry.length : record.kind === 'streams' ? record.streams.length * 24 : 0;
  const room = recordOverheadBytes + bytes;
  const writer = new ByteWriter(room + varintBytesMax, room);
  writer.writeByte(kinds.indexOf(record.kind));
  if (record.kind === 'streams') {
    writeVarint(writer, record.streams.length);
    for (const { stream, first, next } of record.streams) {
      writeVarint(writer, stream);
      writeVarint(writer, first);
      writeVarint(writer, next);
    }
    return writer.view();
  }
  writeVarint(writer, record.stream);
  writeVarint(writer, record.index);
  if (record.kind === 'entry') writer.writeBytes(record.entry);
  return writer.view();
}

/** @throws LockstepError `corrupt` for what `encodeRecord` did not write. */
export function decodeRecord(bytes: Uint8Array): WalRecord {
  const reader = new ByteReader(bytes);
  const kind = kinds[reader.readByte()];
  if (kind === undefined) throw new LockstepError('corrupt', 'a record of a shared journal is of no known kind');
  if (kind === 'streams') {
    const streams = Array.from({ length: readVarint(reader) }, () => ({
      stream: readVarint(reader),
      first: readVarint(reader),
      next: readVarint(reader),
    }));
    return { kind, streams };
  }
  const [stream, index] = [readVarint(reader), readVarint(reader)];
  return kind === 'entry'
    ? { kind, stream, index, entry: reader.readBytes(reader.remaining) }
    : { kind, stream, index };
}
