/** Trees with damaged, missing and foreign files, on this machine's disk: what is refused, what is read around, what is told. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareBytes } from '../bytes/compare.ts';
import { openHostEnv, type HostEnv } from '../os/env.ts';
import { openTree, type OpenTreeOptions, type StoredTree } from './open-tree.ts';
import { readManifest, type TableMeta } from './manifest.ts';
import { tableName } from './table-name.ts';

const small = { memtableBytes: 65_536, tableBytes: 4_096, blockBytes: 512, levelOneBytes: 65_536, levelRatio: 2 };
let directory: string;
let env: HostEnv;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lockstep-damage-'));
  env = await openHostEnv({ data: directory });
});
afterEach(async () => {
  await env.close();
  rmSync(directory, { recursive: true });
});

const encoder = new TextEncoder();
const keyOf = (number: number): Uint8Array => encoder.encode(`key-${String(number).padStart(4, '0')}`);
const valueOf = (number: number): Uint8Array => encoder.encode(`value of ${number}`.padEnd(40));

const open = async (options: OpenTreeOptions = {}): Promise<StoredTree> =>
  (await openTree(env, 'tree', { ...small, ...options })) ?? expect.unreachable();

/** 300 keys in several tables that do not overlap, ten more in the journal. */
async function makeTree(): Promise<readonly TableMeta[]> {
  const tree = await open();
  await Promise.all(Array.from({ length: 300 }, (_, number) => tree.put(keyOf(number), valueOf(number))));
  await tree.compact();
  for (let number = 300; number < 310; number++) await tree.put(keyOf(number), valueOf(number));
  await tree.close();
  const tables = readManifest(env.disk, 'tree/tables')?.levels.flat() ?? [];
  expect(tables.length).toBeGreaterThan(3);
  return tables;
}

const pathOf = ({ number }: TableMeta): string => join(directory, 'tree/tables', tableName(number));

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  const at = offset < 0 ? bytes.length + offset : offset;
  bytes[at] = (bytes[at] as number) ^ 0x40;
  writeFileSync(path, bytes);
}

const within = ({ smallest, largest }: TableMeta, key: Uint8Array): boolean =>
  compareBytes(smallest, key) <= 0 && compareBytes(key, largest) <= 0;

