import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { Filter } from './filter.ts';

const hashesOf = (random: SeededRandom, count: number): Int32Array =>
  Int32Array.from({ length: count }, () => random.uint32());

function passing(filter: Filter, hashes: Int32Array): number {
  return hashes.filter((hash) => filter.mayHave(hash)).length / hashes.length;
}

test('it lets every key pass that is there, before and after it was stored', () => {
  const random = new SeededRandom('there');
  for (const count of [1, 2, 100, 20_000]) {
    for (const bits of [1, 5, 10, 30]) {
      const hashes = hashesOf(random, count);
      const filter = Filter.of(hashes, bits);
      expect(passing(filter, hashes)).toBe(1);
      const read = Filter.decode(filter.encode()) ?? expect.unreachable();
      expect(passing(read, hashes)).toBe(1);
      const others = hashesOf(random, 1_000);
      expect(others.map((hash) => Number(read.mayHave(hash)))).toEqual(
        others.map((hash) => Number(filter.mayHave(hash))),
      );
    }
  }
});

test.each([
  [5, 0.13],
  [10, 0.013],
  [15, 0.0025],
])('with %i bits a key it lets at most %f of the others pass', (bits, most) => {
  const random = new SeededRandom(bits);
  const filter = Filter.of(hashesOf(random, 100_000), bits);
  expect(filter.bytes).toBeLessThanOrEqual((100_000 * bits) / 8 + 64);
  const share = passing(filter, hashesOf(random, 200_000));
  expect(share).toBeLessThan(most);
  expect(share).toBeGreaterThan(most / 20);
});

test('what is no filter is none', () => {
  const bytes = Filter.of(Int32Array.of(1, 2, 3), 10).encode();
  expect(Filter.decode(bytes.subarray(1))).toBeNull();
  expect(Filter.decode(bytes.subarray(0, bytes.length - 1))).toBeNull();
  expect(Filter.decode(new Uint8Array(0))).toBeNull();
  expect(Filter.decode(new Uint8Array(65))).toBeNull();
});
