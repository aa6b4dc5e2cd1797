/** Versions of the product beside each other on one log: the level is raised when all read a higher one, not before. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import type { Log } from '../log/port.ts';
import { Waits } from '../observe/waits.ts';
import type { LevelMember } from './level.ts';
import { openPartitionOfLevel, type PartitionOptions } from './open-partition.ts';
import type { Partition } from './partition.ts';

const config = { silenceMs: 300, pauseMsMax: 100, attemptMsMax: 400, settleMsMax: 3_000 };

async function inWorld(play: (env: Env, log: Log) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config });
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      await play(env, log);
      await engine.close();
    });
  });
}

function opened(
  env: Env,
  log: Log,
  owner: string,
  levelMax: number,
  options: Partial<PartitionOptions> = {},
): Promise<Partition> {
  const setup = { log, payloadBytesMax: 1024 * 1024, directory: owner, owner };
  return openPartitionOfLevel(env, { ...setup, ...options }, levelMax);
}

const write = (partition: Partition): Promise<unknown> => partition.transact(null, (tx) => tx.local.set(['x'], tx.now));

async function caughtUp(partition: Partition, with_: Partition): Promise<void> {
  const snapshot = await partition.read({ atLeast: with_.status.token });
  if (snapshot.kind === 'snapshot') snapshot[Symbol.dispose]();
}

test('the level is raised once every member reads a higher one, and written from then on', async () => {
  await inWorld(async (env, log) => {
    let levelOfOld = 1;
    const members = (): readonly LevelMember[] => [
      { node: 'new', levelMax: 2 },
      { node: 'old', levelMax: levelOfOld },
    ];
    const leader = await opened(env, log, 'new', 2, { members });
    await leader.leading();
    let old = await opened(env, log, 'old', 1, { stands: false });
    await env.sleep('60s');
    await write(leader);
    await caughtUp(old, leader);
    expect([leader.status.level, old.status.kind]).toEqual([1, 'following']);

    await old.close(); // replaced by a newer version
    old = await opened(env, log, 'old', 2, { stands: false });
    levelOfOld = 2;
    await env.sleep('60s');
    await write(leader);
    await caughtUp(old, leader);
    expect([leader.status.level, old.status.kind]).toEqual([2, 'following']);
    await Promise.all([leader.close(), old.close()]);
  });
});

test('a node that does not know the level follows no further, and is not opened again', async () => {
  await inWorld(async (env, log) => {
    const leader = await opened(env, log, 'new', 1);
    await leader.leading();
    const old = await opened(env, log, 'old', 1, { stands: false });
    await write(leader);
    await leader.close();
    const tree = { memtableBytes: 4_000, blockBytes: 512, tableBytes: 8_000 };
    const raising = await opened(env, log, 'new', 2, { tree });
    await raising.leading();
    await env.sleep('1s');
    expect(raising.status.level).toBe(2);
    await write(raising);
    expect(await old.stopped).toMatchObject({ kind: 'invalid', values: { level: 2, levelMax: 1 } });
    await old.close();
    for (let count = 0; count < 20; count++)
      await raising.transact(null, (tx) => tx.local.set(['y', count], 'y'.repeat(1_000)));
    await env.sleep('1s'); // it is flushed
    await raising.close();
    await expect(opened(env, log, 'new', 1)).rejects.toMatchObject({ kind: 'invalid', values: { level: 2 } });
  });
});

test('a node that does not know the level in force does not stand, and says what it waits for', async () => {
  await inWorld(async (env, log) => {
    const waits = new Waits(env.clock, env.timers);
    const raising = await opened(env, log, 'new', 2);
    const old = await opened(env, log, 'old', 1, { waits });
    await raising.leading();
    await env.sleep('1s');
    await raising.close();
    await env.sleep('10s');
    expect(old.status.kind).toBe('following');
    expect(waits.explain().map(({ waitsFor }) => waitsFor)).toContain(
      'a version of the product that writes level 2, which is in force; this one writes 1',
    );
    await old.close();
  });
});
