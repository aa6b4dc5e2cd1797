import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { Memo } from './memo.ts';

interface Configuration {
  readonly state: number;
  readonly base: number;
  readonly window: number;
  readonly info: number;
}

test('what is known is what the definition says, through collisions and growth', () => {
  const random = new SeededRandom('memo');
  const memo = new Memo(1, 2 ** 24);
  const known: Configuration[] = [];
  const counts = { new: 0, known: 0 };
  for (let index = 0; index < 8_000; index++) {
    const one: Configuration = {
      state: random.below(40),
      base: random.below(20),
      window: random.below(4),
      info: random.below(64),
    };
    const isKnown = known.some(
      ({ state, base, window, info }) =>
        state === one.state && base === one.base && window === one.window && (info & ~one.info) === 0,
    );
    const said = memo.add(one.state, one.base, Int32Array.of(one.window, -1), 1, Int32Array.of(one.info));
    expect(said, `configuration ${index}`).toBe(isKnown ? 'known' : 'new');
    counts[isKnown ? 'known' : 'new']++;
    if (!isKnown) known.push(one);
  }
  expect(counts.new).toBeGreaterThan(3_000);
  expect(counts.known).toBeGreaterThan(1_000);
  expect(memo.count).toBe(counts.new);
});

test('it is full where its bytes end, and what it had is still known', () => {
  const memo = new Memo(0, 40_000);
  const add = (state: number) => memo.add(state, 0, new Int32Array(1), 1, new Int32Array(0));
  let count = 0;
  while (add(count) === 'new') count++;
  expect(add(count)).toBe('full');
  expect(count).toBeGreaterThan(1_000);
  expect(memo.bytes).toBeLessThanOrEqual(40_000);
  expect(add(0)).toBe('known');
});
