/** What the scenario `storage` found, each by itself; in its name the seed that found it first. */
import type { Env } from 'lockstep/env';
import { simulate } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { pickCompaction } from '../../src/storage/compaction-pick.ts';
import { emptyManifest, type TableMeta } from '../../src/storage/manifest.ts';
import { Memtable } from '../../src/storage/memtable.ts';
import { openTree } from '../../src/storage/open-tree.ts';
import { treeOptions, type TreeOptions } from '../../src/storage/options.ts';
import { RunCursor } from '../../src/storage/run-cursor.ts';
import { openTreeCore, type Tree } from '../../src/storage/tree.ts';
import { plain, put, shown } from '../models/versions.ts';
import { batchOf, decoded, encoded, keyOf, type Write } from './services/tree-model.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
  vi.stubEnv('LOCKSTEP_SEEDS', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const play = (service: (env: Env) => Promise<void>): Promise<unknown> =>
  simulate({ seeds: { only: 1 }, weather: 'calm', twice: false }, (world) => world.run('node', service));

const options = treeOptions({ memtableBytes: 4_000, tableBytes: 1_000, blockBytes: 512, cacheBytes: 65_536 });

async function core(env: Env, chosen: TreeOptions = options): Promise<Tree> {
  const setup = { ports: env, directory: 'tree', options: chosen };
  const tree = await openTreeCore(setup, true);
  return tree ?? expect.unreachable();
}

const set = (key: string, value: string): Write => ({ kind: 'put', key, value });
const write = (tree: Tree, revision: number, ...writes: readonly Write[]): void =>
  tree.apply(revision, batchOf(writes).view());

async function flush(tree: Tree): Promise<void> {
  tree.seal();
  await tree.background.flushedUpTo(tree.durableRevision);
}

function seen(tree: Tree, revision: number): string[] {
  const { cursor, release } = tree.walk(revision, { from: null, to: null });
  const found: string[] = [];
  for (cursor.first(); cursor.valid && found.length < 1_000; cursor.next())
    found.push(
      `${decoded(cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd))} ${decoded(cursor.valueBytes.slice(cursor.valueStart, cursor.valueEnd))}`,
    );
  release();
  return found;
}

test('a new tree is scanned (seed 1)', async () => {
  await play(async (env) => {
    const tree = (await openTree(env, 'tree', {})) ?? expect.unreachable();
    expect([...tree.scan()]).toEqual([]);
    await tree.close();
  });
});

test('a key whose oldest version of many lost its revision is met once (seed 119)', async () => {
  await play(async (env) => {
    const tree = await core(env);
    for (let revision = 0; revision < 20; revision++) write(tree, revision, set('a', `${revision}`), set('b', 'b'));
    tree.setDurable(19, 1);
    tree.setFloor(2);
    await flush(tree);
    await tree.background.compactRange(null);
    expect(seen(tree, 19)).toEqual(['a 19', 'b b']);
    expect(seen(tree, 2)).toEqual(['a 2', 'b b']);
    const { cursor, release } = tree.walk(19, { from: null, to: null });
    cursor.last();
    cursor.previous();
    cursor.next();
    expect(decoded(cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd))).toBe('b');
    release();
    await tree.close();
  });
});

test('who was told that a tree is closed has its directory alone: no file is removed any more', async () => {
  await play(async (env) => {
    const tree = await core(env);
    for (let revision = 1; revision <= 4; revision++) {
      write(tree, revision, set('a', `${revision}`));
      tree.setDurable(revision, revision);
      await flush(tree);
    }
    tree.setFloor(4);
    await tree.background.compactRange(null);
    await tree.close();
    const left = env.disk.list('tree');
    await env.sleep('10s');
    expect(env.disk.list('tree')).toEqual(left);
  });
});

test('tables without revisions are merged where something older lies below', async () => {
  await play(async (env) => {
    const tree = await core(env, { ...options, levelOneBytes: 1_000, levelRatio: 4 });
    const compacted = async (revision: number, range: readonly [string, string], ...writes: Write[]): Promise<void> => {
      write(tree, revision, ...writes);
      tree.setDurable(revision, revision);
      tree.setFloor(revision);
      await flush(tree);
      await tree.background.compactRange({ smallest: encoded(range[0]), largest: encoded(range[1]) });
      await env.sleep('1s');
    };
    const countOn = (level: number): number | undefined => tree.background.manifest.levels[level]?.length;
    await compacted(5, ['n', 'z'], set('n', '5'), set('z', 'z'.repeat(1_200)));
    expect([countOn(1), countOn(2)]).toEqual([0, 1]);
    await compacted(7, ['a', 'c'], set('a', '7'), set('c', '7'));
    expect([countOn(1), countOn(2)]).toEqual([1, 1]);
    await compacted(8, ['b', 'b'], set('b', '8'), set('y', '8'));
    expect(tree.background.failure).toBe(null);
    expect(seen(tree, 8)).toEqual(['a 7', 'b 8', 'c 7', 'n 5', 'y 8', `z ${'z'.repeat(1_200)}`]);
    await tree.close();
  });
});

test('a run of tables that meet at a key finds its versions, whichever is asked for', () => {
  const [before, after] = [new Memtable(), new Memtable()];
  put(before, { key: encoded('a'), revision: 1, value: encoded('a') });
  for (let revision = 2; revision < 20; revision++)
    put(after, { key: encoded('p'), revision, value: encoded(`${revision}`) });
  const run = new RunCursor([
    { range: { smallest: encoded('a'), largest: encoded('p') }, cursor: () => before.cursor() },
    { range: { smallest: encoded('p'), largest: encoded('z') }, cursor: () => after.cursor() },
  ]);
  run.seek(encoded('p'), 5);
  expect(run.valid && shown(run).revision).toBe(5);
  run.seekBefore(encoded('p'), 5);
  expect(run.valid && shown(run).revision).toBe(6);
  run.seekBefore(encoded('p'), Infinity);
  expect(run.valid && plain(shown(run))).toMatch(/^97 1/);
});

