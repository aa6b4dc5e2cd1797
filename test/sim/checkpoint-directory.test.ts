/**
 * Checkpoints in a directory that several processes share, on a disk that forgives nothing: crashes at every effect,
 * failed syncs, no space, a process that sleeps past the others' moves. Bugs are planted between store and disk.
 */
import type { Disk, DiskFile, Env } from 'lockstep/env';
import { simulate, SimulationFailure, type CrashKind } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { contentOf } from '../../src/checkpoint/content.ts';
import { directoryCheckpoints } from '../../src/checkpoint/directory.ts';
import { contentName } from '../../src/checkpoint/file-name.ts';
import { checkpointContract, keep } from '../contracts/checkpoint.ts';
import { flipIn } from '../contracts/checkpoint-damage.ts';
import { keeper, Promised } from './services/checkpoint-keeper.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

checkpointContract('a directory in the simulator', async (body) => {
  await simulate({ seeds: 1, weather: 'calm' }, (world) =>
    world.run('node', (env) =>
      body({
        open: () => directoryCheckpoints(env, 'kept/backup'),
        damage: async (name) => flipIn(env.disk, `kept/backup/files/${name}`),
      }),
    ),
  );
});

/** What a process does to its disk. */
interface Meddling {
  readonly changes?: (env: Env) => Partial<Disk>;
  readonly sync?: (env: Env, file: DiskFile) => Promise<void>;
}

function meddled(env: Env, { changes, sync }: Meddling): Disk {
  const { disk } = env;
  return {
    open: (path, mode) => {
      const file = disk.open(path, mode);
      return file === null || sync === undefined ? file : withSync(file, () => sync(env, file));
    },
    list: (directory) => disk.list(directory),
    stat: (path) => disk.stat(path),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    link: (existing, name) => disk.link(existing, name),
    remove: (path) => disk.remove(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    ...changes?.(env),
  };
}

const withSync = (file: DiskFile, sync: () => Promise<void>): DiskFile => ({
  path: file.path,
  read: (into, at) => file.read(into, at),
  load: (into, at) => file.load(into, at),
  write: (bytes, at) => file.write(bytes, at),
  truncate: (size) => file.truncate(size),
  size: () => file.size(),
  sync,
  close: () => file.close(),
});

const opener = (meddling: Meddling) => (env: Env) =>
  directoryCheckpoints({ ...env, disk: meddled(env, meddling) }, 'kept/backup');

/** Now and then it sleeps before the record that it wrote aside is synced: others move on twice and more meanwhile. */
const sleepy: Meddling = {
  sync: async (env, file) => {
    if (env.randomness.below(4) === 0) await env.sleep(`${env.randomness.below(400)}ms`);
    await file.sync();
  },
};

interface StormOptions {
  readonly seeds: number;
  readonly meddling?: Meddling;
  readonly weather?: 'calm' | 'stormy';
}

async function storm({ seeds, meddling = sleepy, weather = 'stormy' }: StormOptions): Promise<Record<string, number>> {
  const sums = { seeds: 0, moved: 0, conflicts: 0 };
  const { seedCount } = await simulate({ seeds, weather, twice: seeds <= 50 }, async (world) => {
    const promised = new Promised(world);
    const nodes = ['ann', 'bob', 'cid'];
    const done = nodes.map((by) =>
      world.run(by, (env) => keeper(env, by, opener(meddling), promised, 12), { on: 'node' }),
    );
    await world.sleep('2s');
    world.crash('node', { kind: 'power', restart: '10ms' });
    await world.sleep('4s');
    world.heal();
    await Promise.all(done);
    world.crash('node', { kind: 'power', restart: '10ms' });
    await world.run('judge', async (env) => promised.judge(await opener({})(env)), { on: 'node' });
    sums.moved += promised.movedCount;
    sums.conflicts += promised.conflictCount;
  });
  return { ...sums, seeds: seedCount };
}

test('three processes share a directory in every weather: nothing acknowledged is lost, the pointer has one history', async () => {
  const { seeds, moved = 0, conflicts = 0 } = await storm({ seeds: 100 });
  expect(seeds).toBe(100);
  expect(moved).toBeGreaterThan(1_000);
  expect(conflicts).toBeGreaterThan(100);
});

describe('a crash at every effect', () => {
  const kinds: readonly CrashKind[] = ['process', 'power'];
  test.each(['before', 'after'] as const)('right %s it leaves whole files and one pointer', async (when) => {
    for (const kind of kinds) {
      let strikes = 0;
      for (let effect = 1, passed = false; !passed; effect += 1) {
        await simulate({ seeds: { only: effect }, weather: 'calm', twice: false }, async (world) => {
          await world.run('node', async () => {});
          world.crashAt('node', { effect, when, kind });
          const promised = new Promised(world);
          await world.run('node', (env) => keeper(env, 'ann', opener({}), promised, 4));
          passed = world.effects('node') < effect;
          world.crash('node', { kind: 'power', restart: '10ms' });
          await world.run('judge', async (env) => promised.judge(await opener({})(env)), { on: 'node' });
        });
        strikes++;
      }
      expect(strikes).toBeGreaterThan(40);
    }
  });
});

test('who slept while the pointer moved on, and finds its number free again, is in conflict', async () => {
  await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
    await world.run('node', async (env) => {
      const awake = await opener({})(env);
      const names = [await keep(awake, 'a'), await keep(awake, 'b')] as const;
      let sleeps = false;
      const asleep = await opener({
        sync: async (_, file) => {
          await file.sync();
          if (!sleeps) return;
          sleeps = false;
          for (let round = 0; round < 5; round++) await awake.point(names[1], await awake.pointer());
        },
      })(env);
      sleeps = true;
      const outcome = await asleep.point(names[0], null);
      if (outcome.kind === 'moved') world.fail('it moved the pointer from where it was not any more');
      const now = await awake.pointer();
      if (now?.number !== 5 || now.to !== names[1]) world.fail('the moves of the other stay');
      const numbers = env.disk.list('kept/backup/pointers')?.map(({ name }) => Number(name));
      if (JSON.stringify(numbers) !== '[4,5]') world.fail(`what was linked in error is removed: ${String(numbers)}`);
    });
  });
});

