import { expect, test } from 'vitest';
import { isSameValue } from './same-value.ts';
import type { StoredValue } from './value-format.ts';

test('values are the same as themselves, in whatever order their properties stand', () => {
  const made = (): StoredValue[] => [
    null,
    false,
    0,
    -0,
    NaN,
    0n,
    '',
    '0',
    new Date(0),
    new Date(NaN),
    Uint8Array.of(),
    Uint8Array.of(0),
    [],
    [0],
    [0, 1],
    [1, 0],
    {},
    { 0: 0 },
    { a: 0 },
    { a: null },
    { b: 0 },
    { a: 0, b: [{ c: new Date(0) }] },
    { a: 0, b: [{ c: new Date(1) }] },
  ];
  const all = made();
  for (const [index, one] of all.entries())
    for (const [other, another] of made().entries()) expect(isSameValue(one, another)).toBe(index === other);
  expect(isSameValue({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true);
});
