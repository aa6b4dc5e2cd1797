/** The absolute value of a bigint as bytes, most significant first, without leading zeros; 0 has none. By way of hexadecimal text: the only linear way that the language has. */

/** Two digits for each byte that `putMagnitude` will write. */
export function magnitudeDigits(value: bigint): string {
  if (value === 0n) return '';
  const digits = (value < 0n ? -value : value).toString(16);
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}

/** Writes the digits at `at`, each byte xored with `flip`, and says where the next byte goes. */
export function putMagnitude(into: Uint8Array, at: number, digits: string, flip: number): number {
  let next = at;
  for (let index = 0; index < digits.length; index += 2) {
    into[next++] = ((digitAt(digits, index) << 4) | digitAt(digits, index + 1)) ^ flip;
  }
  return next;
}

/** The bigint of `count` bytes; null where the first is zero, which `putMagnitude` never writes. */
export function magnitudeOf(bytes: Uint8Array, at: number, count: number, flip: number): bigint | null {
  if (count === 0) return 0n;
  if (((bytes[at] as number) ^ flip) === 0) return null;
  const digits: string[] = [];
  for (let index = at; index < at + count; index++) {
    const byte = (bytes[index] as number) ^ flip;
    digits.push(byte < 16 ? `0${byte.toString(16)}` : byte.toString(16));
  }
  return BigInt(`0x${digits.join('')}`);
}

function digitAt(digits: string, index: number): number {
  const unit = digits.charCodeAt(index);
  return unit < 0x60 ? unit - 0x30 : unit - 0x57; // '0' to '9', 'a' to 'f'
}
