/** Backup, restore, and nodes that begin with a checkpoint because the log was trimmed. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { directoryCheckpoints } from '../../checkpoint/directory.ts';
import type { CheckpointStore } from '../../checkpoint/port.ts';
import { isLockstepError, type LockstepError } from '../../kernel/errors.ts';
import { memoryEngine } from '../../log/memory.ts';
import type { Log, LogEngine } from '../../log/port.ts';
import { openPartition, type PartitionOptions } from '../open-partition.ts';
import type { Partition } from '../partition.ts';
import { restorePartition } from './restore.ts';

interface Ground {
  readonly env: Env;
  readonly engine: LogEngine;
  readonly store: CheckpointStore;
  readonly logOf: (name: string) => Promise<Log>;
  readonly open: (directory: string, log: Log, options?: Partial<PartitionOptions>) => Promise<Partition>;
}

const tree = { memtableBytes: 2_000, blockBytes: 512, tableBytes: 4_000, cacheBytes: 16_000 };
const payloadBytesMax = 100_000;

async function on(play: (ground: Ground) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config: { silenceMs: 100, pauseMsMax: 50 } });
      const store = await directoryCheckpoints(env, 'backups');
      const logOf = async (name: string): Promise<Log> =>
        (await engine.open(name, { create: true })) ?? expect.unreachable();
      const open: Ground['open'] = (directory, log, options = {}) =>
        openPartition(env, { log, payloadBytesMax, directory, owner: directory, tree, ...options });
      await play({ env, engine, store, logOf, open });
      await engine.close();
    });
  });
}

async function write(partition: Partition, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++)
    await partition.transact('shop', (tx) => tx.set(['n', n], 'x'.repeat(50) + n), { withinMs: 5_000 });
}

async function countOf(partition: Partition, token = partition.status.token): Promise<number> {
  const snapshot = await partition.read({ atLeast: token });
  if (snapshot.kind !== 'snapshot') return expect.unreachable();
  const count = [...snapshot.at('shop').range({ prefix: ['n'] })].length;
  snapshot[Symbol.dispose]();
  return count;
}

async function failureOf(call: Promise<unknown>): Promise<LockstepError> {
  const failure: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  return isLockstepError(failure) ? failure : expect.unreachable(String(failure));
}

async function filesIn(store: CheckpointStore): Promise<number> {
  let count = 0;
  for await (const page of store.list()) count += page.length;
  return count;
}

describe('a backup', () => {
  test('is restored elsewhere with the same revisions; what was run is run no second time', async () => {
    await on(async ({ env, store, logOf, open }) => {
      const first = await open('first', await logOf('first'));
      await first.leading();
      const id = env.newId();
      await first.transact('shop', (tx) => tx.set(['once'], 1), { commandId: id });
      await write(first, 1, 60);
      const backup = await first.backup(store);
      expect(backup.revision).toBe(first.status.revision);
      await write(first, 61, 70);
      const late = first.status.token;
      const log = await logOf('second');
      const restored = await restorePartition(env, { store, log, directory: 'second', tree });
      expect(restored.revision).toBe(backup.revision);
      const second = await open('second', log);
      await second.leading();
      expect(await countOf(second, backup.token)).toBe(60);
      expect((await second.transact('shop', () => 2, { commandId: id })).kind).toBe('already-done');
      await write(second, 61, 65);
      expect(await countOf(second)).toBe(65);
      expect(second.status.revision).toBe(backup.revision + 1 + 5);
      expect((await failureOf(second.read({ atLeast: late }))).kind).toBe('invalid');
      const newest = second.status.token;
      await second.close();
      const again = await open('second', log);
      expect(await countOf(again, newest)).toBe(65);
      await Promise.all([first.close(), again.close()]);
    });
  });

  test('sends only what the store lacks, keeps as many as it is told, and removes the rest', async () => {
    await on(async ({ store, logOf, open }) => {
      const partition = await open('first', await logOf('first'));
      await partition.leading();
      await write(partition, 1, 100);
      const one = await partition.backup(store);
      const same = await partition.backup(store);
      expect([one.filesNew > 2, same.filesNew, same.revision]).toEqual([true, 0, one.revision]);
      const counts: number[] = [];
      for (let at = 101; at <= 400; at += 50) {
        await write(partition, at, at + 49);
        await partition.backup(store);
        counts.push(await filesIn(store));
      }
      expect(Math.max(...counts)).toBeLessThan(200);
      await partition.close();
    });
  });

  test('two restores of one backup in one moment are two generations', async () => {
    await on(async ({ env, store, logOf, open }) => {
      const partition = await open('first', await logOf('first'));
      await partition.leading();
      await write(partition, 1, 3);
      await partition.backup(store);
      const restored = await Promise.all(
        ['a', 'b', 'c'].map(async (name) =>
          restorePartition(env, { store, log: await logOf(name), directory: name, tree }),
        ),
      );
      expect(new Set(restored.map(({ generation }) => generation)).size).toBe(3);
      await partition.close();
    });
  });

  test('is not restored over a partition, to a log with transactions, or from a damaged file', async () => {
    await on(async ({ env, store, logOf, open }) => {
      const log = await logOf('first');
      const partition = await open('first', log);
      await partition.leading();
      await write(partition, 1, 30);
      const fresh = await logOf('second');
      expect((await failureOf(restorePartition(env, { store, log: fresh, directory: 'x', tree }))).kind).toBe(
        'invalid',
      );
      await partition.backup(store);
      await partition.close();
      expect((await failureOf(restorePartition(env, { store, log: fresh, directory: 'first', tree }))).kind).toBe(
        'misuse',
      );
      expect((await failureOf(restorePartition(env, { store, log, directory: 'x', tree }))).kind).toBe('misuse');
      const pointer = await store.pointer();
      const [table] = (env.disk.list('backups/files') ?? []).filter(
        ({ name, size }) => name !== pointer?.to && size > 1_000,
      );
      const file = env.disk.open(`backups/files/${table?.name ?? ''}`, 'write') ?? expect.unreachable();
      file.write(Uint8Array.of(7, 7, 7), 100);
      file.close();
      expect((await failureOf(restorePartition(env, { store, log: fresh, directory: 'x', tree }))).kind).toBe(
        'corrupt',
      );
      expect(await fresh.tail()).toBe(0);
      const empty = await open('x', fresh); // nothing of it is there
      await empty.leading();
      expect(await countOf(empty)).toBe(0);
      await empty.close();
    });
  });
});

describe('a log that is trimmed', () => {
  const settings = { checkpointEveryMs: 200 };

  test('a new node begins with a published checkpoint, then follows, and may lead', async () => {
    await on(async ({ env, store, logOf, open }) => {
      const log = await logOf('log');
      const first = await open('first', log, { checkpoints: store, settings });
      await first.leading();
      for (let at = 1; at <= 400; at += 20) {
        await write(first, at, at + 19);
        await env.sleep('100ms');
      }
      const second = await open('second', log, { checkpoints: store, settings, stands: false });
      expect(await countOf(second, first.status.token)).toBe(400);
      expect(env.disk.stat('second/current')).not.toBeNull();
      await write(first, 401, 410);
      expect(await countOf(second, first.status.token)).toBe(410);
      await second.close();
      await first.close();
      const again = await open('second', log, { checkpoints: store, settings });
      await again.leading();
      expect(await countOf(again)).toBe(410);
      await again.close();
    });
  });

  test('without a store it is told what to give', async () => {
    await on(async ({ store, env, logOf, open }) => {
      const log = await logOf('log');
      const first = await open('first', log, { checkpoints: store, settings });
      await first.leading();
      for (let at = 1; at <= 400; at += 20) {
        await write(first, at, at + 19);
        await env.sleep('100ms');
      }
      const second = await open('second', log);
      const failure = await second.stopped;
      expect(failure).toMatchObject({ kind: 'unavailable' });
      expect(String(failure)).toContain('checkpoints');
      await Promise.all([second.close(), first.close()]);
    });
  });
});
