import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { readSignedVarint, readVarint, varintBytes, varintBytesMax, writeSignedVarint, writeVarint } from './varint.ts';

const edges = [
  0,
  1,
  63,
  64,
  127,
  128,
  16_383,
  16_384,
  2 ** 28,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 35,
  2 ** 52,
  2 ** 53 - 1,
];
const naturals = fc.oneof(fc.maxSafeNat(), fc.nat(1_000), fc.constantFrom(...edges));
const integers = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(...edges, ...edges.map((edge) => -edge || 0)),
);

function bytesOf(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(100, 1);
  write(writer);
  return writer.copy();
}

test('varints have the bytes of LEB128', () => {
  expect([...bytesOf((writer) => writeVarint(writer, 624_485))]).toEqual([0xe5, 0x8e, 0x26]); // DWARF 5, appendix C
  expect([...bytesOf((writer) => writeSignedVarint(writer, -3))]).toEqual([5]);
  expect([...bytesOf((writer) => writeSignedVarint(writer, 64))]).toEqual([0x80, 1]);
  expect(bytesOf((writer) => writeVarint(writer, Number.MAX_SAFE_INTEGER)).length).toBe(varintBytesMax);
});

test('a varint reads back, in the bytes that were announced', () => {
  fc.assert(
    fc.property(naturals, integers, (natural, integer) => {
      const bytes = bytesOf((writer) => writeVarint(writer, natural));
      expect(bytes.length).toBe(varintBytes(natural));
      expect(readVarint(new ByteReader(bytes))).toBe(natural);
      const signed = new ByteReader(bytesOf((writer) => writeSignedVarint(writer, integer)));
      expect(readSignedVarint(signed)).toBe(integer);
      expect(signed.remaining).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});

test('any bytes read as a varint that is written in the same bytes, or are corrupt', () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0x81, 0xff));
  const attempt = (
    bytes: Uint8Array,
    read: (reader: ByteReader) => number,
    write: (writer: ByteWriter, value: number) => void,
  ): void => {
    const reader = new ByteReader(bytes);
    let value: number;
    try {
      value = read(reader);
    } catch (error) {
      expect(isLockstepError(error, 'corrupt')).toBe(true);
      return;
    }
    expect(bytesOf((writer) => write(writer, value))).toEqual(bytes.slice(0, reader.at));
  };
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 11 }), (array) => {
      attempt(Uint8Array.from(array), readVarint, writeVarint);
      attempt(Uint8Array.from(array), readSignedVarint, writeSignedVarint);
    }),
    { numRuns: 3_000 },
  );
});

test('what is no natural number is our bug, not a varint', () => {
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) {
    expect(() => writeVarint(new ByteWriter(10), value)).toThrow('must hold');
  }
});
