/** A tree's numbers, in a simulated world: each is what happened. */
import { expect, test } from 'vitest';
import { simulate } from '../sim/simulate.ts';
import type { World } from '../sim/world.ts';
import { openTree, type OpenTreeOptions } from './open-tree.ts';
import type { TreeStats } from './tree-stats.ts';

const encoder = new TextEncoder();
const small: OpenTreeOptions = {
  memtableBytes: 4_000,
  tableBytes: 4_000,
  blockBytes: 512,
  levelOneBytes: 16_000,
  levelRatio: 2,
  cacheBytes: 65_536,
};

const inWorld = async (body: (world: World) => Promise<void>): Promise<void> => {
  await simulate({ seeds: 1, weather: 'calm' }, body);
};

test('tables, memtables, cache, amplification, readers, journal: as it was used', async () => {
  await inWorld((world) =>
    world.run('node', async (env) => {
      const tree = (await openTree(env, 'tree', small)) ?? expect.unreachable('it is made');
      expect(tree.stats()).toMatchObject({
        revision: -1,
        tableCount: 0,
        memtableCount: 1,
        readAmplification: 1,
        writeAmplification: 1,
        spaceAmplification: 1,
        readerCount: 0,
        oldestReadRevision: null,
        failure: null,
      });
      for (let number = 0; number < 400; number++) {
        await tree.put(encoder.encode(`key-${number % 100}`), encoder.encode(`value ${number}`.padEnd(40)));
      }
      using snapshot = tree.snapshot();
      const scan = tree.scan();
      await tree.delete(encoder.encode('key-1'));
      await tree.compact();
      for (let number = 0; number < 100; number++) tree.get(encoder.encode(`key-${number}`));
      const stats = tree.stats();
      expect(stats).toMatchObject({ revision: 401, durableRevision: 401, flushedRevision: 401, memtableCount: 1 });
      expect(stats).toMatchObject({ readerCount: 2, oldestReadRevision: snapshot.revision, floorRevision: 400 });
      expect(stats.levels.map(({ level }) => level)).toEqual(stats.levels.map((_, at) => at));
      expect(stats.levels.reduce((sum, { entryCount }) => sum + entryCount, 0)).toBe(101);
      expect(stats.levels.reduce((sum, { tombstoneCount }) => sum + tombstoneCount, 0)).toBe(1);
      expect(stats.levels.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(stats.tableBytes);
      const files = (env.disk.list('tree/tables') ?? []).filter(({ name }) => name.endsWith('.table'));
      expect(stats.tableBytes).toBeLessThanOrEqual(files.reduce((sum, { size }) => sum + size, 0));
      expect(stats.journalBytes).toBe((env.disk.list('tree/journal') ?? []).reduce((sum, { size }) => sum + size, 0));
      expect(stats.flushCount).toBeGreaterThan(5);
      expect(stats.compactionCount).toBeGreaterThan(0);
      expect(stats.writeAmplification).toBeCloseTo(1 + stats.compactionBytesWritten / stats.flushedBytes);
      const written = stats.levels.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
      expect(written).toBe(stats.flushedBytes + stats.compactionBytesWritten);
      expect(stats.readAmplification).toBe(2);
      expect(stats.cacheHitCount + stats.cacheMissCount).toBeGreaterThan(99);
      expect(stats.filterBytes).toBeGreaterThan(100);
      expect(stats.indexAndFilterBytes).toBeGreaterThan(stats.filterBytes);
      scan.return();
      await tree.close();
    }),
  );
});

test('writers that had to wait are counted, and for how long', async () => {
  await inWorld((world) =>
    world.run('node', async (env) => {
      const options = { ...small, compactFromCount: 2, slowFromCount: 2, stopFromCount: 3, sealedCountMax: 1 };
      const tree = (await openTree(env, 'tree', options)) ?? expect.unreachable('it is made');
      const value = new Uint8Array(500);
      for (let number = 0; number < 200; number++) await tree.put(encoder.encode(`key-${number * 7919}`), value);
      const { stoppedWriteCount, stoppedMs, slowedWriteCount, slowedMs } = tree.stats();
      expect(stoppedWriteCount).toBeGreaterThan(0);
      expect(stoppedMs).toBeGreaterThan(0);
      expect(slowedWriteCount).toBeGreaterThan(0);
      expect(slowedMs).toBeGreaterThan(slowedWriteCount);
      await tree.close();
    }),
  );
});

test('a key and a value may be empty', async () => {
  await inWorld((world) =>
    world.run('node', async (env) => {
      const none = new Uint8Array(0);
      const tree = (await openTree(env, 'tree', small)) ?? expect.unreachable('it is made');
      await tree.put(none, none);
      expect(tree.get(none)).toEqual(none);
      await tree.compact();
      expect([...tree.scan()]).toEqual([[none, none]]);
      expect(await tree.verify()).toEqual([]);
      await tree.delete(none);
      expect(tree.get(none)).toBeUndefined();
      await tree.close();
    }),
  );
});

test('closing flushes what would take long to apply again, and no less', async () => {
  await inWorld((world) =>
    world.run('node', async (env) => {
      const written = async (bytes: number): Promise<TreeStats> => {
        const tree = (await openTree(env, 'tree', small)) ?? expect.unreachable('it is made');
        await tree.put(encoder.encode('key'), new Uint8Array(bytes));
        await tree.close();
        await using again = (await openTree(env, 'tree', small)) ?? expect.unreachable('it was closed');
        return again.stats();
      };
      expect(await written(100)).toMatchObject({ revision: 1, flushedRevision: -1 });
      expect(await written(1_000)).toMatchObject({ revision: 2, flushedRevision: 2, memtableBytes: 0 });
      expect(await written(100)).toMatchObject({ revision: 3, flushedRevision: 2 });
    }),
  );
});
