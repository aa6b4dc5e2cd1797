import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { ByteWriter } from './byte-writer.ts';
import { ValueDecoder } from './value-decode.ts';
import { ValueEncoder } from './value-encode.ts';
import type { StoredValue } from './value-format.ts';

const encoder = new ValueEncoder();
const decoder = new ValueDecoder();
const roundTrip = (value: unknown): StoredValue => decoder.decode(encoder.encode(value));
const fromHex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, 'hex'));
const hex = (value: unknown): string => Buffer.from(encoder.encode(value)).toString('hex');

const texts = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 50 }).filter((text) => text.isWellFormed()),
  fc.string({ unit: fc.constantFrom('a', 'é', '好', '😀'), minLength: 8, maxLength: 45 }),
);
const keys = fc.oneof(fc.constantFrom('a', 'b', 'id', '__proto__', 'constructor', '1', ''), texts);
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      null,
      true,
      false,
      0,
      -0,
      -1,
      -32,
      -33,
      127,
      128,
      255,
      256,
      65_535,
      65_536,
      2 ** 32 - 1,
      2 ** 32,
      -(2 ** 32),
    ),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt(),
    texts,
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 20, noNullPrototype: true }),
    fc.array(fc.record({ id: fc.nat(), name: tie('value') }, { noNullPrototype: true }), { maxLength: 4 }),
  ),
}));
const runs = { numRuns: 1_000 };

