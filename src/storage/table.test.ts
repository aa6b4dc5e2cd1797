/** A table against the sorted list that it was built from, over many seeds. */
import { describe, expect, test } from 'vitest';
import { buildTable, foundBy, foundIn, inWorld, ListCursor, randomVersions } from '../../test/models/tables.ts';
import { runs } from '../../test/models/runs-codec.ts';
import { plain, randomKey, shown, walk, type Version } from '../../test/models/versions.ts';
import { equalBytes } from '../bytes/compare.ts';
import { InvariantError } from '../kernel/assert.ts';
import { SeededRandom } from '../kernel/random.ts';
import { BlockCache } from './block-cache.ts';
import type { EntryCursor } from './entry-cursor.ts';
import { keyHash } from './key-hash.ts';
import { TableBuilder } from './table-builder.ts';
import { openTable, type Table } from './table.ts';
import { verifyTable } from './table-verify.ts';

/** As `expect` would say it, for as many as there are. */
const isSame = (cursor: EntryCursor, model: EntryCursor): boolean =>
  cursor.valid === model.valid &&
  (!model.valid ||
    (cursor.revision === model.revision &&
      cursor.isDelete === model.isDelete &&
      equalBytes(shown(cursor).key, shown(model).key) &&
      equalBytes(shown(cursor).value ?? none, shown(model).value ?? none)));

const none = new Uint8Array(0);

function compareCursors(random: SeededRandom, cursor: EntryCursor, model: EntryCursor, versions: readonly Version[]) {
  const [forward, backward] = [walk(cursor, 'next', 'first'), walk(cursor, 'previous', 'last')];
  expect(forward).toEqual(versions.map(plain));
  expect(backward).toEqual(versions.map(plain).toReversed());
  for (let count = 0; count < 40; count++) {
    const key = random.chance(0.7) ? random.pick(versions).key : randomKey(random);
    const revision = random.pick([0, 1, random.below(5_001), 2 ** 45, Infinity]);
    const method = random.pick(['seek', 'seekBefore'] as const);
    const step = random.pick(['next', 'previous'] as const);
    cursor[method](key, revision);
    model[method](key, revision);
    for (let steps = random.below(5); ; steps--) {
      if (!isSame(cursor, model)) expect(plain(shown(cursor))).toBe(model.valid ? plain(shown(model)) : 'the end');
      if (steps === 0 || !model.valid) break;
      cursor[step]();
      model[step]();
    }
  }
}

function compareFinds(random: SeededRandom, table: Table, versions: readonly Version[]): void {
  for (let count = 0; count < 100; count++) {
    const one = random.pick(versions);
    const key = random.chance(0.8) ? one.key : randomKey(random);
    const revision = random.pick([one.revision, one.revision - 1, one.revision + 1, random.below(5_001), Infinity]);
    const [found, right] = [foundIn(table, key, revision), foundBy(versions, key, revision)];
    if (found !== right) expect(found).toBe(right);
  }
}

