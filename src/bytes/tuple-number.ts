/**
 * A double as bytes that compare like the number, in two to ten bytes with its code: small integers, and fractions with
 * few bits, are short. The 63 bits below the sign are ordered as they stand (that is what IEEE 754's layout is for).
 * They are written seven a byte from the top, and the lowest bit of each byte says whether any bit set is still to
 * come; the bytes end where none is. Of two numbers with the same bits so far, the one that ends is the smaller. A
 * negative number (its code says so) is written as its absolute value with all bytes complemented.
 */
import { type ByteReader, corrupt } from './byte-reader.ts';
import { floatOfWords, highWord, lowWord } from './float64.ts';

/** Writes up to nine bytes at `at` and says where the next goes. Not for NaN. */
export function putNumber(into: Uint8Array, at: number, value: number): number {
  const flip = value < 0 ? 0xff : 0;
  const high = highWord(value) & 0x7fff_ffff;
  const low = lowWord(value);
  let next = at;
  for (let shift = 24; shift >= 3; shift -= 7) {
    const more = (high & ((1 << shift) - 1)) !== 0 || low !== 0;
    into[next++] = (((high >>> shift) << 1) | (more ? 1 : 0)) ^ flip;
    if (!more) return next;
  }
  const middle = ((high & 7) << 4) | (low >>> 28);
  const more = (low & 0x0fff_ffff) !== 0;
  into[next++] = ((middle << 1) | (more ? 1 : 0)) ^ flip;
  if (!more) return next;
  for (let shift = 21; shift >= 0; shift -= 7) {
    const moreAfter = (low & ((1 << shift) - 1)) !== 0;
    into[next++] = (((low >>> shift) << 1) | (moreAfter ? 1 : 0)) ^ flip;
    if (!moreAfter) break;
  }
  return next;
}

/** Reads what `putNumber` wrote; refuses other bytes for a number, so that each has one encoding. */
export function readNumber(reader: ByteReader, negative: boolean): number {
  const start = reader.at;
  const flip = negative ? 0xff : 0;
  let high = 0;
  let low = 0;
  for (let count = 0; ; count++) {
    const byte = reader.readByte() ^ flip;
    const bits = byte >>> 1;
    if (count < 4) high |= bits << (24 - 7 * count);
    else if (count === 4) {
      high |= bits >>> 4;
      low = (bits << 28) >>> 0;
    } else low |= bits << (56 - 7 * count);
    if ((byte & 1) === 0) {
      if (bits === 0 && count > 0) throw corrupt('a number in a key is not written in its shortest form', start);
      break;
    }
    if (count === 8) throw corrupt('a number in a key has too many bytes', start);
  }
  const value = floatOfWords(high, low >>> 0);
  if (Number.isNaN(value) || (negative && value === 0)) throw corrupt('not a number that a key can hold', start);
  return negative ? -value : value;
}