test('a walk that stands on what a rollback takes away goes on behind it', () => {
  const table = new Memtable();
  for (const key of ['a', 'b', 'c']) put(table, { key: encoded(key), revision: 1, value: encoded(`${key}1`) });
  put(table, { key: encoded('b'), revision: 2, value: encoded('b2') });
  const [forth, back] = [table.cursor(), table.cursor()];
  for (const cursor of [forth, back]) cursor.seek(encoded('b'), 2);
  table.cutAfter(1);
  put(table, { key: encoded('c'), revision: 2, value: encoded('c2') });
  forth.next();
  expect(plain(shown(forth))).toBe(plain({ key: encoded('b'), revision: 1, value: encoded('b1') }));
  back.previous();
  expect(plain(shown(back))).toBe(plain({ key: encoded('a'), revision: 1, value: encoded('a1') }));
});

test('a memtable of which a rollback leaves nothing does not take back what was flushed', async () => {
  await play(async (env) => {
    const tree = await core(env);
    write(tree, 0, set('a', '0'));
    tree.setDurable(0, 1);
    await flush(tree);
    write(tree, 1, set('a', '1'));
    tree.seal();
    write(tree, 2, set('a', '2'));
    tree.cutAfter(0);
    tree.setDurable(0, 1);
    await env.sleep('1s');
    expect(tree.flushed).toEqual({ revision: 0, position: 1 });
    write(tree, 1, set('b', '1'));
    tree.setDurable(1, 2);
    await flush(tree);
    expect(tree.flushed).toEqual({ revision: 1, position: 2 });
    expect(seen(tree, 1)).toEqual(['a 0', 'b 1']);
    await tree.close();
  });
});

test('a flush covers empty batches at its end (seed 285)', async () => {
  await play(async (env) => {
    const tree = await core(env);
    write(tree, 0, set('a', '0'));
    write(tree, 1);
    tree.setDurable(1, 1);
    await flush(tree);
    expect(tree.flushed).toEqual({ revision: 1, position: 1 });
    await tree.close();
  });
});

test('a tree that is opened with too many tables on level 0 compacts them, so writers go on (seed 360)', async () => {
  await play(async (env) => {
    const lazy = { ...options, compactFromCount: 20, slowFromCount: 20, stopFromCount: 20 };
    const tree = (await openTree(env, 'tree', lazy)) ?? expect.unreachable();
    for (let number = 0; number < 8; number++) {
      await tree.put(encoded(keyOf(number)), encoded('v'));
      await tree.flush();
    }
    await tree.close();
    const eager = { ...options, compactFromCount: 2, slowFromCount: 2, stopFromCount: 3 };
    const again = (await openTree(env, 'tree', eager)) ?? expect.unreachable();
    await again.put(encoded('k'), encoded('v'));
    expect([...again.scan()].length).toBe(9);
    await again.close();
  });
});

test('sizes that alternate do not keep tables from being merged for ever', () => {
  const [key, other] = [encoded('a'), encoded('b')];
  const table = (number: number): TableMeta => ({
    number,
    bytes: number % 3 === 0 ? 5_000 : 1_000,
    smallest: key,
    largest: other,
    entryCount: 1,
    tombstoneCount: 0,
    rangeTombstoneCount: 0,
    firstRevision: number,
    lastRevision: number,
  });
  const levels = [Array.from({ length: 24 }, (_, at) => table(24 - at))];
  const tiered = treeOptions({ compaction: 'size-tiered' });
  expect(pickCompaction(levels, tiered)?.inputs.length).toBe(tiered.compactFromCount);
  expect(pickCompaction(emptyManifest.levels, tiered)).toBe(null);
});

test('the name of a table that a crash left is not given again: a process that was killed may remove it late (seed 4533)', async () => {
  await play(async (env) => {
    env.disk.makeDirectory('tree');
    const first = await core(env);
    await first.close();
    env.disk.open('tree/00000001.table', 'create')?.close();
    const tree = await core(env);
    write(tree, 0, set('a', '0'));
    tree.setDurable(0, 1);
    await flush(tree);
    await env.disk.remove('tree/00000001.table');
    await tree.close();
    const again = await core(env);
    expect(seen(again, 0)).toEqual(['a 0']);
    await again.close();
  });
});

test('what is read on the way back to where a crash was stays as it is read (partition, seed 288)', async () => {
  await play(async (env) => {
    const before = await core(env);
    for (const revision of [1, 2]) {
      write(before, revision, set('a', `${revision}`));
      before.setDurable(revision, revision);
      await flush(before);
    }
    for (const revision of [3, 4, 5]) write(before, revision, set('a', `${revision}`));
    before.setDurable(5, 5);
    before.setFloor(5);
    await before.background.compactRange(null); // writes down the floor, which is above what was flushed
    await before.close();
    const after = await core(env);
    expect(after.flushed.revision).toBe(2);
    write(after, 3, set('a', '3'));
    after.setDurable(3, 3);
    for (const revision of [4, 5]) write(after, revision, set('a', `${revision}`));
    expect(seen(after, 3)).toEqual(['a 3']);
    await after.close();
  });
});
