/** What a reader sees of several memtables, against asking every version; walks that turn at random, within bounds. */
import { expect, test } from 'vitest';
import { inOrder, plain, randomKey, walk } from '../../test/models/versions.ts';
import { seen, shownBy, worldOf } from '../../test/models/sources.ts';
import { compareBytes } from '../bytes/compare.ts';
import { SeededRandom } from '../kernel/random.ts';
import { MergeCursor } from './merge-cursor.ts';
import { VisibleCursor } from './visible-cursor.ts';

test.each(Array.from({ length: 150 }, (_, seed) => seed))('seed %i', (seed) => {
  const random = new SeededRandom(seed);
  const world = worldOf(random);
  const merged = new MergeCursor(world.tables.map((table) => table.cursor()));
  const all = world.versions.toSorted(inOrder).map(plain);
  expect(walk(merged, 'next', 'first')).toEqual(all);
  expect(walk(merged, 'previous', 'last')).toEqual(all.toReversed());
  for (let reader = 0; reader < 6; reader++) {
    const at = random.below(world.revision + 2);
    const bounds = [randomKey(random), randomKey(random)].toSorted(compareBytes);
    const [from, to] = bounds.map((one) => (random.chance(0.4) ? null : one)) as [Uint8Array | null, Uint8Array | null];
    const expected = seen(world, at, from, to);
    const entries = new MergeCursor(world.tables.map((table) => table.cursor()));
    const tombstones = world.tables.map((table) => table.rangeTombstones);
    const cursor = new VisibleCursor(entries, tombstones, at, { from, to });
    let place = random.chance(0.5) ? 0 : expected.length - 1;
    if (place === 0) cursor.first();
    else cursor.last();
    for (let step = 0; step < 60; step++) {
      expect(cursor.valid ? shownBy(cursor) : undefined).toBe(expected[place]);
      if (!cursor.valid || random.chance(0.05)) {
        const key = randomKey(random);
        cursor.seek(key);
        place = expected.findIndex((_, index) => compareBytes(keyOf(expected, index), key) >= 0);
        if (place === -1) place = expected.length;
        continue;
      }
      if (random.chance(0.7)) {
        cursor.next();
        place++;
      } else {
        cursor.previous();
        place--;
      }
    }
  }
});

function keyOf(expected: readonly string[], index: number): Uint8Array {
  const text = (expected[index] ?? '').split(' ')[0] ?? '';
  return text === '' ? new Uint8Array(0) : Uint8Array.from(text.split('.'), Number);
}
