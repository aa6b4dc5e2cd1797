/** Checkpoints on this machine's disk: made while the tree is used, kept, sent, imported; and every way to be refused. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bytesOf, contentOf } from '../checkpoint/content.ts';
import { openHostEnv, type HostEnv } from '../os/env.ts';
import { readCheckpoint, type CheckpointFile } from './checkpoint.ts';
import { importCheckpoint } from './import-checkpoint.ts';
import { openTree, type StoredTree } from './open-tree.ts';

const small = { memtableBytes: 16_384, tableBytes: 8_192, blockBytes: 512, levelOneBytes: 32_768, levelRatio: 2 };
let directory: string;
let env: HostEnv;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lockstep-checkpoint-'));
  env = await openHostEnv({ data: directory });
});
afterEach(async () => {
  await env.close();
  rmSync(directory, { recursive: true });
});

const encoder = new TextEncoder();
const keyOf = (number: number): Uint8Array => encoder.encode(`key-${String(number).padStart(4, '0')}`);
const valueOf = (number: number, round: number): Uint8Array => encoder.encode(`${number} in round ${round}`.padEnd(60));

const open = async (place: string): Promise<StoredTree> =>
  (await openTree(env, place, small)) ?? expect.unreachable('it is made');

async function fill(tree: StoredTree, round: number): Promise<void> {
  await Promise.all(Array.from({ length: 300 }, (_, number) => tree.put(keyOf(number), valueOf(number, round))));
}

function expectRound(tree: StoredTree, round: number): void {
  const entries = [...tree.scan()];
  expect(entries).toEqual(Array.from({ length: 300 }, (_, number) => [keyOf(number), valueOf(number, round)]));
}

test('a checkpoint stays as it is while its tree is written, compacted, and gone', async () => {
  const tree = await open('tree');
  await fill(tree, 1);
  const facts = await tree.checkpoint('kept/monday');
  expect(facts).toMatchObject({ revision: 300, position: 300 });
  expect(facts.tableCount).toBeGreaterThan(0);
  await fill(tree, 2);
  await tree.compact();
  expect(await tree.checkpoint('kept/tuesday')).toMatchObject({ revision: 600 });
  await fill(tree, 3);
  await tree.close();
  rmSync(join(directory, 'tree'), { recursive: true });

  for (const [place, round] of [
    ['kept/monday', 1],
    ['kept/tuesday', 2],
  ] as const) {
    const kept = await open(place);
    expectRound(kept, round);
    expect(await kept.verify()).toEqual([]);
    expect(await kept.put(keyOf(0), valueOf(0, 4))).toBe(round * 300 + 1);
    await kept.close();
  }
});

test('it costs names, not copies', async () => {
  await using tree = await open('tree');
  await fill(tree, 1);
  await tree.checkpoint('copy');
  const [table] = (env.disk.list('copy/tables') ?? []).filter(({ name }) => name.endsWith('.table'));
  const inodes = ['tree', 'copy'].map((place) => statSync(join(directory, place, 'tables', table?.name ?? '')).ino);
  expect(inodes[0]).toBe(inodes[1]);
});

test('while writers go on it has all that was written before the call, and a beginning of the rest', async () => {
  await using tree = await open('tree');
  await fill(tree, 1);
  let number = 0;
  let enough = false;
  const writing = (async () => {
    while (!enough) await tree.put(encoder.encode('last'), encoder.encode(String(++number)));
  })();
  const [one, other] = await Promise.all([tree.checkpoint('one'), tree.checkpoint('other')]);
  enough = true;
  await writing;
  expect(one.revision).toBeGreaterThanOrEqual(300);
  expect(other.revision).toBeGreaterThanOrEqual(one.revision);
  await using kept = await open('other');
  const last = kept.get(encoder.encode('last'));
  expect(last === undefined ? 300 : 300 + Number(new TextDecoder().decode(last))).toBe(kept.revision);
});

test('readers go on over checkpoints and compactions, and see what they saw', async () => {
  await using tree = await open('tree');
  await fill(tree, 1);
  using before = tree.snapshot();
  const scan = tree.scan();
  scan.next();
  await tree.checkpoint('one');
  await fill(tree, 2);
  await tree.compact();
  await tree.checkpoint('two');
  expect([...before.scan()]).toHaveLength(300);
  expect([...scan].at(-1)).toEqual([keyOf(299), valueOf(299, 1)]);
  expect(before.get(keyOf(7))).toEqual(valueOf(7, 1));
});

test('compressed tables are imported with their codec, and refused without it', async () => {
  const codec = { module: new URL('../../test/models/runs-codec.ts', import.meta.url).href, name: 'runs' };
  await using tree = await openTree(env, 'tree', { ...small, codec });
  await tree?.put(keyOf(1), new Uint8Array(4_000));
  await tree?.checkpoint('copy');
  const files = (await readCheckpoint(env.disk, 'copy'))?.files ?? [];
  await expect(importCheckpoint(env, files, 'imported')).rejects.toMatchObject({ kind: 'invalid' });
  await importCheckpoint(env, files, 'imported', { codec });
  await expect(openTree(env, 'imported', small)).rejects.toMatchObject({ kind: 'invalid' });
  await using imported = await openTree(env, 'imported', { ...small, codec });
  expect(imported?.get(keyOf(1))).toEqual(new Uint8Array(4_000));
  expect(await imported?.verify()).toEqual([]);
});

test('an empty tree has a checkpoint too', async () => {
  await using tree = await open('tree');
  expect(await tree.checkpoint('copy')).toEqual({ revision: -1, position: 0, tableCount: 0, tableBytes: 0 });
  await importCheckpoint(env, (await readCheckpoint(env.disk, 'copy'))?.files ?? [], 'imported');
  await using imported = await open('imported');
  expect([...imported.scan()]).toEqual([]);
});

describe('sent to another directory', () => {
  let files: readonly CheckpointFile[];

  beforeEach(async () => {
    await using tree = await open('tree');
    await fill(tree, 1);
    await tree.checkpoint('copy');
    const found = (await readCheckpoint(env.disk, 'copy')) ?? expect.unreachable('it was made');
    expect(found).toMatchObject({ revision: 300, files: { length: found.tableCount + 1 } });
    ({ files } = found);
  });

  test('it is a tree there, in whatever order its files came', async () => {
    const facts = await importCheckpoint(env, files.toReversed(), 'imported');
    expect(facts).toMatchObject({ revision: 300, position: 300, tableCount: files.length - 1 });
    await using imported = await open('imported');
    expectRound(imported, 1);
    expect(await imported.put(keyOf(1), keyOf(1))).toBe(301);
    await expect(importCheckpoint(env, files, 'imported')).rejects.toMatchObject({ kind: 'misuse' });
  });

  const changed = async (
    { name, content }: CheckpointFile,
    change: (bytes: Uint8Array) => Uint8Array,
  ): Promise<CheckpointFile> => {
    const bytes = change(await bytesOf(content(), 1_000_000));
    return { name, bytes: bytes.length, content: () => contentOf(bytes) };
  };
  const flipped =
    (at: number) =>
    (bytes: Uint8Array): Uint8Array =>
      bytes.with(at, (bytes[at] as number) ^ 1);

  test.each([
    ['a table that is damaged', 'corrupt', async ([m, t, ...rest]) => [m, await changed(t, flipped(200)), ...rest]],
    ['a table that is cut off', 'corrupt', async ([m, t, ...r]) => [m, await changed(t, (b) => b.slice(0, 900)), ...r]],
    ['a table under another name', 'corrupt', async ([m, a, b, ...r]) => [m, { ...b, name: a.name }, b, ...r]],
    ['fewer bytes than were said', 'corrupt', async ([m, t, ...r]) => [m, { ...t, bytes: t.bytes + 1 }, ...r]],
    ['more bytes than were said', 'corrupt', async ([m, t, ...r]) => [m, { ...t, bytes: t.bytes - 1 }, ...r]],
    ['a missing table', 'corrupt', async ([m, , ...rest]) => [m, ...rest]],
    ['a missing manifest', 'corrupt', async ([, ...rest]) => rest],
    ['a damaged manifest', 'corrupt', async ([m, ...rest]) => [await changed(m, flipped(30)), ...rest]],
    ['a table too many', 'invalid', async ([m, t, ...r]) => [m, t, ...r, { ...t, name: '00000999.table' }]],
    ['a file of another kind', 'invalid', async ([m, t, ...r]) => [m, t, ...r, { ...t, name: '../passwd' }]],
    ['a table that comes twice', 'invalid', async ([m, t, ...r]) => [m, t, t, ...r]],
  ] satisfies readonly [string, string, Change][])('%s: refused, and nothing is left', async (_, kind, change) => {
    const sent = await (change as Change)(files as Sent);
    await expect(importCheckpoint(env, sent, 'imported')).rejects.toMatchObject({ kind });
    expect(env.disk.stat('imported')).toBeNull();
  });

  test('it can be ended, and begun again', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(importCheckpoint(env, files, 'imported', { signal })).rejects.toThrow('enough');
    expect(env.disk.stat('imported')).toBeNull();
    await importCheckpoint(env, files, 'imported');
    await using imported = await open('imported');
    expectRound(imported, 1);
  });

  test('a directory that holds something else is not touched', async () => {
    env.disk.makeDirectory('full/of/things');
    await expect(importCheckpoint(env, files, 'full')).rejects.toMatchObject({
      kind: 'misuse',
      values: { holds: 'of' },
    });
    await using tree = await open('tree');
    await expect(tree.checkpoint('full')).rejects.toMatchObject({ kind: 'misuse' });
    await expect(tree.checkpoint('copy')).rejects.toMatchObject({ kind: 'misuse', values: { holds: 'a tree' } });
    expect(await readCheckpoint(env.disk, 'full')).toBeNull();
  });
});

type Sent = readonly [CheckpointFile, CheckpointFile, CheckpointFile, ...CheckpointFile[]];
type Change = (files: Sent) => Promise<readonly CheckpointFile[]>;
