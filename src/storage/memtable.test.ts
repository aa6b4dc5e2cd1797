/** Against an array of versions, sorted: searches, walks both ways, rollbacks, while it is written to. */
import { expect, test } from 'vitest';
import {
  hashOf,
  inOrder,
  model,
  plain,
  put,
  randomKey,
  randomVersion,
  shown,
  walk,
  type Version,
} from '../../test/models/versions.ts';
import { compareBytes } from '../bytes/compare.ts';
import { SeededRandom } from '../kernel/random.ts';
import { FoundVersion } from './found-version.ts';
import { Memtable } from './memtable.ts';

/** As one that was flushed and serves again. */
function usedBefore(table: Memtable, random: SeededRandom): void {
  for (let revision = 1; revision < 500; revision++) {
    put(table, randomVersion(random, revision));
    if (revision % 100 === 0) table.cursor().first();
  }
  table.deleteRange(501, Uint8Array.of(1), Uint8Array.of(200));
  table.seal();
  table.emptied();
  expect([table.isEmpty, table.bytesUsed, table.firstRevision, table.lastRevision]).toEqual([true, 0, Infinity, -1]);
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))('as a sorted array, seed %i', (seed) => {
  const random = new SeededRandom(seed);
  const table = new Memtable();
  if (seed % 2 === 1) usedBefore(table, random);
  let versions: Version[] = [];
  let revision = 1;
  for (let round = 0; round < 12; round++) {
    for (let count = random.below(seed % 4 === 0 ? 400 : 30); count > 0; count--) {
      const version = randomVersion(random, revision);
      put(table, version);
      versions.push(version);
      if (random.chance(0.7)) revision++;
    }
    if (random.chance(0.3)) {
      revision = Math.max(1, revision - random.below(20));
      table.cutAfter(revision);
      versions = versions.filter((one) => one.revision <= revision);
    }
    const sorted = model(versions);
    expect(walk(table.cursor(), 'next', 'first')).toEqual(sorted.map(plain));
    expect(walk(table.cursor(), 'previous', 'last')).toEqual(sorted.toReversed().map(plain));
    for (let probe = 0; probe < 20; probe++) {
      const [key, at] = [randomKey(random), random.chance(0.1) ? Infinity : random.below(revision + 2)];
      const from = sorted.findIndex((one) => inOrder(one, { key, revision: at, value: null }) >= 0);
      const ahead = table.cursor();
      ahead.seek(key, at);
      expect(ahead.valid ? plain(shown(ahead)) : undefined).toBe(plain(sorted[from]));
      const behind = table.cursor();
      behind.seekBefore(key, at);
      expect(behind.valid ? plain(shown(behind)) : undefined).toBe(
        plain(sorted[(from === -1 ? sorted.length : from) - 1]),
      );
      const found = new FoundVersion();
      const expected = sorted.find((one) => compareBytes(one.key, key) === 0 && one.revision <= at);
      expect(table.find(key, 0, key.length, hashOf(key), at, found)).toBe(expected !== undefined);
      if (expected === undefined) continue;
      expect(found.revision).toBe(expected.revision);
      expect(found.isDelete ? null : found.bytes.slice(found.start, found.end)).toEqual(expected.value);
    }
  }
});

test.each([1, 2, 3, 4, 5, 6])('a walk goes on while keys come in between, seed %i', (seed) => {
  const random = new SeededRandom(seed);
  const table = new Memtable();
  const before = model(Array.from({ length: 300 }, (_, at) => randomVersion(random, at)));
  for (const version of before.toSorted((a, b) => a.revision - b.revision)) put(table, version);
  const cursor = table.cursor();
  const seen: (string | undefined)[] = [];
  let revision = 300;
  for (cursor.first(); cursor.valid; cursor.next()) {
    if (cursor.revision < 300) seen.push(plain(shown(cursor)));
    if (random.chance(0.5)) put(table, randomVersion(random, revision++));
  }
  expect(seen).toEqual(before.map(plain));
});

test('who walks while very many keys come in between sees all that were there', () => {
  const table = new Memtable();
  const keyOf = (number: number): Uint8Array => Uint8Array.of(number >> 8, number & 0xff);
  const value = Uint8Array.of(1);
  for (let number = 0; number < 40_000; number += 4) put(table, { key: keyOf(number), revision: 1, value });
  const cursor = table.cursor();
  let next = 1;
  let seen = 0;
  for (cursor.first(); cursor.valid; cursor.next()) {
    if (cursor.revision === 1) seen++;
    // Every 1,024 of them are put in order at once.
    for (let count = 0; count < 2 && next < 40_000; count++, next += 4)
      put(table, { key: keyOf(40_000 - next), revision: 2, value });
  }
  expect(seen).toBe(10_000);
  expect(walk(table.cursor(), 'next', 'first')).toHaveLength(20_000);
});

test('below the floor one version of a key is kept', () => {
  const table = new Memtable();
  const key = Uint8Array.of(7);
  for (let revision = 1; revision <= 10; revision++) {
    put(table, { key, revision, value: Uint8Array.of(revision) }, Math.min(revision - 1, 6));
  }
  expect(walk(table.cursor(), 'next', 'first').map((one) => one?.split(' ')[1])).toEqual(['10', '9', '8', '7', '6']);
  table.cutAfter(6);
  expect(walk(table.cursor(), 'next', 'first')).toEqual(['7 6 6']);
});

test('sealed and thawed it shows the same', () => {
  const random = new SeededRandom(11);
  const table = new Memtable();
  for (let revision = 1; revision < 2_000; revision++) put(table, randomVersion(random, revision));
  table.deleteRange(2_000, Uint8Array.of(1), Uint8Array.of(2));
  table.seal();
  const thawed = new Memtable(structuredClone(table.frozen()));
  expect(walk(thawed.cursor(), 'next', 'first')).toEqual(walk(table.cursor(), 'next', 'first'));
  expect(thawed.rangeTombstones.newestCovering(Uint8Array.of(1, 5), 0, 2, 3_000)).toBe(2_000);
  expect(() => put(table, randomVersion(random, 2_001))).toThrow('a sealed memtable is not written to');
});

test('a range delete takes what its own transaction put before, and leaves what it puts afterwards', () => {
  const table = new Memtable();
  const put7 = (key: number, value: number) =>
    put(table, { key: Uint8Array.of(key), revision: 7, value: Uint8Array.of(value) });
  put7(1, 1);
  put7(2, 1);
  put7(4, 1);
  put7(2, 3);
  table.deleteRange(7, Uint8Array.of(2), Uint8Array.of(4));
  expect(table.keepsOrder).toBe(false); // what is put afterwards need not be put in order
  put7(3, 2);
  expect(walk(table.cursor(), 'next', 'first')).toEqual(['1 7 1', '2 7 ', '3 7 2', '4 7 1']);
  expect(table.rangeTombstones.list).toHaveLength(1);
});
