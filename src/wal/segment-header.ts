/**
 * The first 4,096 bytes of a segment: whose it is, how its groups are recognized, and where the one before it ended.
 * It is durable before the file gets its name, so a segment without a right header is damaged, never torn.
 * Offsets in docs/wal.md.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { getUint32, getUint64, putUint32, putUint64 } from '../bytes/little-endian.ts';

export const segmentHeaderBytes = 4_096;
export const formatVersion = 1;
const magic: readonly number[] = [...'LKSTPSEG'].map((letter) => letter.charCodeAt(0));
const originAt = 80;
const checksumAt = segmentHeaderBytes - 4;
/** What an owner can keep in every header, in bytes. */
export const originBytesMax: number = checksumAt - originAt;

export interface SegmentHeader {
  /** 16 bytes, made when the journal was created. */
  readonly journalId: Uint8Array;
  readonly number: number;
  /** Random; every checksum of the segment's groups starts from it. */
  readonly seed: number;
  readonly firstGroup: number;
  /** The position that the next entry had when the segment began. */
  readonly firstPosition: number;
  /** Where the groups of the segment before it ended, in bytes; 0 for a journal's first. */
  readonly previousEnd: number;
  /** Up to where groups may reach. */
  readonly segmentBytes: number;
  /** The largest payload of a group. */
  readonly groupBytesMax: number;
  readonly origin: Uint8Array;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  assert(header.journalId.length === 16 && header.origin.length <= originBytesMax, 'the header has room for its parts');
  const bytes = new Uint8Array(segmentHeaderBytes);
  bytes.set(magic);
  putUint32(bytes, 8, formatVersion);
  putUint32(bytes, 12, crc32c(bytes, 0, 12));
  bytes.set(header.journalId, 16);
  putUint64(bytes, 32, header.number);
  putUint32(bytes, 40, header.seed);
  putUint32(bytes, 44, header.origin.length);
  putUint64(bytes, 48, header.firstGroup);
  putUint64(bytes, 56, header.firstPosition);
  putUint32(bytes, 64, header.previousEnd);
  putUint32(bytes, 68, header.segmentBytes);
  putUint32(bytes, 72, header.groupBytesMax);
  bytes.set(header.origin, originAt);
  putUint32(bytes, checksumAt, crc32c(bytes, 0, checksumAt));
  return bytes;
}

/**
 * `bytes` are the beginning of the file, as far as there is one.
 * @throws LockstepError `invalid` for another version of the format; `corrupt` for anything that is no header.
 */
export function decodeSegmentHeader(bytes: Uint8Array, path: string): SegmentHeader {
  const begins = bytes.length >= 16 && magic.every((byte, index) => bytes[index] === byte);
  if (!begins || getUint32(bytes, 12) !== crc32c(bytes, 0, 12)) {
    throw new LockstepError('corrupt', 'a file named as a segment does not begin as one', {
      values: { path, offset: 0 },
      advice: ['it is damaged or foreign; restore it from a copy, or move it away if it never belonged here'],
    });
  }
  const version = getUint32(bytes, 8);
  if (version !== formatVersion) {
    throw new LockstepError('invalid', 'a segment has another version of the format', {
      values: { path, offset: 8, version, supported: formatVersion },
      advice: ['open it with the version of the program that wrote it'],
    });
  }
  const whole = bytes.length === segmentHeaderBytes;
  if (!whole || getUint32(bytes, checksumAt) !== crc32c(bytes, 0, checksumAt)) {
    throw new LockstepError('corrupt', "a segment's header is not what was written", { values: { path, offset: 0 } });
  }
  return {
    journalId: bytes.slice(16, 32),
    number: getUint64(bytes, 32),
    seed: getUint32(bytes, 40),
    firstGroup: getUint64(bytes, 48),
    firstPosition: getUint64(bytes, 56),
    previousEnd: getUint32(bytes, 64),
    segmentBytes: getUint32(bytes, 68),
    groupBytesMax: getUint32(bytes, 72),
    origin: bytes.slice(originAt, originAt + getUint32(bytes, 44)),
  };
}