function failureOf(run: () => unknown): { kind: string; values: Record<string, unknown>; message: string } {
  try {
    run();
  } catch (error) {
    if (isLockstepError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('a value reads back as it was written, property order and -0 included', () => {
  fc.assert(
    fc.property(values, (value) => {
      const back = roundTrip(value);
      expect(isDeepStrictEqual(back, value)).toBe(true);
      expect(hex(back)).toBe(hex(value));
      // Equality says nothing of the order of properties.
      const order = (_name: string, item: unknown): unknown => (typeof item === 'bigint' ? String(item) : item);
      expect(JSON.stringify(back, order)).toBe(JSON.stringify(value, order));
    }),
    runs,
  );
});

test('the bytes are those of the format', () => {
  const vectors: [unknown, string][] = [
    [0, '00'],
    [127, '7f'],
    [128, 'c480'],
    [300, 'c52c01'],
    [65_536, 'c600000100'],
    [-1, 'ff'],
    [-33, 'c720'],
    [-0, 'ca0000000000000080'],
    [1.5, 'ca000000000000f83f'],
    [2 ** 32, 'ca000000000000f041'],
    [null, 'c0'],
    [true, 'c2'],
    [258n, 'cb020102'],
    [-1n, 'cc0101'],
    [0n, 'cb00'],
    [new Date(0), 'cd0000000000000000'],
    ['é', 'a2c3a9'],
    [Uint8Array.of(9), 'cf0109'],
    [{ amount: 100 }, '81a6616d6f756e7464'],
    [[{ a: 1 }, { a: 2 }, [{ a: 3 }]], '9381a1610' + '1c3029181a16103'],
  ];
  for (const [value, bytes] of vectors) expect(hex(value)).toBe(bytes);
});

test('strings of every length around the limits of their forms read back', () => {
  for (const character of ['a', 'é', '好', '😀']) {
    for (const count of [0, 1, 7, 8, 10, 11, 15, 16, 20, 21, 31, 32, 39, 40, 41, 42, 63, 64, 127, 128, 5_000, 16_384]) {
      const text = character.repeat(count);
      const back = roundTrip([text, { [text]: 1 }]) as [string, object];
      expect(back[0] === text && Object.keys(back[1])[0] === text).toBe(true);
    }
  }
  expect(roundTrip(`\ufeff${'x'.repeat(50)}`)).toBe(`\ufeff${'x'.repeat(50)}`);
});

test('a property that is undefined is left out, and leaves no trace in the bytes', () => {
  expect(roundTrip({ a: 1, b: undefined })).toStrictEqual({ a: 1 });
  expect(
    hex([
      { a: 1, b: undefined },
      { b: undefined, a: 2 },
    ]),
  ).toBe(hex([{ a: 1 }, { a: 2 }]));
});

test('properties that JSON.stringify does not see are not stored: named by symbols, inherited, not enumerable', () => {
  const value = Object.defineProperty({ [Symbol('s')]: 1, a: 1 }, 'hidden', { value: 2, enumerable: false });
  expect(roundTrip(value)).toStrictEqual({ a: 1 });
});

test('the order of properties is part of the value', () => {
  expect(hex({ a: 1, b: 2 })).not.toBe(hex({ b: 2, a: 1 }));
});

test('rows are found among other items, and only in their own array', () => {
  const value = [{ a: 1 }, null, { a: 2 }, {}, { a: 3 }, [{ a: 4 }], { b: 1 }, { a: 5 }, { a: { a: [{ a: 6 }] } }];
  expect(roundTrip(value)).toStrictEqual(value);
  expect(failureOf(() => decoder.decode(fromHex('91c301'))).kind).toBe('corrupt');
  expect(failureOf(() => decoder.decode(fromHex('c301'))).kind).toBe('corrupt');
});

test('__proto__ is a property like any other, and changes no prototype', () => {
  const value: unknown = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}');
  const back = roundTrip(value) as object;
  expect(Object.keys(back)).toEqual(['__proto__', 'constructor']);
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  expect('polluted' in back).toBe(false);
});

test('what cannot be stored is refused with the path to it', () => {
  class Money {
    cents = 1;
  }
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  const refusals: [unknown, string, string][] = [
    [{ items: [1, 2, 3, { when: new Date(Number.NaN) }] }, '$.items[3].when', 'an invalid date'],
    [undefined, '$', 'undefined'],
    [[1, undefined], '$[1]', 'undefined'],
    [sparse, '$[1]', 'undefined'],
    [{ run: () => 1 }, '$.run', 'a function'],
    [{ 'a b': Symbol('x') }, '$["a b"]', 'a symbol'],
    [{ price: new Money() }, '$.price', 'an instance of Money'],
    [{ m: new Map() }, '$.m', 'an instance of Map'],
    [[new Set()], '$[0]', 'an instance of Set'],
    [[/x/], '$[0]', 'an instance of RegExp'],
    [new Float64Array(1), '$', 'an instance of Float64Array'],
    [Object.create({ inherited: 1 }), '$', 'an instance of Object'],
    [{ a: { n: Number.NaN } }, '$.a.n', 'NaN'],
    [[Infinity], '$[0]', 'Infinity'],
    [{ text: 'a\ud800' }, '$.text', 'lone surrogate'],
    [{ text: 'a'.repeat(100) + '\udfff' }, '$.text', 'lone surrogate'],
    [{ ['\ud800']: 1 }, '$["\\ud800"]', 'lone surrogate'],
    [[{ a: 1 }, { a: () => 1 }], '$[1].a', 'a function'],
  ];
  for (const [value, path, words] of refusals) {
    const failure = failureOf(() => encoder.encode(value));
    expect(failure.kind).toBe('invalid');
    expect(failure.values['path']).toBe(path);
    expect(failure.message).toContain(words);
  }
});

test('a value that contains itself is refused with both places', () => {
  const order: Record<string, unknown> = { id: 1 };
  order['items'] = [{ order }];
  const failure = failureOf(() => encoder.encode({ order }));
  expect(failure.values).toEqual({ path: '$.order.items[0].order', same: '$.order' });
  const shared = { a: 1 };
  expect(roundTrip([shared, shared])).toEqual([shared, shared]);
});

test('objects without a prototype, of another realm, and Buffers are plain data', () => {
  const bare = Object.assign(Object.create(null) as object, { a: 1 });
  expect(roundTrip(bare)).toStrictEqual({ a: 1 });
  expect(roundTrip(runInNewContext('({ list: [{ a: 1 }] })'))).toStrictEqual({ list: [{ a: 1 }] });
  expect(roundTrip(Buffer.from('abc'))).toStrictEqual(new TextEncoder().encode('abc'));
});

test('bytes that are read back are copies of their own, also out of a Buffer', () => {
  const stored = Buffer.from(encoder.encode({ raw: Uint8Array.of(1, 2, 3) }));
  const back = decoder.decode(stored) as { raw: Uint8Array };
  stored.fill(0);
  expect(back).toStrictEqual({ raw: Uint8Array.of(1, 2, 3) });
  expect(back.raw.buffer.byteLength).toBe(3);
});

test('limits hold on both sides: bytes, depth, items and properties', () => {
  const limits = { bytesMax: 50, depthMax: 3, countMax: 6 };
  const [small, reader] = [new ValueEncoder(limits), new ValueDecoder(limits)];
  const tooMuch: [unknown, string][] = [
    [['x'.repeat(60)], '$[0]'],
    [{ raw: new Uint8Array(51) }, '$.raw'],
    [['x'.repeat(30), 'x'.repeat(30)], '$'],
    [[1n << 500n], '$[0]'],
    [[[[[]]]], '$[0][0][0]'],
    [{ a: [1, 2, 3], b: [1, 2] }, '$.b'],
  ];
  for (const [value, path] of tooMuch) {
    expect(failureOf(() => small.encode(value))).toMatchObject({ kind: 'invalid', values: { path } });
    expect(failureOf(() => reader.decode(encoder.encode(value))).kind).toBe('corrupt');
  }
  const fits = { a: [[1, 2], 'x'.repeat(30)] };
  expect(reader.decode(small.encode(fits))).toEqual(fits);
  expect(() => new ValueDecoder({ ...limits, depthMax: 0 })).toThrow(expect.objectContaining({ kind: 'misuse' }));
});

test('a value is written behind what the writer holds, and a refused one leaves no trace', () => {
  const writer = new ByteWriter(1_000);
  writer.writeByte(7);
  encoder.write(writer, { a: 1 });
  const length = writer.length;
  expect(failureOf(() => encoder.write(writer, { a: 1, b: () => 1 })).kind).toBe('invalid');
  expect(writer.length).toBe(length);
  expect(decoder.decode(writer.view(), 1)).toEqual({ a: 1 });
});

test('an encoder used by a getter of the value it encodes says so', () => {
  const value = {
    get inner(): Uint8Array {
      return encoder.encode(1);
    },
  };
  expect(failureOf(() => encoder.encode(value)).kind).toBe('misuse');
  let reads = 0;
  const fickle = {
    get once(): number | undefined {
      return reads++ === 0 ? 1 : undefined;
    },
  };
  expect(failureOf(() => encoder.encode({ fickle })).values).toEqual({ path: '$.fickle' });
  expect(roundTrip([1])).toEqual([1]);
});

function survives(bytes: Uint8Array): void {
  let value: StoredValue;
  try {
    value = decoder.decode(bytes);
  } catch (error) {
    if (!isLockstepError(error, 'corrupt')) throw error;
    expect(typeof error.values['offset']).toBe('number');
    return;
  }
  expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true);
}

test('any bytes are a value or corrupt, with the offset', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), survives), { numRuns: 3_000 });
  const tags = fc.integer({ min: 0x80, max: 0xd5 });
  const telling = fc.array(fc.oneof(tags, fc.constantFrom(0x81, 0x92, 0xa1, 0xc3, 0, 1, 0x61)), { maxLength: 20 });
  fc.assert(
    fc.property(telling, (bytes) => survives(Uint8Array.from(bytes))),
    { numRuns: 3_000 },
  );
});

test('a valid encoding that was cut or changed is a value or corrupt', () => {
  fc.assert(
    fc.property(values, fc.nat(), fc.nat(255), (value, place, byte) => {
      const bytes = encoder.encode(value);
      expect(failureOf(() => decoder.decode(bytes.slice(0, place % bytes.length))).kind).toBe('corrupt');
      expect(failureOf(() => decoder.decode(Uint8Array.of(...bytes, byte))).kind).toBe('corrupt');
      bytes[place % bytes.length] = byte;
      survives(bytes);
    }),
    runs,
  );
});

test('hostile counts and depths make nothing', () => {
  const hostile = ['d0ffffffff7f', 'd1ffffffff7f', 'ceffffffffffffff0f', 'cfffffffffffffff0f', 'cbffffffffffffff0f'];
  for (const bytes of hostile) expect(failureOf(() => decoder.decode(fromHex(bytes))).kind).toBe('corrupt');
  expect(failureOf(() => decoder.decode(new Uint8Array(100_000).fill(0x91))).kind).toBe('corrupt');
});
