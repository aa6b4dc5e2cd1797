/** What a reader sees of several memtables, against asking every version; walks that turn at random, within bounds. */
import { expect, test } from 'vitest';
import { inOrder, plain, put, randomKey, randomVersion, walk, type Version } from '../../test/models/versions.ts';
import { compareBytes } from '../bytes/compare.ts';
import { SeededRandom } from '../kernel/random.ts';
import type { RangeTombstone } from './entry-cursor.ts';
import { Memtable } from './memtable.ts';
import { MergeCursor } from './merge-cursor.ts';
import { VisibleCursor } from './visible-cursor.ts';

interface World {
  readonly tables: readonly Memtable[];
  readonly versions: readonly Version[];
  readonly ranges: readonly RangeTombstone[];
  readonly revision: number;
}

/** Each revision writes one version or one range, to the newest table of its time. */
function worldOf(random: SeededRandom): World {
  const tables: Memtable[] = [];
  const [versions, ranges]: [Version[], RangeTombstone[]] = [[], []];
  let revision = 0;
  for (let count = 1 + random.below(4); count > 0; count--) {
    const table = new Memtable();
    tables.unshift(table);
    for (let writes = random.below(80); writes > 0; writes--) {
      revision++;
      if (random.chance(0.04)) {
        const [start, end] = [randomKey(random), randomKey(random)].toSorted(compareBytes) as [Uint8Array, Uint8Array];
        table.deleteRange(revision, start, end);
        ranges.push({ start, end, revision });
        continue;
      }
      const version = randomVersion(random, revision);
      put(table, version);
      versions.push(version);
    }
  }
  return { tables, versions, ranges, revision };
}

/** The keys and values at a revision, in order. */
function seen({ versions, ranges }: World, at: number, from: Uint8Array | null, to: Uint8Array | null): string[] {
  const newest = new Map<string, Version>();
  for (const one of versions) if (one.revision <= at) newest.set([...one.key].join('.'), one);
  const isCovered = ({ key, revision }: Version): boolean =>
    ranges.some(
      (one) =>
        one.revision <= at &&
        one.revision > revision &&
        compareBytes(one.start, key) <= 0 &&
        compareBytes(key, one.end) < 0,
    );
  return [...newest.values()]
    .filter((one) => one.value !== null && !isCovered(one))
    .filter(({ key }) => (from === null || compareBytes(key, from) >= 0) && (to === null || compareBytes(key, to) < 0))
    .toSorted(inOrder)
    .map(({ key, value }) => `${[...key].join('.')} ${[...(value ?? [])].join('.')}`);
}

const shownBy = (cursor: VisibleCursor): string =>
  `${[...cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd)].join('.')} ${[...cursor.valueBytes.slice(cursor.valueStart, cursor.valueEnd)].join('.')}`;

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
