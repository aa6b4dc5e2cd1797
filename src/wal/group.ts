/**
 * A group: what one write and one sync make durable. Header, then entries (varint of the length, bytes), then zeros up
 * to the next sector. Both checksums start from the segment's seed, and the header states its own offset, so that
 * neither a recycled segment's old bytes nor a copy of a group inside an entry is ever taken for a group.
 *
 * A group is written after all before it were synced, but for the last `unsynced` ones: that it is there proves the
 * others durable, which is the mark.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { xxHash32 } from '../bytes/xxhash32.ts';
import { getUint32, getUint64, putUint32, putUint64 } from '../bytes/little-endian.ts';

/** Where groups may start; a header never spans two sectors, so it is never half there. */
export const sectorBytes = 512;
export const groupHeaderBytes = 56;
const magic = 0x4b50_4752;
const checksumAt = 52;

/** `mark`: no entries, proves what is before it. `cut`: no entries; those before it at its first position or later are void. */
export type GroupKind = 'data' | 'mark' | 'cut';
const kinds: readonly GroupKind[] = ['data', 'mark', 'cut'];

export interface GroupHeader {
  readonly kind: GroupKind;
  /** Counts the journal's groups. */
  readonly number: number;
  /** In its segment, in bytes. */
  readonly offset: number;
  readonly payloadBytes: number;
  readonly entryCount: number;
  readonly payloadChecksum: number;
  /** Of its first entry, or of the next entry when it has none. */
  readonly firstPosition: number;
  /** Everything up to this position was durable when the group was written: all before it, if none was unsynced. */
  readonly durableUpTo: number;
  /** So many groups right before this one were not yet synced. */
  readonly unsynced: number;
}

export const groupBytes = (payloadBytes: number): number =>
  Math.ceil((groupHeaderBytes + payloadBytes) / sectorBytes) * sectorBytes;

export function encodeGroupHeader(into: Uint8Array, header: GroupHeader, seed: number): void {
  putUint32(into, 0, magic);
  putUint32(into, 4, kinds.indexOf(header.kind));
  putUint64(into, 8, header.number);
  putUint32(into, 16, header.offset);
  putUint32(into, 20, header.payloadBytes);
  putUint32(into, 24, header.entryCount);
  putUint32(into, 28, header.payloadChecksum);
  putUint64(into, 32, header.firstPosition);
  putUint64(into, 40, header.durableUpTo);
  putUint32(into, 48, header.unsynced);
  putUint32(into, checksumAt, crc32c(into, 0, checksumAt, seed));
}

/** The header at `at` of `bytes`, which is at `offset` of its segment; null if what is there is none. */
export function decodeGroupHeader(bytes: Uint8Array, at: number, offset: number, seed: number): GroupHeader | null {
  if (at + groupHeaderBytes > bytes.length || getUint32(bytes, at) !== magic) return null;
  if (getUint32(bytes, at + checksumAt) !== crc32c(bytes, at, at + checksumAt, seed)) return null;
  const kind = kinds[getUint32(bytes, at + 4)];
  if (kind === undefined || getUint32(bytes, at + 16) !== offset) return null;
  return {
    kind,
    number: getUint64(bytes, at + 8),
    offset,
    payloadBytes: getUint32(bytes, at + 20),
    entryCount: getUint32(bytes, at + 24),
    payloadChecksum: getUint32(bytes, at + 28),
    firstPosition: getUint64(bytes, at + 32),
    durableUpTo: getUint64(bytes, at + 40),
    unsynced: getUint32(bytes, at + 48),
  };
}

export type GroupRead =
  | { readonly kind: 'group'; readonly header: GroupHeader }
  /** The header is right; the bytes end before the group does. */
  | { readonly kind: 'incomplete'; readonly header: GroupHeader }
  /** The header is right, the payload is not. */
  | { readonly kind: 'damaged'; readonly header: GroupHeader }
  | { readonly kind: 'none' };

/** The group at `at` of `bytes`, of which those before `end` count. */
export function readGroup(bytes: Uint8Array, at: number, end: number, offset: number, seed: number): GroupRead {
  if (at + groupHeaderBytes > end) return { kind: 'none' };
  const header = decodeGroupHeader(bytes, at, offset, seed);
  if (header === null) return { kind: 'none' };
  const from = at + groupHeaderBytes;
  const to = from + header.payloadBytes;
  if (to > end) return { kind: 'incomplete', header };
  const intact = xxHash32(bytes, from, to, seed) === header.payloadChecksum;
  return { kind: intact ? 'group' : 'damaged', header };
}
