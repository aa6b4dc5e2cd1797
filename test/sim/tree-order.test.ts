/** The search for an order, against the one that tries all of them. */
import { SeededRandom } from '../../src/kernel/random.ts';
import { expect, test } from 'vitest';
import { written, type State, type Write } from './services/tree-model.ts';
import { orderOf } from './services/tree-order.ts';

const keys = ['a', 'b', 'c', 'd'];

function randomBatch(random: SeededRandom, name: number): readonly Write[] {
  return Array.from({ length: 1 + random.below(2) }, (): Write => {
    const key = keys[random.below(keys.length)] as string;
    if (random.chance(0.2)) return { kind: 'delete', key };
    if (random.chance(0.2)) return { kind: 'deleteRange', from: 'b', to: 'd' };
    return { kind: 'put', key, value: `${name}` };
  });
}

/** Each state that so many of the batches can make, in all orders. */
function allAfter(before: State, batches: readonly (readonly Write[])[], count: number): ReadonlySet<string> {
  if (count === 0) return new Set([textOf(before)]);
  return new Set(
    batches.flatMap((batch, at) => [...allAfter(written(before, batch), batches.toSpliced(at, 1), count - 1)]),
  );
}

const textOf = (state: State): string => JSON.stringify([...state].toSorted(([a], [b]) => (a < b ? -1 : 1)));
const stateOf = (text: string): State => new Map(JSON.parse(text) as [string, string][]);

test('it finds an order where there is one, and none where there is none', () => {
  const random = new SeededRandom(7);
  let [found, missing] = [0, 0];
  for (let round = 0; round < 300; round++) {
    const before = new Map(keys.filter(() => random.chance(0.5)).map((key) => [key, 'before']));
    const batches = Array.from({ length: 1 + random.below(4) }, (_, name) => randomBatch(random, name));
    const count = random.below(batches.length + 1);
    const possible = allAfter(before, batches, count);
    const others = allAfter(before, [...batches, [{ kind: 'put', key: 'a', value: '0' }]], count);
    for (const text of new Set([...possible, ...others])) {
      const order = orderOf(before, batches, count, stateOf(text));
      expect(order !== null).toBe(possible.has(text));
      if (order === null) missing++;
      else {
        found++;
        expect(new Set(order).size).toBe(count);
        const made = order.reduce(
          (state, index) => written(state, batches[index] as readonly Write[]),
          before as State,
        );
        expect(textOf(made)).toBe(text);
      }
    }
  }
  expect(Math.min(found, missing)).toBeGreaterThan(100);
});
