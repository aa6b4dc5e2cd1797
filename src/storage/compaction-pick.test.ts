/** Which level gives its tables next, by how many there are and how large they are. */
import { expect, test } from 'vitest';
import { pickCompaction } from './compaction-pick.ts';
import type { TableMeta } from './manifest.ts';
import { treeOptions } from './options.ts';

const options = treeOptions({ compactFromCount: 4, slowFromCount: 12, stopFromCount: 24, levelOneBytes: 1_000 });

/** All over the same keys: on level 0 they may be, and of other levels one stands for all. */
const tables = (count: number, bytes: number): readonly TableMeta[] =>
  Array.from({ length: count }, (_, number) => ({
    number,
    bytes,
    smallest: Uint8Array.of(1),
    largest: Uint8Array.of(9),
    entryCount: 1,
    tombstoneCount: 0,
    rangeTombstoneCount: 0,
    firstRevision: 1,
    lastRevision: 1,
  }));

/** What is merged next: from level 0, of `newest` tables, or from level 1, of so many bytes. */
const outputOf = (newest: number, levelOne: number): number | null =>
  pickCompaction([tables(newest, 100), tables(1, levelOne), tables(1, 5_000)], options)?.outputLevel ?? null;

test('the level that is over its size by most goes down, and none that is not', () => {
  expect(outputOf(3, 999)).toBeNull();
  expect(outputOf(4, 999)).toBe(1);
  expect(outputOf(3, 1_000)).toBe(2);
});

test('level 0 gathers twice as many while a deeper level is over its size, until writers are slowed', () => {
  expect(outputOf(7, 1_000)).toBe(2);
  expect(outputOf(9, 1_000)).toBe(1);
  expect(outputOf(11, 2_000)).toBe(2);
  expect(outputOf(12, 2_000)).toBe(1);
});
