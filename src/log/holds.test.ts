import { expect, test } from 'vitest';
import { position } from './coordinates.ts';
import { Holds } from './holds.ts';

test('the earliest hold limits what is let go; it moves on, never back, and is gone once released', () => {
  const holds = new Holds();
  expect(holds.limit(position(9))).toBe(9);
  const [near, far] = [holds.take(position(3)), holds.take(position(6))];
  expect(holds.limit(position(9))).toBe(3);
  expect(holds.limit(position(2))).toBe(2);
  near.move(position(5));
  near.move(position(1));
  expect(holds.limit(position(9))).toBe(5);
  near.release();
  near.move(position(8));
  near.release();
  expect(holds.limit(position(9))).toBe(6);
  far.release();
  expect(holds.limit(position(9))).toBe(9);
});

test('there are only so many', () => {
  const holds = new Holds(1);
  const only = holds.take(position(1));
  expect(() => holds.take(position(1))).toThrow(expect.objectContaining({ kind: 'overloaded' }));
  only.release();
  holds.take(position(1));
});
