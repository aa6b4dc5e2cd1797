import { expect, test } from 'vitest';
import { assert, InvariantError, unreachable } from './assert.ts';

test('a claim that holds passes, one that does not throws with the claim', () => {
  assert(true, 'one is one');
  expect(() => assert(false, 'only committed entries are applied')).toThrow(
    new InvariantError('this must hold, and does not: only committed entries are applied'),
  );
});

test('a broken invariant is an error class of its own, by name too', () => {
  const error = new InvariantError('x');
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe('InvariantError');
});

test('the end of a switch names the value that has no case, whatever it is', () => {
  const values: readonly [unknown, string][] = [
    [{ kind: 'new' }, '{"kind":"new"}'],
    [undefined, 'undefined'],
    ['x', '"x"'],
  ];
  for (const [value, text] of values)
    expect(() => unreachable(value as never)).toThrow(new InvariantError(`no case for ${text}`));
});
