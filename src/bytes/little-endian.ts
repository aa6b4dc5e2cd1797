/** Fixed-width numbers in headers: little-endian, 64 bits for what is at most 2^53 - 1. */
export function getUint32(bytes: Uint8Array, at: number): number {
  const upper = ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
  return ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | upper) >>> 0;
}

export function putUint32(into: Uint8Array, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >>> 8;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
}

export const getUint64 = (bytes: Uint8Array, at: number): number =>
  getUint32(bytes, at) + getUint32(bytes, at + 4) * 4_294_967_296;

export function putUint64(into: Uint8Array, at: number, value: number): void {
  putUint32(into, at, value >>> 0);
  putUint32(into, at + 4, Math.floor(value / 4_294_967_296));
}