describe('a table', () => {
  test.each(Array.from({ length: 4 }, (_, part) => part))(
    'finds and shows what a sorted list does, at every revision, both ways (part %i)',
    async (part) => {
      await inWorld(async ({ disk }) => {
        for (let seed = part * 10; seed < part * 10 + 10; seed++) {
          const random = new SeededRandom(seed);
          const versions = randomVersions(random);
          const path = `table-${seed}`;
          const codec = random.chance(0.3) ? runs : null;
          const properties = await buildTable(disk, path, versions, {
            number: seed,
            blockBytes: random.pick([512, 700, 4_096, 65_536]),
            filterBitsPerKey: random.pick([0, 2, 10]),
            revisionBase: Math.min(...versions.map(({ revision }) => revision)),
            codec,
          });
          // Of 16 slots or of 4,096: blocks come and go, or all stay.
          const cache = random.chance(0.8) ? new BlockCache(0, random.pick([65_536, 256])) : null;
          const table = await openTable(disk, path, { number: seed, cache, codecs: [runs] });
          expect(table.properties).toEqual(properties);
          compareFinds(random, table, versions);
          const model = new ListCursor(versions);
          compareCursors(random, table.cursor(), model, versions);
          compareCursors(random, table.sweep(random.pick([1, 2_000, 100_000])), model, versions);
          expect(await verifyTable(disk, path, { number: seed, cache: null, codecs: [runs] })).toEqual({
            properties,
            damages: [],
          });
          table.close();
        }
      });
    },
  );

  test('shows through a cursor what it stands on, however many blocks are read meanwhile', async () => {
    await inWorld(async ({ disk }) => {
      const random = new SeededRandom('cursors');
      const versions = Array.from({ length: 2_000 }, (_, at) => ({
        key: Uint8Array.of(at >> 8, at & 255),
        revision: 1,
        value: new Uint8Array(60).fill(at * 7),
      }));
      await buildTable(disk, 't', versions, { number: 1, blockBytes: 512 });
      const cache = new BlockCache(0, 65_536);
      const table = await openTable(disk, 't', { number: 1, cache });
      const cursors = Array.from({ length: 20 }, () => ({ cursor: table.cursor(), at: random.below(1_800) }));
      for (const { cursor, at } of cursors) cursor.seek(versions[at]?.key ?? none, Infinity);
      for (let step = 0; step < 3_000; step++) {
        const one = random.pick(cursors);
        if (one.at < 1_999) {
          one.cursor.next();
          one.at++;
        }
        const other = random.pick(cursors);
        expect(plain(shown(other.cursor))).toBe(plain(versions[other.at]));
        foundIn(table, random.pick(versions).key, 1);
      }
      expect(cache.evictions).toBeGreaterThan(1_000);
      table.close();
    });
  });

  test('that was closed is not read by what still points at it, and harms no other in the cache', async () => {
    await inWorld(async ({ disk }) => {
      const versions = Array.from({ length: 300 }, (_, at) => ({
        key: Uint8Array.of(at >> 8, at & 255),
        revision: 1,
        value: new Uint8Array(60).fill(at),
      }));
      for (const number of [1, 2]) await buildTable(disk, `t${number}`, versions, { number });
      const cache = new BlockCache(0, 65_536);
      const closed = await openTable(disk, 't1', { number: 1, cache });
      const cursor = closed.cursor();
      cursor.first();
      closed.close();
      closed.close();
      const table = await openTable(disk, 't2', { number: 2, cache });
      const other = table.cursor();
      other.first();
      expect(() => cursor.last()).toThrow(/the table was closed/);
      expect(() => foundIn(closed, versions[9]?.key ?? none, 1)).toThrow(/the table was closed/);
      expect(cursor.valid).toBe(false);
      expect(walk(other, 'next', 'first')).toEqual(versions.map(plain));
      expect(table.blocks.isCached(0)).toBe(true);
      table.close();
    });
  });

  test('keeps what is not above the floor with revision 0, and gives range tombstones back in order', async () => {
    await inWorld(async ({ disk }) => {
      const key = (text: string): Uint8Array => new TextEncoder().encode(text);
      const versions = [
        { key: key('a'), revision: 9, value: key('new') },
        { key: key('a'), revision: 5, value: key('old') },
        { key: key('b'), revision: 3, value: null },
      ];
      const ranges = [
        { start: key('q'), end: key('z'), revision: 4 },
        { start: key('c'), end: key('d'), revision: 7 },
        { start: key('c'), end: key('x'), revision: 8 },
      ];
      const properties = await buildTable(disk, 't', versions, { number: 1, floor: 5, revisionBase: 6 }, ranges);
      expect(properties).toMatchObject({ firstRevision: 3, lastRevision: 9, rangeTombstoneCount: 3, floor: 5 });
      expect([properties.rangeStart, properties.rangeEnd]).toEqual([key('c'), key('z')]);
      const table = await openTable(disk, 't', { number: 1, cache: null });
      expect(walk(table.cursor(), 'next', 'first')).toEqual(
        [9, 0, 0].map((revision, at) => plain({ ...versions[at], revision } as Version)),
      );
      expect(table.rangeTombstones.list.map(({ start, revision }) => [...start, revision])).toEqual([
        [99, 8],
        [99, 7],
        [113, 0],
      ]);
      expect(foundIn(table, key('a'), 8)).toBe(plain({ key: key('a'), revision: 0, value: key('old') }));
      table.close();
    });
  });

  test('of range tombstones alone is a table', async () => {
    await inWorld(async ({ disk }) => {
      const range = { start: Uint8Array.of(1), end: Uint8Array.of(2), revision: 3 };
      await buildTable(disk, 't', [], { number: 1 }, [range]);
      const table = await openTable(disk, 't', { number: 1, cache: new BlockCache(0, 4_096) });
      const cursor = table.cursor();
      for (const method of ['first', 'last'] as const) {
        cursor[method]();
        expect(cursor.valid).toBe(false);
      }
      for (const method of ['seek', 'seekBefore'] as const) {
        cursor[method](Uint8Array.of(1), 9);
        expect(cursor.valid).toBe(false);
      }
      expect(foundIn(table, Uint8Array.of(1), 9)).toBeUndefined();
      expect(table.rangeTombstones.list).toEqual([range]);
      table.close();
    });
  });

  test('loads cold blocks ahead; then finding them reads nothing', async () => {
    await inWorld(async ({ disk }) => {
      const versions = Array.from({ length: 500 }, (_, at) => ({
        key: Uint8Array.of(at >> 8, at & 255),
        revision: 1,
        value: new Uint8Array(100).fill(at),
      }));
      await buildTable(disk, 't', versions, { number: 1 });
      const cache = new BlockCache(2 ** 20, 4_096);
      const table = await openTable(disk, 't', { number: 1, cache });
      const key = Uint8Array.of(1, 7);
      const block = table.coldBlock(key, 0, 2, keyHash(key, 0, 2), Infinity);
      expect(block).toBeGreaterThan(0);
      await Promise.all([table.load(block), table.load(block)]);
      expect(table.coldBlock(key, 0, 2, keyHash(key, 0, 2), Infinity)).toBe(-1);
      expect(foundIn(table, key, 1)).toBe(foundBy(versions, key, 1));
      expect([cache.hits, cache.misses]).toEqual([1, 0]);
      table.close();
      await expect(table.load(block - 1)).rejects.toMatchObject({ kind: 'misuse' });
    });
  });

  test('refuses entries out of order, and options out of range', async () => {
    await inWorld(async ({ disk }) => {
      const file = disk.open('t', 'create') ?? expect.unreachable();
      const [one, other] = [Uint8Array.of(1), Uint8Array.of(1, 0)];
      const wrong: readonly (readonly [Uint8Array, number, Uint8Array, number])[] = [
        [other, 5, one, 5],
        [one, 5, one, 5],
        [one, 5, one, 6],
        [Uint8Array.of(2), 5, other, 5],
      ];
      for (const [first, firstRevision, second, secondRevision] of wrong) {
        const builder = new TableBuilder(file, { number: 1 });
        const cursor = new ListCursor([
          { key: first, revision: firstRevision, value: null },
          { key: second, revision: secondRevision, value: null },
        ]);
        cursor.first();
        builder.add(cursor);
        cursor.next();
        expect(() => builder.add(cursor)).toThrow(InvariantError);
      }
      expect(() => new TableBuilder(file, { number: 1, blockBytes: 100 })).toThrow(/512/);
      expect(() => new TableBuilder(file, { number: 1, filterBitsPerKey: -1 })).toThrow(/bits a key/);
    });
  });
});
