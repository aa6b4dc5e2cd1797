import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamIndex } from './stream-index.ts';

test('it behaves as an array of positions, over any appends and truncations', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'add', 'add', 'skip', 'after', 'before'),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const index = new StreamIndex(1);
      let [first, position] = [1, 1];
      let model: number[] = [];
      for (const { kind, share } of steps) {
        const at = first + Math.floor(share * model.length);
        if (kind === 'skip') position += 1 + Math.floor(share * 3);
        if (kind === 'add') {
          index.add(first + model.length, position);
          model.push(position++);
        }
        if (kind === 'after') {
          index.truncateAfter(at - 1);
          model = model.slice(0, at - first);
        }
        if (kind === 'before') {
          index.truncateBefore(at);
          model = model.slice(at - first);
          first = at;
        }
        expect([index.first, index.next]).toEqual([first, first + model.length]);
        expect(model.map((_, offset) => index.positionOf(first + offset))).toEqual(model);
        expect(index.oldest).toBe(model[0] ?? null);
      }
    }),
  );
});

test('a stream may go on ahead of all it held, and is empty then', () => {
  const index = new StreamIndex(1);
  index.add(1, 10);
  index.truncateBefore(5);
  expect([index.first, index.next, index.oldest, index.empty]).toEqual([5, 5, null, true]);
  index.add(5, 20);
  expect(index.positionOf(5)).toBe(20);
});
