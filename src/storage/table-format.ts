/**
 * What a table's file holds, in this order:
 *
 *     data blocks       entries in order; see block-builder.ts
 *     filter            which keys are certainly absent; may be empty
 *     index             where each block begins and up to which key it can be skipped; see table-index.ts
 *     range tombstones  sorted by start
 *     properties        what is in the table, in numbers
 *     footer            52 bytes, at the end: where the parts are, whose file this is
 *
 * Every block and every part ends with a seal: one byte that says whether the bytes are compressed, and an xxHash32 of
 * all before it whose seed is made of the table's number and the place in the file. A block of another table, or from
 * another place, never passes; together with the footer's CRC-32C there is no byte that could change unnoticed.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { getUint32, getUint64, putUint32, putUint64 } from '../bytes/little-endian.ts';
import { xxHash32 } from '../bytes/xxhash32.ts';
import { LockstepError } from '../kernel/errors.ts';

export const tableFormatVersion = 1;
export const footerBytes = 52;
export const sealBytes = 5;
/** Offsets in a file are 32-bit numbers in memory. */
export const tableBytesMax = 4_294_967_295;
export const blockBytesMin = 512;
/** Restart points are 16-bit offsets. */
export const blockBytesMax = 65_536;
export const blockBytesDefault = 4_096;

const magic: readonly number[] = [...'LKSTPTAB'].map((letter) => letter.charCodeAt(0));

/** How the bytes before a seal are stored. */
export const stored = 0;
export const compressed = 1;
export type SealKind = typeof stored | typeof compressed;

/** One step of a bijection for each number, so that two places of one table never have one seed. */
const seedOf = (number: number, offset: number): number =>
  (Math.imul(number % 4_294_967_296, 0x9e3779b1) ^
    Math.imul(Math.floor(number / 4_294_967_296), 0xc2b2ae35) ^
    Math.imul(offset, 0x85ebca77)) >>>
  0;

/** Seals what `bytes` holds from `start` to `end`, to be written at `offset`; `bytes` has room for five more. */
export function seal(
  bytes: Uint8Array,
  start: number,
  end: number,
  kind: SealKind,
  number: number,
  offset: number,
): void {
  bytes[end] = kind;
  putUint32(bytes, end + 1, xxHash32(bytes, start, end + 1, seedOf(number, offset)));
}

/** Whether what lies from `start` to `end`, seal included, is what was written at `offset` of the table. */
export const isIntact = (bytes: Uint8Array, start: number, end: number, number: number, offset: number): boolean =>
  end - start >= sealBytes &&
  (bytes[end - sealBytes] as number) <= compressed &&
  getUint32(bytes, end - 4) === xxHash32(bytes, start, end - 4, seedOf(number, offset));

/** Where the parts are; they follow each other without a gap. Sizes in bytes, seals included. */
export interface Footer {
  /** Of the table; the seed of all its checksums. */
  readonly number: number;
  readonly dataBytes: number;
  readonly filterBytes: number;
  readonly indexBytes: number;
  readonly rangesBytes: number;
  readonly propertiesBytes: number;
}

export const fileBytesOf = (footer: Footer): number =>
  footer.dataBytes + footer.filterBytes + footer.indexBytes + footer.rangesBytes + footer.propertiesBytes + footerBytes;

export function encodeFooter(footer: Footer): Uint8Array {
  const bytes = new Uint8Array(footerBytes);
  putUint64(bytes, 0, footer.number);
  putUint64(bytes, 8, footer.dataBytes);
  putUint32(bytes, 16, footer.filterBytes);
  putUint32(bytes, 20, footer.indexBytes);
  putUint32(bytes, 24, footer.rangesBytes);
  putUint32(bytes, 28, footer.propertiesBytes);
  putUint32(bytes, 32, crc32c(bytes, 0, 32));
  putUint32(bytes, 36, tableFormatVersion);
  bytes.set(magic, 40);
  putUint32(bytes, 48, crc32c(bytes, 36, 48));
  return bytes;
}

/**
 * The footer of a file of `size` bytes, which `bytes` is the end of, or all of it where it is shorter than a footer.
 * The version stands under a checksum of its own, so that a later format is told from damage.
 * @throws LockstepError `invalid` for another version of the format; `corrupt` for anything else that does not fit:
 * a file that is cut off or longer than it was, damage, another table's file.
 */
export function decodeFooter(bytes: Uint8Array, path: string, size: number, number: number): Footer {
  const offset = size - bytes.length;
  const ends = magic.every((byte, at) => bytes[40 + at] === byte) && getUint32(bytes, 48) === crc32c(bytes, 36, 48);
  if (bytes.length !== footerBytes || !ends)
    throw damage(path, offset, 'a table does not end as one: it is cut off, damaged or foreign');
  const version = getUint32(bytes, 36);
  if (version !== tableFormatVersion)
    throw new LockstepError('invalid', 'a table has another version of the format', {
      values: { path, offset: offset + 36, version, supported: tableFormatVersion },
      advice: ['open it with the version of the program that wrote it'],
    });
  if (getUint32(bytes, 32) !== crc32c(bytes, 0, 32)) throw damage(path, offset, "a table's footer is damaged");
  const footer: Footer = {
    number: getUint64(bytes, 0),
    dataBytes: getUint64(bytes, 8),
    filterBytes: getUint32(bytes, 16),
    indexBytes: getUint32(bytes, 20),
    rangesBytes: getUint32(bytes, 24),
    propertiesBytes: getUint32(bytes, 28),
  };
  if (fileBytesOf(footer) !== size) throw damage(path, offset, "a table's size is not what its footer says");
  if (footer.number !== number)
    throw new LockstepError('corrupt', 'a file holds another table than its name says', {
      values: { path, offset, number, found: footer.number },
    });
  return footer;
}

/** What reading damage throws. */
export const damage = (path: string, offset: number, what: string, cause?: unknown): LockstepError =>
  new LockstepError('corrupt', what, {
    values: { path, offset },
    advice: ['restore the file from a replica or a checkpoint; nothing was overwritten'],
    ...(cause === undefined ? {} : { cause }),
  });