describe('a table that cannot be opened', () => {
  test.each(['damaged', 'missing', 'cut off', 'foreign'])('%s: refused by name, or read around', async (how) => {
    const tables = await makeTree();
    const [, second, third] = tables as readonly [TableMeta, TableMeta, TableMeta];
    if (how === 'damaged') flip(pathOf(second), -60);
    else if (how === 'missing') rmSync(pathOf(second));
    else if (how === 'cut off') writeFileSync(pathOf(second), readFileSync(pathOf(second)).subarray(0, 1_000));
    else writeFileSync(pathOf(second), readFileSync(pathOf(third)));

    const path = `tree/tables/${tableName(second.number)}`;
    await expect(open()).rejects.toMatchObject({
      kind: 'corrupt',
      values: { path, from: expect.stringMatching(/^key-/) },
    });

    const before = env.disk.list('tree/tables');
    const tree = await open({ damaged: 'read-around' });
    let costs = 0;
    for (let number = 0; number < 310; number++) {
      const key = keyOf(number);
      if (within(second, key)) {
        costs++;
        expect(() => tree.get(key)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
      } else expect(tree.get(key)).toEqual(valueOf(number));
    }
    expect(costs).toBeGreaterThan(10);
    expect(costs).toBeLessThan(150);

    expect(() => tree.scan()).toThrow(expect.objectContaining({ kind: 'corrupt' }));
    expect([...tree.scan({ to: second.smallest })].length).toBeGreaterThan(10);
    expect([...tree.scan({ from: third.smallest })].length).toBeGreaterThan(100);
    expect([...tree.scan({ from: third.smallest, reverse: true, limit: 3 })]).toHaveLength(3);
    await expect(tree.put(keyOf(0), keyOf(0))).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(tree.compact()).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(tree.checkpoint('copy')).rejects.toMatchObject({ kind: 'corrupt' });
    expect(tree.stats()).toMatchObject({ damagedTableCount: 1, failure: expect.stringContaining('damaged') });
    expect((await tree.verify()).every((one) => one.path === path && one.keys !== null)).toBe(true);
    await tree.close();
    expect(env.disk.list('tree/tables')).toEqual(before);
  });
});

test('a block that rots under an open tree costs its keys, is told by verify, and stops the compaction that meets it', async () => {
  const tables = await makeTree();
  const [first, second] = tables as readonly [TableMeta, TableMeta];
  const tree = await open();
  expect(await tree.verify()).toEqual([]);
  flip(pathOf(second), 10);
  const damages = await tree.verify();
  expect(damages).toEqual([
    {
      path: `tree/tables/${tableName(second.number)}`,
      offset: 0,
      what: expect.stringContaining('a block of a table is not what was written'),
      keys: { smallest: second.smallest, largest: second.largest },
    },
  ]);
  expect(() => tree.get(second.smallest)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
  expect(tree.get(second.largest)).toBeDefined();
  expect(tree.get(first.smallest)).toBeDefined();
  await tree.deleteRange(keyOf(0), keyOf(305));
  await expect(tree.compact()).rejects.toMatchObject({ kind: 'corrupt', values: { offset: 0 } });
  await expect(tree.put(keyOf(0), keyOf(0))).rejects.toMatchObject({ kind: 'corrupt' });
  expect(tree.get(keyOf(306))).toEqual(valueOf(306));
  await tree.close();
  expect(
    readManifest(env.disk, 'tree/tables')
      ?.levels.flat()
      .map(({ number }) => number),
  ).toContain(second.number);
});

test('verify tells its progress, and ends when it is told to', async () => {
  await makeTree();
  await using tree = await open();
  const seen: number[] = [];
  await tree.verify({ onProgress: ({ verifiedTableCount }) => void seen.push(verifiedTableCount) });
  expect(seen).toEqual(Array.from({ length: tree.stats().tableCount }, (_, at) => at + 1));
  const ended = new AbortController();
  const verifying = tree.verify({ signal: ended.signal, onProgress: () => ended.abort(new Error('enough')) });
  await expect(verifying).rejects.toThrow('enough');
});

describe('the journal', () => {
  test('lost: what was not flushed is missing, and that is said', async () => {
    await makeTree();
    rmSync(join(directory, 'tree/journal'), { recursive: true });
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt', values: { path: 'tree/journal' } });
    await using tree = await open({ damaged: 'read-around' });
    expect(tree.get(keyOf(299))).toEqual(valueOf(299));
    expect(tree.get(keyOf(300))).toBeUndefined();
    await expect(tree.put(keyOf(0), keyOf(0))).rejects.toMatchObject({ kind: 'corrupt' });
    expect(await tree.verify()).toMatchObject([{ path: 'tree/journal', keys: null }]);
  });

  test('damaged before a later group', async () => {
    await makeTree();
    const [segment] = env.disk.list('tree/journal') ?? [];
    const path = `tree/journal/${segment?.name}`;
    flip(join(directory, path), 4_096 + 60);
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt', values: { path } });
    await using tree = await open({ damaged: 'read-around' });
    expect(tree.get(keyOf(299))).toEqual(valueOf(299));
    expect(await tree.verify()).toMatchObject([{ path, keys: null }]);
  });
});

describe('the manifest', () => {
  const manifest = (): string => join(directory, 'tree/tables/manifest');

  test('lost: never taken for a new tree', async () => {
    await makeTree();
    rmSync(manifest());
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt', values: { path: 'tree/tables/manifest' } });
    await expect(open({ create: false })).rejects.toMatchObject({ kind: 'corrupt' });
    rmSync(join(directory, 'tree/tables'), { recursive: true });
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt', values: { writes: 310 } });
  });

  test('damaged, or of another format: refused in any case', async () => {
    await makeTree();
    const bytes = readFileSync(manifest());
    flip(manifest(), 20);
    for (const damaged of ['refuse', 'read-around'] as const)
      await expect(open({ damaged })).rejects.toMatchObject({
        kind: 'corrupt',
        values: { path: 'tree/tables/manifest' },
      });
    bytes[8] = 9;
    writeFileSync(manifest(), bytes);
    await expect(open()).rejects.toMatchObject({ kind: 'invalid', values: { version: 9 } });
    writeFileSync(manifest(), 'something else entirely');
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt', values: { offset: 0 } });
  });
});

test('a table under the name of another one is told by verify', async () => {
  const tables = await makeTree();
  const [first, second] = tables as readonly [TableMeta, TableMeta];
  await using tree = await open();
  renameSync(pathOf(first), pathOf(second));
  const paths = (await tree.verify()).map(({ path }) => path);
  expect(new Set(paths)).toEqual(new Set([first, second].map(({ number }) => `tree/tables/${tableName(number)}`)));
});

test('what is asked wrongly is told before anything happens', async () => {
  await using tree = await open();
  const misuse = expect.objectContaining({ kind: 'misuse' });
  expect(() => tree.get(new Uint8Array(4_097))).toThrow(misuse);
  expect(() => tree.scan({ prefix: new Uint8Array(4_097) })).toThrow(misuse);
  expect(() => tree.put(new Uint8Array(4_097), new Uint8Array())).toThrow(misuse);
  expect(() => tree.put(keyOf(1), new Uint8Array(8 * 1024 * 1024 + 1))).toThrow(misuse);
  expect(() => tree.deleteRange(keyOf(2), keyOf(1))).toThrow(misuse);
  const options = [{ levelRatio: 1 }, { damaged: 'never' }, { memtableByte: 1 }, { compaction: 'none' }];
  for (const option of options) await expect(openTree(env, 'other', option as OpenTreeOptions)).rejects.toEqual(misuse);
  await expect(tree.checkpoint('tree/tables/copy')).rejects.toEqual(misuse);
  await expect(tree.checkpoint('tree')).rejects.toEqual(misuse);
  expect(env.disk.stat('other')).toBeNull();
  expect(tree.stats()).toMatchObject({ revision: -1, tableCount: 0, spaceAmplification: 1, failure: null });
});
