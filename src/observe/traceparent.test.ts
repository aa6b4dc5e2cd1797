import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTraceparent, printTraceparent } from './traceparent.ts';

const hex = (length: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((digits) => digits.join(''))
    .filter((text) => !/^0+$/.test(text));

test('parse gives back what was printed', () => {
  fc.assert(
    fc.property(fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }), (context) => {
      expect(parseTraceparent(printTraceparent(context))).toEqual(context);
    }),
  );
});

test('the examples of the standard are read as it says (Trace Context §3.2)', () => {
  const ids = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
  expect(parseTraceparent('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')).toEqual({
    ...ids,
    sampled: true,
  });
  expect(parseTraceparent('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00')).toEqual({
    ...ids,
    sampled: false,
  });
  expect(parseTraceparent('cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what-comes-later')).toEqual({
    ...ids,
    sampled: true,
  });
});

test('bad input is null', () => {
  const good = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const bad = [
    '',
    good.slice(1),
    good.toUpperCase(),
    `${good}-later`,
    `${good} `,
    `${good}\n`,
    good.replace('00-4', 'ff-4'),
    good.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
    good.replace('00f067aa0ba902b7', '0'.repeat(16)),
    good.replace('-01', '-0g'),
    `cc${good.slice(2)}.later`,
    `cc${good.slice(2)}-${'x'.repeat(1_000)}`,
  ];
  expect(bad.filter((text) => parseTraceparent(text) !== null)).toEqual([]);
});

test('no text makes it throw', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseTraceparent(text)));
});
