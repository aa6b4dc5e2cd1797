import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InvariantError } from './assert.ts';
import { RandomSource, SeededRandom, uuidv7 } from './random.ts';

/** Answers what the test says, so that the draws built of it can be held against their definitions. */
class Scripted extends RandomSource {
  readonly #words: number[];
  constructor(...words: number[]) {
    super();
    this.#words = words;
  }
  override uint32(): number {
    return this.#words.shift() ?? expect.unreachable();
  }
}

const draws = (random: RandomSource, count: number): readonly number[] =>
  Array.from({ length: count }, () => random.uint32());

test('one seed gives one sequence, today and in a year: replays of old reports depend on it', () => {
  expect(draws(new SeededRandom('lockstep'), 4)).toEqual([2_984_105_873, 2_193_330_533, 825_102_011, 3_583_835_912]);
  expect(draws(new SeededRandom(7), 9)).toEqual(draws(new SeededRandom('7'), 9));
});

test('a fork depends on seed and label alone, not on what was drawn before', () => {
  const [fresh, used] = [new SeededRandom(1), new SeededRandom(1)];
  draws(used, 100);
  expect(draws(used.fork('disk'), 9)).toEqual(draws(fresh.fork('disk'), 9));
  expect(draws(fresh.fork('net'), 9)).not.toEqual(draws(fresh.fork('disk'), 9));
  expect(draws(fresh, 9)).toEqual(draws(new SeededRandom(1), 9));
});

test('neighbouring seeds have nothing in common', () => {
  const firsts = new Set(Array.from({ length: 5_000 }, (_, seed) => new SeededRandom(seed).uint32()));
  expect(firsts.size).toBeGreaterThan(4_990);
});

test('every bit is set half of the time', () => {
  const random = new SeededRandom('bits');
  const counts = Array.from({ length: 32 }, () => 0);
  for (let draw = 0; draw < 10_000; draw++) {
    const word = random.uint32();
    expect(Number.isInteger(word) && word >= 0 && word < 2 ** 32).toBe(true);
    for (let bit = 0; bit < 32; bit++) counts[bit] = (counts[bit] ?? 0) + ((word >>> bit) & 1);
  }
  // Six standard deviations of 50.
  for (const count of counts) expect(Math.abs(count - 5_000)).toBeLessThan(300);
});

test('float is at least 0 and below 1 at both ends of the words it is made of', () => {
  expect(new Scripted(0, 0).float()).toBe(0);
  expect(new Scripted(0xffffffff, 0xffffffff).float()).toBe(1 - 2 ** -53);
  expect(new Scripted(0, 0x40).float()).toBe(2 ** -53);
});

test('below stays below its bound and has no bias: what does not fit a whole number of times is drawn again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.string(), (bound, seed) => {
      const drawn = new SeededRandom(seed).below(bound);
      expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true);
    }),
  );
  // 2^32 - 1 is divisible by 3, so the one word above that is not used.
  expect(new Scripted(0xffffffff, 5).below(3)).toBe(2);
  expect(new Scripted(0xffffffff).below(2 ** 32)).toBe(0xffffffff);
  for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN])
    expect(() => new SeededRandom(1).below(bound)).toThrow(InvariantError);
});

test('between, chance and pick are made of the same draws', () => {
  expect(new Scripted(0x80000000, 0).between(10, 20)).toBe(15);
  expect(new Scripted(0x80000000, 0).chance(0.5)).toBe(false);
  expect(new Scripted(0x7fffffff, 0).chance(0.5)).toBe(true);
  expect([0, 1].map((probability) => new SeededRandom('x').chance(probability))).toEqual([false, true]);
  expect(new Scripted(7).pick(['a', 'b', 'c'])).toBe('b');
  expect(() => new SeededRandom(1).pick([])).toThrow(InvariantError);
});

test('chance draws even when it is certain, so that changing a probability shifts nothing else', () => {
  const [certain, even] = [new SeededRandom('x'), new SeededRandom('x')];
  certain.chance(0);
  even.chance(0.5);
  expect(certain.uint32()).toBe(even.uint32());
});

test('fill sets every byte', () => {
  const random: RandomSource = new SeededRandom('bytes');
  const filled = (bytes: Uint8Array): ReadonlySet<number> => {
    random.fill(bytes);
    return new Set(bytes);
  };
  expect(filled(new Uint8Array(64)).size).toBeGreaterThan(40);
});

test('an id has the shape of RFC 9562, section 5.7, and orders by its time', () => {
  const random = new SeededRandom('ids');
  const ids = [0, 1, 0x17f22e279b0, 2 ** 48 - 1].map((ms) => uuidv7(ms, random));
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids.toSorted()).toEqual(ids);
  // The time of the RFC's own example (appendix A.6).
  expect(ids[2]?.slice(0, 13)).toBe('017f22e2-79b0');
  expect(new Set(Array.from({ length: 1_000 }, () => uuidv7(5, random))).size).toBe(1_000);
  for (const ms of [-1, 2 ** 48, 0.5, Number.NaN]) expect(() => uuidv7(ms, random)).toThrow(InvariantError);
});

test('a fork of a fork is not the fork of the joined label', () => {
  const random = new SeededRandom(1);
  expect(random.fork('a').fork('b').uint32()).not.toBe(random.fork('a/b').uint32());
});