test('no space fails the put, leaves nothing behind, and later it works', async () => {
  await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
    for (const at of ['write', 'sync'] as const) {
      await world.run(
        `filling at ${at}`,
        async (env) => {
          const store = await opener({})(env);
          const bytes = new TextEncoder().encode(`content ${at}`);
          world.disk('node').fill(at);
          const failure = await store.put(contentName(bytes), contentOf(bytes)).then(
            () => null,
            (error: unknown) => error,
          );
          expect(failure).toMatchObject({ kind: 'disk-full' });
          expect(env.disk.list('kept/backup/incoming')).toEqual([]);
          world.disk('node').free();
          expect(await store.put(contentName(bytes), contentOf(bytes))).toBe('stored');
        },
        { on: 'node' },
      );
    }
  });
});

test('what a crash left behind is removed a day later, and not before', async () => {
  await simulate({ seeds: 1, weather: 'calm' }, async (world) => {
    await world.run('node', async (env) => {
      await opener({})(env);
      const left = `kept/backup/incoming/${env.clock.wall()}-${'0'.repeat(32)}`;
      env.disk.open(left, 'create')?.close();
      await opener({})(env);
      expect(env.disk.stat(left)).not.toBeNull();
      world.setClock('node', { offMs: 90_000_000 });
      await opener({})(env);
      expect(env.disk.stat(left)).toBeNull();
    });
  });
});

describe('planted bugs are found', () => {
  const bugs: readonly [string, Meddling][] = [
    ['a file is installed before it is synced', { sync: async () => {} }],
    ['names are not synced', { changes: () => ({ syncDirectory: async () => {} }) }],
    [
      'the pointer moves without a comparison',
      {
        ...sleepy,
        changes: ({ disk }) => ({
          link: (existing, name) => {
            disk.rename(existing, name);
            return 'linked';
          },
        }),
      },
    ],
  ];

  test.each(bugs)('%s', async (_, meddling) => {
    const found = await storm({ seeds: 200, meddling }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(found).toBeInstanceOf(SimulationFailure);
  });
});
