import { assert } from './assert.ts';

/**
 * Random numbers. `RandomSource` makes every draw out of one method, so that the real world (`os`) and the seeded one
 * differ in nothing else; `SeededRandom` is xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021): fast, small, passes BigCrush; not for secrets.
 */
export abstract class RandomSource {
  /** A whole number of 32 random bits, at least 0. */
  abstract uint32(): number;

  /** At least 0, below 1, with 53 random bits. */
  float(): number {
    return ((this.uint32() >>> 5) * 67_108_864 + (this.uint32() >>> 6)) / 9_007_199_254_740_992;
  }

  /** A whole number from 0 to `bound` - 1, without bias; `bound` is at most 2^32. */
  below(bound: number): number {
    assert(
      Number.isSafeInteger(bound) && bound > 0 && bound <= 4_294_967_296,
      'a bound is a whole number from 1 to 2^32',
    );
    const limit = 4_294_967_296 - (4_294_967_296 % bound);
    for (;;) {
      const drawn = this.uint32();
      if (drawn < limit) return drawn % bound;
    }
  }

  /** From `low`, included, to `high`, excluded. */
  between(low: number, high: number): number {
    return low + this.float() * (high - low);
  }

  /** True with this probability. Always draws, so that changing a probability shifts nothing else. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'there is something to pick from');
    return items[this.below(items.length)] as T;
  }

  fill(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.uint32() >>> 24;
  }
}

export class SeededRandom extends RandomSource {
  readonly #seed: string;
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  constructor(seed: number | string) {
    super();
    this.#seed = String(seed);
    const [first, second] = [mixer(hashText(this.#seed, 0x811c9dc5)), mixer(hashText(this.#seed, 0x9dc5811c))];
    this.#a = first();
    this.#b = first();
    this.#c = second();
    this.#d = second() | 1; // never all zero
  }

  /** A source of its own for one purpose: drawing more here moves nothing there. Depends on the seed and the label alone. */
  fork(label: string): SeededRandom {
    return new SeededRandom(`${this.#seed}(${label})`);
  }

  override uint32(): number {
    const mixed = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotate(this.#d, 11);
    return mixed;
  }
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** FNV-1a over UTF-16 code units: enough to tell seeds and labels apart; the mixer does the rest. */
function hashText(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** SplitMix32: spreads one word over the state. */
function mixer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}

const hexOf = (digits: number): readonly string[] =>
  Array.from({ length: 16 ** digits }, (_, value) => value.toString(16).padStart(digits, '0'));
const [hex1, hex2, hex3] = [hexOf(1), hexOf(2), hexOf(3)];

/** A UUID of version 7 (RFC 9562): ordered by its time to the millisecond, 74 random bits. */
export function uuidv7(wallMs: number, random: RandomSource): string {
  assert(Number.isSafeInteger(wallMs) && wallMs >= 0 && wallMs < 2 ** 48, 'the time of an id fits 48 bits');
  const [high, low] = [Math.floor(wallMs / 0x100_0000), wallMs % 0x100_0000];
  const time = `${hex3[high >>> 12]}${hex3[high & 0xfff]}${hex2[low >>> 16]}-${hex1[(low >>> 12) & 0xf]}${hex3[low & 0xfff]}`;
  const version = random.below(0x1000);
  const variant = random.below(0x4000);
  const [upper, lower] = [random.uint32(), random.below(0x1_0000)];
  const middle = ((upper & 0xff) << 4) | (lower >>> 12);
  const node = `${hex3[upper >>> 20]}${hex3[(upper >>> 8) & 0xfff]}${hex3[middle]}${hex3[lower & 0xfff]}`;
  return `${time}-7${hex3[version]}-${'89ab'[variant >>> 12]}${hex3[variant & 0xfff]}-${node}`;
}
