import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { ByteWriter } from './byte-writer.ts';
import { compareBytes } from './compare.ts';
import { decodeTuple } from './tuple-decode.ts';
import { encodeTuple, type KeyPart, tupleRange, writeTuple } from './tuple.ts';

/** The stated order, written as plainly as it can be: the oracle. */
function compareParts(a: KeyPart, b: KeyPart): number {
  const kinds = kindOf(a) - kindOf(b);
  if (kinds !== 0) return kinds;
  if (typeof a === 'string') return compareLists(codePoints(a), codePoints(b as string), (x, y) => x - y);
  if (a instanceof Uint8Array) return compareLists([...a], [...(b as Uint8Array)], (x, y) => x - y);
  if (Array.isArray(a)) return compareLists(a, b as KeyPart[], compareParts);
  const [x, y] = [a as number, b as number]; // bigints, booleans and dates compare by the same operators
  return x < y ? -1 : x > y ? 1 : 0;
}

function kindOf(part: KeyPart): number {
  if (part === null) return 0;
  if (part instanceof Date) return 4;
  if (part instanceof Uint8Array) return 6;
  return { boolean: 1, number: 2, bigint: 3, string: 5, object: 7 }[typeof part as 'boolean'];
}

const codePoints = (text: string): number[] => [...text].map((point) => point.codePointAt(0) as number);

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (x: T, y: T) => number): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const difference = compare(a[index] as T, b[index] as T);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const numbers = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer({ min: -300, max: 300 }),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    0.5,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    Infinity,
    -Infinity,
    Number.MIN_VALUE,
    Number.MAX_VALUE,
  ),
);
/** Few different characters, so that prefixes and escapes are met often; both sides of the surrogates. */
const strings = fc.oneof(
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.string({
    unit: fc.constantFrom('\0', '\u0001', '\u0002', 'a', 'é', '\ud7ff', '\ue000', '\uffff', '😀'),
    maxLength: 4,
  }),
);
const { tuple: parts } = fc.letrec<{ part: KeyPart; tuple: KeyPart[] }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    numbers,
    fc.oneof(fc.bigInt(), fc.bigInt({ min: -3n, max: 3n })),
    fc.date({ noInvalidDate: true }),
    strings,
    fc.uint8Array({ maxLength: 6 }),
    fc.array(fc.constantFrom(0, 1, 2, 255), { maxLength: 3 }).map((bytes) => Uint8Array.from(bytes)),
    tie('tuple'),
  ),
  tuple: fc.array(tie('part'), { maxLength: 4 }),
}));

const runs = { numRuns: 2_000 };
const withoutNegativeZero = (part: KeyPart): KeyPart =>
  part === 0 ? 0 : Array.isArray(part) ? part.map(withoutNegativeZero) : part;

test('encodings compare as tuples do', () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const expected = Math.sign(compareLists(a, b, compareParts));
      expect(Math.sign(compareBytes(encodeTuple(a), encodeTuple(b)))).toBe(expected);
    }),
    runs,
  );
});

test('encodings of two numbers compare as the numbers do', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      expect(Math.sign(compareBytes(encodeTuple([a]), encodeTuple([b])))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
    { numRuns: 5_000 },
  );
});

test('what is decoded is what was encoded, but that -0 is 0', () => {
  fc.assert(
    fc.property(parts, (tuple) => {
      expect(decodeTuple(encodeTuple(tuple))).toEqual(withoutNegativeZero(tuple));
    }),
    runs,
  );
});

test("an encoding is a prefix of another exactly when its tuple begins the other's, and a range holds just those", () => {
  const startsWith = (whole: Uint8Array, start: Uint8Array): boolean =>
    start.length <= whole.length && compareBytes(whole.subarray(0, start.length), start) === 0;
  fc.assert(
    fc.property(parts, parts, fc.boolean(), (prefix, other, extend) => {
      const tuple = extend ? [...prefix, ...other] : other;
      const begins =
        prefix.length <= tuple.length && compareLists(prefix, tuple.slice(0, prefix.length), compareParts) === 0;
      const key = encodeTuple(tuple);
      const range = tupleRange(prefix);
      expect(startsWith(key, encodeTuple(prefix))).toBe(begins);
      expect(compareBytes(range.start, key) <= 0 && compareBytes(key, range.end) < 0).toBe(begins);
    }),
    runs,
  );
});

test('any bytes decode to a tuple that encodes to the same bytes, or are corrupt', () => {
  const attempt = (bytes: Uint8Array): void => {
    let tuple: KeyPart[];
    try {
      tuple = decodeTuple(bytes);
    } catch (error) {
      expect(isLockstepError(error, 'corrupt') && typeof error.values['offset']).toBe('number');
      return;
    }
    expect(encodeTuple(tuple)).toEqual(bytes);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), attempt), runs);
  const codes = fc.constantFrom(
    0,
    1,
    2,
    0x10,
    0x18,
    0x20,
    0x21,
    0x28,
    0x29,
    0x30,
    0x31,
    0x40,
    0x48,
    0x50,
    0x7f,
    0xfe,
    0xff,
  );
  fc.assert(
    fc.property(fc.array(codes, { maxLength: 12 }), (bytes) => attempt(Uint8Array.from(bytes))),
    runs,
  );
  fc.assert(
    fc.property(parts, fc.nat(), fc.nat(255), (tuple, place, byte) => {
      const bytes = encodeTuple(tuple);
      if (bytes.length > 0) bytes[place % bytes.length] = byte;
      attempt(bytes);
      attempt(bytes.slice(0, place % (bytes.length + 1)));
    }),
    runs,
  );
});

test('what has no place in a key is refused with its path, and leaves no trace in the writer', () => {
  const refusals: [unknown[], string][] = [
    [[1, Number.NaN], '$[1]'],
    [[new Date(Number.NaN)], '$[0]'],
    [['ok', ['\ud800']], '$[1][0]'],
    [['\udc00\ud800'], '$[0]'],
    [[undefined], '$[0]'],
    [[{ a: 1 }], '$[0]'],
    [[() => 1], '$[0]'],
    [[1n << 2040n], '$[0]'],
  ];
  for (const [tuple, path] of refusals) {
    const writer = new ByteWriter(1_000);
    writer.writeByte(7);
    expect(() => writeTuple(writer, tuple as KeyPart[])).toThrow(
      expect.objectContaining({ kind: 'invalid', values: { path } }),
    );
    expect(writer.copy()).toEqual(Uint8Array.of(7));
  }
  expect(encodeTuple([(1n << 2040n) - 1n]).length).toBe(257);
});

test('keys have limits: length, and depth of tuples in tuples', () => {
  expect(encodeTuple(['x'.repeat(8_190)]).length).toBe(8_192);
  for (const text of ['x'.repeat(8_191), 'é'.repeat(4_096)]) {
    expect(() => encodeTuple([text])).toThrow(expect.objectContaining({ kind: 'invalid' }));
  }
  expect(() => decodeTuple(new Uint8Array(9_000).fill(0x10))).toThrow(expect.objectContaining({ kind: 'corrupt' }));
  let nested: KeyPart = [];
  for (let depth = 0; depth < 17; depth++) nested = [nested];
  expect(() => encodeTuple([nested])).toThrow(expect.objectContaining({ kind: 'invalid' }));
  expect(() => decodeTuple(new Uint8Array(20).fill(0x50))).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test('small integers are short', () => {
  const sizes = [0, 1, 7, 100, 1_000, 999_999, -1, 0.5, Math.PI].map((value) => encodeTuple([value]).length);
  expect(sizes).toEqual([2, 3, 3, 4, 4, 6, 3, 3, 10]);
});
