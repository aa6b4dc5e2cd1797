/**
 * A logarithm that is the same on every machine. `Math.log` need not be: the language asks of it only an approximation,
 * engines differ in the last bit and change between versions, and two nodes that disagree about a bit disagree about
 * the owner of a key. Here are only comparisons and + - × ÷ of doubles, which IEEE 754 and the language define to the bit,
 * and constants, which the language defines as the nearest doubles.
 */

/**
 * -ln((hash + ½) / 2^32) for a whole number from 0 to 2^32 - 1: from about 10^-10 to 22.9, right to 10^-14 of itself, and
 * smaller for every larger hash.
 *
 * With v = m × 2^e and m between √½ and √2, ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172: after ten terms of
 * its series what is left is below 10^-17.
 */
export function minusLogOf(hash: number): number {
  let exponent = 31 - Math.clz32(hash);
  let mantissa = hash === 0 ? 1 : (hash + 0.5) / ((1 << exponent) >>> 0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const z = s * s;
  const w = z * z;
  // Odd and even terms apart: two short chains instead of one that is as long as both.
  const even = 1 + w * (1 / 5 + w * (1 / 9 + w * (1 / 13 + w * (1 / 17))));
  const odd = 1 / 3 + w * (1 / 7 + w * (1 / 11 + w * (1 / 15 + w * (1 / 19))));
  const series = even + z * odd;
  return (32 - exponent) * Math.LN2 - 2 * s * series;
}
