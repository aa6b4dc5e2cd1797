/** Whatever a compaction drops, no reader at or above the floor sees a difference; and what nobody can see goes. */
import { expect, test } from 'vitest';
import { seen, shownBy, worldOf } from '../../test/models/sources.ts';
import { put, shown, type Version } from '../../test/models/versions.ts';
import { SeededRandom } from '../kernel/random.ts';
import { spanOf, type KeyRange } from './key-range.ts';
import { Memtable } from './memtable.ts';
import { MergeCursor } from './merge-cursor.ts';
import { RangeTombstones } from './range-tombstones.ts';
import { Retention } from './retention.ts';
import { VisibleCursor } from './visible-cursor.ts';

/** As a table's bounds: of its keys and of its range tombstones. */
function boundsOf(table: Memtable): KeyRange | null {
  const ranges: KeyRange[] = table.rangeTombstones.list.map(({ start, end }) => ({ smallest: start, largest: end }));
  const cursor = table.cursor();
  for (cursor.first(); cursor.valid; cursor.next()) {
    const { key } = shown(cursor);
    ranges.push({ smallest: key, largest: key });
  }
  return spanOf(ranges);
}

/** What a compaction of these makes, as a memtable: versions in the order of their revisions. */
function compacted(inputs: readonly Memtable[], floor: number, olders: readonly KeyRange[]): Memtable {
  const ranges = new RangeTombstones(inputs.flatMap((one) => one.rangeTombstones.list));
  const retention = new Retention(floor, ranges, olders);
  const merged = new MergeCursor(inputs.map((one) => one.cursor()));
  const kept: Version[] = [];
  for (merged.first(); merged.valid; merged.next()) if (retention.keeps(merged)) kept.push(shown(merged));
  const output = new Memtable();
  for (const version of kept.toSorted((a, b) => a.revision - b.revision)) put(output, version);
  for (const one of retention.ranges()) output.rangeTombstones.add(one);
  return output;
}

test.each(Array.from({ length: 200 }, (_, seed) => seed))('no reader sees it, seed %i', (seed) => {
  const random = new SeededRandom(seed);
  const world = worldOf(random);
  const [from, floor] = [random.below(world.tables.length), random.below(world.revision + 1)];
  const to = from + 1 + random.below(world.tables.length - from);
  const olders = world.tables.slice(to).flatMap((one) => boundsOf(one) ?? []);
  const inputs = world.tables.slice(from, to);
  const output = compacted(inputs, floor, olders);
  const tables = [...world.tables.slice(0, from), output, ...world.tables.slice(to)];
  for (let at = floor; at <= world.revision; at += 1 + random.below(9)) {
    const entries = new MergeCursor(tables.map((table) => table.cursor()));
    const tombstones = tables.map((table) => table.rangeTombstones);
    const cursor = new VisibleCursor(entries, tombstones, at, { from: null, to: null });
    const found: string[] = [];
    for (cursor.first(); cursor.valid; cursor.next()) found.push(shownBy(cursor));
    expect(found).toEqual(seen(world, at, null, null));
  }
  const again = compacted([output], floor, olders);
  expect(again.versionCount).toBe(output.versionCount);
});

test('with nothing beneath and the floor on top one value of each key is left, and no tombstone', () => {
  const random = new SeededRandom(5);
  const world = worldOf(random);
  const output = compacted(world.tables, world.revision, []);
  expect(output.rangeTombstones.count).toBe(0);
  expect(output.versionCount).toBe(seen(world, world.revision, null, null).length);
});
