/** A tree on this machine's disk, its jobs on real threads, against a sorted map: small limits, so that everything happens. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { openHostEnv, type HostEnv } from '../os/env.ts';
import { openTree, type OpenTreeOptions, type StoredTree } from './open-tree.ts';
import { WriteBatch } from './write-batch.ts';

const small: OpenTreeOptions = {
  memtableBytes: 8_192,
  tableBytes: 8_192,
  blockBytes: 512,
  levelOneBytes: 32_768,
  levelRatio: 2,
  cacheBytes: 65_536,
};
let directory: string;
let env: HostEnv;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lockstep-tree-'));
  env = await openHostEnv({ data: directory });
});
afterEach(async () => {
  await env.close();
  rmSync(directory, { recursive: true });
});

const open = async (options: OpenTreeOptions = small): Promise<StoredTree> =>
  (await openTree(env, 'tree', options)) ?? expect.unreachable();

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const keyOf = (number: number): Uint8Array => encoder.encode(`key-${String(number).padStart(4, '0')}`);

function expectSame(tree: Pick<StoredTree, 'get' | 'scan'>, expected: ReadonlyMap<string, string>): void {
  const sorted = [...expected].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const seen = (reverse: boolean) =>
    [...tree.scan({ reverse })].map(([key, value]) => [decoder.decode(key), decoder.decode(value)]);
  expect(seen(false)).toEqual(sorted);
  expect(seen(true)).toEqual(sorted.toReversed());
  for (let number = 0; number < 500; number += 7) {
    const value = tree.get(keyOf(number));
    expect(value && decoder.decode(value)).toBe(expected.get(decoder.decode(keyOf(number))));
  }
}

function fill(batch: WriteBatch, model: Map<string, string>, random: SeededRandom): void {
  for (let count = 1 + random.below(30); count > 0; count--) {
    const key = keyOf(random.below(500));
    if (random.chance(0.02)) {
      const end = keyOf(random.below(500));
      if (decoder.decode(key) >= decoder.decode(end)) continue;
      batch.deleteRange(key, end);
      for (const one of [...model.keys()])
        if (one >= decoder.decode(key) && one < decoder.decode(end)) model.delete(one);
    } else if (random.chance(0.2)) {
      batch.delete(key);
      model.delete(decoder.decode(key));
    } else {
      const value = 'v'.repeat(random.below(80)) + random.below(1_000);
      batch.put(key, encoder.encode(value));
      model.set(decoder.decode(key), value);
    }
  }
  if (batch.count === 0) batch.delete(keyOf(0));
}

test.each(['leveled', 'size-tiered'] as const)(
  '%s: writes, snapshots, compactions and reopening',
  async (compaction) => {
    const random = new SeededRandom(compaction);
    const options = { ...small, compaction };
    let tree = await open(options);
    const model = new Map<string, string>();
    for (let round = 0; round < 8; round++) {
      for (let writes = 0; writes < 40; writes++) {
        const batch = new WriteBatch();
        fill(batch, model, random);
        await tree.write(batch);
      }
      expectSame(tree, model);
      const snapshot = tree.snapshot();
      const then = new Map(model);
      for (let writes = 0; writes < 20; writes++) {
        const batch = new WriteBatch();
        fill(batch, model, random);
        await tree.write(batch);
      }
      if (round % 3 === 1) await tree.compact();
      expectSame(snapshot, then);
      snapshot[Symbol.dispose]();
      if (round % 2 === 0) {
        await tree.close();
        tree = await open(options);
      }
      expectSame(tree, model);
    }
    await tree.close();
  },
);

test('many writers at once, while the background works', async () => {
  await using tree = await open();
  const model = new Map<string, string>();
  const write = async (writer: number): Promise<void> => {
    for (let number = 0; number < 60; number++) {
      const [key, value] = [keyOf(writer * 60 + number), `${writer}-${number}`.padEnd(60)];
      await tree.put(key, encoder.encode(value));
      model.set(decoder.decode(key), value);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
  expectSame(tree, model);
});
