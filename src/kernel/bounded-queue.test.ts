import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InvariantError } from './assert.ts';
import { BoundedQueue } from './bounded-queue.ts';

test('it behaves as an array with a limit, over any sequence of pushes and shifts', () => {
  const pushes = fc.oneof(fc.constant('push' as const), fc.constant('push' as const), fc.constant('shift' as const));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(pushes, { maxLength: 200, size: 'max' }),
      (countMax, steps) => {
        const queue = new BoundedQueue<number>(countMax);
        const model: number[] = [];
        for (const [item, step] of steps.entries()) {
          if (step === 'shift') expect(queue.shift()).toBe(model.shift());
          else if (model.length === countMax) expect(queue.push(item)).toBe('full');
          else {
            expect(queue.push(item)).toBe('queued');
            model.push(item);
          }
          expect(queue.count).toBe(model.length);
        }
        while (model.length > 0) expect(queue.shift()).toBe(model.shift());
        expect(queue.shift()).toBeUndefined();
      },
    ),
  );
});

test('what was refused at the limit is not taken, and room comes back with a shift', () => {
  const queue = new BoundedQueue<string>(1);
  expect([queue.push('a'), queue.push('b'), queue.shift(), queue.push('c'), queue.shift()]).toEqual([
    'queued',
    'full',
    'a',
    'queued',
    'c',
  ]);
});

test('a limit that is none is our bug', () => {
  for (const countMax of [0, -1, 1.5, Number.NaN, Infinity])
    expect(() => new BoundedQueue(countMax)).toThrow(InvariantError);
});
