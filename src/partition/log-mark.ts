/**
 * A place in the log that a group of transactions names as it is written: before it, with the chain there. It lies in the
 * state that the group leads to, so whoever has that state, after a crash or from another node, reads the log from there
 * and is told if it is another log than the one that led to this state.
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import { readVarint, writeVarint } from '../bytes/varint.ts';
import { hybridTimestamp, type HybridTimestamp } from '../clock/timestamp.ts';
import { LockstepError } from '../kernel/errors.ts';
import { digestBytes, hexAt, putHex } from '../log/chain.ts';

export interface LogMark {
  readonly position: number;
  readonly chain: string;
  /** Of the transaction that writes the mark. */
  readonly time: HybridTimestamp;
}

/** `writer`: whose memory it is made in, good until its next use; without one it is an array of its own. */
export function encodeMark(
  { position, chain, time }: LogMark,
  writer: ByteWriter = new ByteWriter(64, 64),
): Uint8Array {
  writer.clear();
  writeVarint(writer, position);
  writeVarint(writer, time);
  writer.reserve(digestBytes);
  putHex(writer.buffer, writer.length, chain);
  writer.length += digestBytes;
  return writer.view();
}

/** @throws LockstepError `corrupt`. */
export function decodeMark(value: StoredValue): LogMark {
  if (!(value instanceof Uint8Array)) throw unreadable();
  const reader = new ByteReader(value);
  const position = readVarint(reader);
  const time = hybridTimestamp(readVarint(reader));
  const chain = hexAt(value, reader.take(digestBytes));
  if (time === null || reader.remaining > 0) throw unreadable();
  return { position, chain, time };
}

const unreadable = (): LockstepError => new LockstepError('corrupt', 'a mark of the log is not what was written');
