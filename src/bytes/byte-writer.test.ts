import { expect, test } from 'vitest';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

test('what was written reads back, while the buffer grows', () => {
  const writer = new ByteWriter(1_000, 1);
  const numbers = [0, -0, 1.5, -1e300, Infinity, Number.MIN_VALUE];
  for (const value of numbers) writer.writeFloat64(value);
  writer.writeUint32(0xfedcba98);
  writer.writeBytes(Uint8Array.of(1, 2, 3));
  const reader = new ByteReader(writer.view());
  expect(numbers.map(() => reader.readFloat64())).toEqual(numbers);
  expect(reader.readUint32()).toBe(0xfedcba98);
  expect(reader.readBytes(3)).toEqual(Uint8Array.of(1, 2, 3));
  expect(reader.remaining).toBe(0);
});

test('a double is written as a DataView writes it, little-endian', () => {
  const writer = new ByteWriter(8);
  writer.writeFloat64(Math.PI);
  expect(new DataView(writer.copy().buffer).getFloat64(0, true)).toBe(Math.PI);
});

test('a writer holds as much as its limit, no byte more, and keeps what it had', () => {
  const writer = new ByteWriter(5, 1);
  writer.writeBytes(new Uint8Array(4));
  expect(() => writer.writeUint32(1)).toThrow(expect.objectContaining({ kind: 'invalid', values: { bytesMax: 5 } }));
  writer.writeByte(1);
  expect(() => writer.writeByte(1)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  expect(writer.copy()).toEqual(Uint8Array.of(0, 0, 0, 0, 1));
});

test('clear forgets all, and gives a very large buffer back', () => {
  const writer = new ByteWriter(10_000_000);
  writer.writeBytes(new Uint8Array(5_000_000));
  writer.clear();
  expect(writer.view().length).toBe(0);
  expect(writer.buffer.length).toBe(1024 * 1024);
});

test('reading past the end is corrupt, with the offset', () => {
  const reader = new ByteReader(new Uint8Array(10), 2, 5);
  expect(() => reader.readUint32()).toThrow(expect.objectContaining({ kind: 'corrupt', values: { offset: 2 } }));
  expect(reader.readBytes(3).length).toBe(3);
  expect(() => reader.readByte()).toThrow(expect.objectContaining({ kind: 'corrupt', values: { offset: 5 } }));
});
