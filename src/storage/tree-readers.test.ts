/** Snapshots of a tree of its own: of earlier revisions, and no older than they may become. */
import { expect, test } from 'vitest';
import { decoded, encoded } from '../../test/models/core-tree.ts';
import type { Env } from '../env/env.ts';
import { simulate } from '../sim/simulate.ts';
import { openTree, type OpenTreeOptions, type StoredTree } from './open-tree.ts';

const small: OpenTreeOptions = { memtableBytes: 4_096, tableBytes: 4_096, blockBytes: 512, cacheBytes: 65_536 };
const play = async (body: (env: Env) => Promise<void>): Promise<void> => {
  await simulate({ seeds: 1, weather: 'calm' }, (world) => world.run('node', body));
};
const open = async (env: Env, options: OpenTreeOptions = {}): Promise<StoredTree> =>
  (await openTree(env, 'tree', { ...small, ...options })) ?? expect.unreachable('it is made');

/** At revision n the key is n. */
async function count(env: Env, tree: StoredTree, upTo: number, pauseMs = 1): Promise<void> {
  while (tree.revision < upTo) {
    const next = Math.max(0, tree.revision) + 1;
    await tree.put(encoded('n'), encoded(`${next}`));
    await env.sleep(`${pauseMs}ms`);
  }
}

test('of an earlier revision: held by somebody, or kept for a time; below the floor it is trimmed', async () => {
  await play(async (env) => {
    const tree = await open(env, { keepVersionsMs: 1_000 });
    await count(env, tree, 200, 10);
    await tree.compact();
    expect(tree.floor).toBeGreaterThan(60);
    expect(tree.floor).toBeLessThan(140);
    const { floor } = tree;
    const oldest = tree.snapshot({ at: floor }); // time goes on, and so would the floor
    for (let at = floor; at <= 200; at++) {
      using snapshot = tree.snapshot({ at });
      expect(decoded(snapshot.get(encoded('n')))).toBe(`${at}`);
      expect([...snapshot.scan()].map(([, value]) => decoded(value))).toEqual([`${at}`]);
    }
    expect(tree.floor).toBe(floor);
    expect(() => tree.snapshot({ at: floor - 1 })).toThrow(/were trimmed.*floor=/);
    expect(() => tree.snapshot({ at: 201 })).toThrow(/nothing was acknowledged/);
    expect(() => tree.snapshot({ at: 1.5 })).toThrow(/whole number/);
    oldest[Symbol.dispose]();
    await tree.close();
    const again = await open(env);
    using kept = again.snapshot({ at: 199 });
    await again.put(encoded('n'), encoded('201'));
    expect(decoded(kept.get(encoded('n')))).toBe('199');
    expect(() => again.snapshot({ at: 198 })).toThrow(/were trimmed/);
    await again.close();
  });
});

test('one that is too old holds nothing, and says so; so does its scan', async () => {
  await play(async (env) => {
    const tree = await open(env, { snapshotMsMax: 5_000 });
    await count(env, tree, 10);
    const short = tree.snapshot({ maxAgeMs: 1_000 });
    const long = tree.snapshot();
    const scan = short.scan();
    const own = tree.scan();
    expect(scan.next().done).toBe(false);
    await env.sleep('900ms');
    await tree.put(encoded('n'), encoded('later'));
    expect(decoded(short.get(encoded('n')))).toBe('10');
    await env.sleep('200ms');
    expect(() => short.get(encoded('n'))).toThrow(/maximum age.*maxAgeMs=`1000`/);
    expect(() => short.scan()).toThrow(/maximum age/);
    expect(() => scan.next()).toThrow(/maximum age/);
    expect(decoded(long.get(encoded('n')))).toBe('10');
    expect(tree.stats()).toMatchObject({ readerCount: 2, oldestReadRevision: 10 });
    await env.sleep('4s');
    await tree.put(encoded('n'), encoded('latest'));
    expect(tree.stats()).toMatchObject({ readerCount: 0, oldestReadRevision: null });
    expect(tree.floor).toBe(12);
    expect(() => own.next()).toThrow(/maximum age/);
    expect(() => long.get(encoded('n'))).toThrow(expect.objectContaining({ kind: 'stopped' }));
    short[Symbol.dispose]();
    long[Symbol.dispose]();
    expect(() => tree.snapshot({ maxAgeMs: 5_001 })).toThrow(/snapshotMsMax/);
    expect(() => tree.snapshot({ maxAgeMs: 0 })).toThrow(/snapshotMsMax/);
    await tree.close();
    await expect(openTree(env, 'tree', { snapshotMsMax: 0 })).rejects.toMatchObject({ kind: 'misuse' });
    await expect(openTree(env, 'tree', { keepVersionsMs: -1 })).rejects.toMatchObject({ kind: 'misuse' });
  });
});
