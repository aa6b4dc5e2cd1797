/**
 * CRC-32C (Castagnoli, polynomial 0x1EDC6F41; RFC 3720, appendix B.4), the checksum of everything that is stored or
 * sent. It finds every burst of up to 32 bits and tells nothing about malice. Slicing by 8, and by 16 for what is long (Kounavis and Berry,
 * "A systematic approach to building high performance software-based CRC generators", 2005). Node's `zlib.crc32` is
 * another polynomial and absent from browsers.
 */
const polynomialReflected = 0x82f63b78;

/** Up to here reading byte by byte is faster: a `DataView` costs as much to make as 300 bytes to sum up. */
const bytesWithoutView = 512;

/** Sixteen tables of 256 in one array: entry `slice * 256 + byte` is the CRC of `byte` followed by `slice` zero bytes. */
const table: Int32Array = buildTable();

function buildTable(): Int32Array {
  const built = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomialReflected : crc >>> 1;
    built[byte] = crc;
  }
  for (let slice = 1; slice < 16; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = built[(slice - 1) * 256 + byte] as number;
      built[slice * 256 + byte] = (before >>> 8) ^ (built[before & 0xff] as number);
    }
  }
  return built;
}

/**
 * The CRC-32C of `bytes` from `start` to `end` (excluded), as a whole number from 0 to 2^32 - 1.
 *
 * `seed` is the CRC of what comes before, 0 for nothing, so that
 * `crc32c(b, 0, b.length, crc32c(a))` is the CRC of a and b in a row; any other number makes a checksum that only
 * who knows the seed finds right (a record seeded with its segment's identity is not taken for another segment's).
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  let crc = ~seed;
  let at = start;
  if (end - start > bytesWithoutView) {
    at = end - ((end - start) & 15);
    crc = sixteenByWord(bytes, start, at, crc);
  }
  const endOfEights = end - 7;
  while (at < endOfEights) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (table[0x700 + (low & 0xff)] as number) ^
      (table[0x600 + ((low >>> 8) & 0xff)] as number) ^
      (table[0x500 + ((low >>> 16) & 0xff)] as number) ^
      (table[0x400 + (low >>> 24)] as number) ^
      (table[0x300 + (bytes[at + 4] as number)] as number) ^
      (table[0x200 + (bytes[at + 5] as number)] as number) ^
      (table[0x100 + (bytes[at + 6] as number)] as number) ^
      (table[bytes[at + 7] as number] as number);
    at += 8;
  }
  while (at < end) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at++] as number)) & 0xff] as number);
  return ~crc >>> 0;
}

/** The same, 16 bytes a turn, for a length that is a multiple of 16; the register in and out is not inverted. */
function sixteenByWord(bytes: Uint8Array, start: number, end: number, register: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = register;
  for (let at = start; at < end; at += 16) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    crc =
      (table[0xf00 | (a & 0xff)] as number) ^
      (table[0xe00 | ((a >>> 8) & 0xff)] as number) ^
      (table[0xd00 | ((a >>> 16) & 0xff)] as number) ^
      (table[0xc00 | (a >>> 24)] as number) ^
      (table[0xb00 | (b & 0xff)] as number) ^
      (table[0xa00 | ((b >>> 8) & 0xff)] as number) ^
      (table[0x900 | ((b >>> 16) & 0xff)] as number) ^
      (table[0x800 | (b >>> 24)] as number) ^
      (table[0x700 | (c & 0xff)] as number) ^
      (table[0x600 | ((c >>> 8) & 0xff)] as number) ^
      (table[0x500 | ((c >>> 16) & 0xff)] as number) ^
      (table[0x400 | (c >>> 24)] as number) ^
      (table[0x300 | (d & 0xff)] as number) ^
      (table[0x200 | ((d >>> 8) & 0xff)] as number) ^
      (table[0x100 | ((d >>> 16) & 0xff)] as number) ^
      (table[d >>> 24] as number);
  }
  return crc;
}
