/**
 * Doubles to bits and back without a `DataView` per buffer, which costs as much as encoding ten numbers. `scratch` is
 * where a number turns into bytes; it holds nothing between two calls.
 */
const scratch = new DataView(new ArrayBuffer(8));

/** The upper half of the double's bits: sign, exponent, 20 bits of the fraction. */
export function highWord(value: number): number {
  scratch.setFloat64(0, value);
  return scratch.getUint32(0);
}

/** The lower half of the double's bits. */
export function lowWord(value: number): number {
  scratch.setFloat64(0, value);
  return scratch.getUint32(4);
}

export function floatOfWords(high: number, low: number): number {
  scratch.setUint32(0, high);
  scratch.setUint32(4, low);
  return scratch.getFloat64(0);
}

/** Writes the eight bytes of IEEE 754, little-endian. */
export function floatToBytes(value: number, into: Uint8Array, at: number): void {
  scratch.setFloat64(0, value, true);
  const low = scratch.getInt32(0, true);
  const high = scratch.getInt32(4, true);
  into[at] = low;
  into[at + 1] = low >>> 8;
  into[at + 2] = low >>> 16;
  into[at + 3] = low >>> 24;
  into[at + 4] = high;
  into[at + 5] = high >>> 8;
  into[at + 6] = high >>> 16;
  into[at + 7] = high >>> 24;
}

export function floatOfBytes(bytes: Uint8Array, at: number): number {
  scratch.setInt32(
    0,
    (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24),
    true,
  );
  scratch.setInt32(
    4,
    (bytes[at + 4] as number) |
      ((bytes[at + 5] as number) << 8) |
      ((bytes[at + 6] as number) << 16) |
      ((bytes[at + 7] as number) << 24),
    true,
  );
  return scratch.getFloat64(0, true);
}
