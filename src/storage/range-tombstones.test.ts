/** Fragments against asking every tombstone. */
import { expect, test } from 'vitest';
import { compareBytes } from '../bytes/compare.ts';
import { SeededRandom } from '../kernel/random.ts';
import type { RangeTombstone } from './entry-cursor.ts';
import { RangeTombstones } from './range-tombstones.ts';

const randomKey = (random: SeededRandom): Uint8Array =>
  Uint8Array.from({ length: random.below(3) + 1 }, () => random.below(6));

test.each(Array.from({ length: 60 }, (_, seed) => seed))('the newest that covers a key, seed %i', (seed) => {
  const random = new SeededRandom(seed);
  const tombstones = new RangeTombstones();
  let list: RangeTombstone[] = [];
  for (let revision = 1; revision <= 30; revision++) {
    const [start, end] = [randomKey(random), randomKey(random)].toSorted(compareBytes) as [Uint8Array, Uint8Array];
    if (compareBytes(start, end) === 0) continue;
    tombstones.add({ start, end, revision });
    list.push({ start, end, revision });
  }
  if (random.chance(0.5)) {
    tombstones.cutAfter(20);
    list = list.filter((one) => one.revision <= 20);
  }
  for (let probe = 0; probe < 60; probe++) {
    const [key, at] = [randomKey(random), random.below(35)];
    const covers = (one: RangeTombstone): boolean =>
      one.revision <= at && compareBytes(one.start, key) <= 0 && compareBytes(key, one.end) < 0;
    const expected = Math.max(-1, ...list.filter(covers).map((one) => one.revision));
    expect(tombstones.newestCovering(key, 0, key.length, at)).toBe(expected);
    const from = random.chance(0.2) ? null : key;
    const to = random.chance(0.2) ? null : randomKey(random);
    if (from !== null && to !== null && compareBytes(from, to) >= 0) continue;
    const overlaps = ({ start, end }: RangeTombstone): boolean =>
      (to === null || compareBytes(start, to) < 0) && (from === null || compareBytes(end, from) > 0);
    expect(tombstones.meets(from, to)).toBe(list.some(overlaps));
  }
  for (const [at, { start, end }] of tombstones.fragments.entries()) {
    expect(compareBytes(start, end)).toBeLessThan(0);
    const next = tombstones.fragments[at + 1];
    if (next) expect(compareBytes(end, next.start)).toBeLessThanOrEqual(0);
  }
});
