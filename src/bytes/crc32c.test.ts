import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The definition, a bit at a time: the oracle. */
function crcBitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test('CRC-32C gives the values of RFC 3720, appendix B.4, and the check value of the catalogue', () => {
  const counting = Uint8Array.from({ length: 32 }, (_, index) => index);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(counting)).toBe(0x46dd794e);
  expect(crc32c(counting.toReversed())).toBe(0x113fdb5c);
  expect(crc32c(text('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test('CRC-32C of any bytes equals the definition, at every start and in any number of steps', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 1_200, size: 'max' }),
      fc.nat(600),
      fc.nat(1_200),
      (bytes, first, second) => {
        const [start, end] = [Math.min(first, second, bytes.length), Math.min(Math.max(first, second), bytes.length)];
        expect(crc32c(bytes, start, end)).toBe(crcBitByBit(bytes.subarray(start, end)));
        const steps = crc32c(bytes, end, bytes.length, crc32c(bytes, start, end, crc32c(bytes, 0, start)));
        expect(steps).toBe(crc32c(bytes));
      },
    ),
  );
});

test('a seed changes the checksum of everything', () => {
  expect(crc32c(text('record'), 0, 6, 7)).not.toBe(crc32c(text('record')));
});
