/** Whose directory it is: who comes second is told or waits, and takes it when the first has ended or when it says so. */
import { expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import type { FileSystem } from '../env/ownership.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { Waits } from '../observe/waits.ts';
import { simulate } from '../sim/simulate.ts';
import type { World } from '../sim/world.ts';
import { openFileEngine, type OwnedFileEngineOptions } from './file-owner.ts';
import { OwnerRecords } from './file-owner-records.ts';
import type { LogEngine, LogEntry } from './port.ts';

const inWorld = async (body: (world: World) => Promise<void>): Promise<void> => {
  await simulate({ seeds: 1, weather: 'calm' }, body);
};
const on = 'machine';
const config = { silenceMs: 50, pauseMsMax: 10 };
const opened = (env: Env, more: OwnedFileEngineOptions = {}): Promise<LogEngine> =>
  openFileEngine(env, 'data', { config, ...more });
const entry: LogEntry = { payload: new Uint8Array(1), firstRevision: 0, revisionCount: 0 };

/** A process that has the directory until it is killed. */
const holder = (world: World): Promise<void> =>
  new Promise((resolve) => {
    let isFirst = true;
    void world.run(
      'holder',
      async (env) => {
        if (!isFirst) return;
        isFirst = false;
        await opened(env);
        resolve();
        await env.sleep('1h');
      },
      { on },
    );
  });

test('who comes second is told which process is there, and nothing changes', async () => {
  await inWorld((world) =>
    world.run(on, async (env) => {
      const engine = await opened(env);
      const writer = await (await engine.open('log', { create: true }))?.acquire({ owner: 'ann' });
      const second = opened(env);
      await expect(second).rejects.toMatchObject({
        kind: 'in-use',
        values: { directory: 'data', ...env.ownership.self, since: expect.stringMatching(/^\d{4}-.*Z$/) },
      });
      await expect(second).rejects.toThrow('takeOver: true');
      expect(await writer?.confirm()).toBe('held');
      await engine.close();
      await (await opened(env)).close();
      expect(env.disk.list('data')?.map(({ name }) => name)).toEqual(['log', 'owner-0000000004']);
    }),
  );
});

test('a holder that was killed is in nobody’s way', async () => {
  await inWorld(async (world) => {
    await holder(world);
    await world.run('second', (env) => expect(opened(env)).rejects.toMatchObject({ kind: 'in-use' }), { on });
    world.crash(on, { kind: 'process', restart: '1ms' });
    await world.run('next', async (env) => (await opened(env)).close(), { on });
  });
});

test('who takes over has the directory; the one before acknowledges nothing more, and neither opens nor claims', async () => {
  await inWorld((world) =>
    world.run(on, async (env) => {
      const first = await opened(env);
      const log = await first.open('log', { create: true });
      const writer = await log?.acquire({ owner: 'ann' });
      const second = await opened(env, { takeOver: true });
      const next = await (await second.open('log', { create: true }))?.acquire({ owner: 'bob' });
      expect(await writer?.append(entry)).toEqual({ kind: 'fenced' });
      await expect(log?.acquire({ owner: 'ann' })).rejects.toMatchObject({ kind: 'in-use' });
      await expect(first.open('other', { create: true })).rejects.toMatchObject({ kind: 'in-use' });
      await expect(first.remove('log')).rejects.toMatchObject({ kind: 'in-use' });
      expect(await next?.confirm()).toBe('held');
      // Whoever was taken over from leaves the owner of now in place.
      await first.close();
      await expect(opened(env)).rejects.toMatchObject({ kind: 'in-use' });
      await second.close();
      await (await opened(env)).close();
    }),
  );
});

test('who waits is in the registry with the holder’s name, gets the directory when it is left, and else gives up', async () => {
  await inWorld((world) =>
    world.run(on, async (env) => {
      const waits = new Waits(env.clock, env.timers);
      const first = await opened(env);
      await expect(opened(env, { withinMs: 1_000, waits })).rejects.toMatchObject({ kind: 'in-use' });
      const second = opened(env, { withinMs: 10_000, waits });
      await env.sleep('1s');
      const { pid, host } = env.ownership.self;
      expect(waits.explain()).toMatchObject([
        { what: 'directory', key: 'data', heldBy: `process ${pid} on ${host}`, deadline: expect.any(Date) },
      ]);
      const stop = new AbortController();
      const third = opened(env, { withinMs: 10_000, signal: stop.signal });
      env.timers.after(50, () => stop.abort(new Error('enough')));
      await expect(third).rejects.toThrow('enough');
      await first.close();
      await (await second).close();
      expect(waits.count).toBe(0);
    }),
  );
});

test('of many that start in one moment one has the directory, whoever had it before', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    await simulate({ seeds: 1, firstSeed: seed, weather: 'calm' }, async (world) => {
      if (seed % 2 === 0) {
        await holder(world);
        world.crash(on, { kind: 'process', restart: '1ms' });
      }
      let had = 0;
      const start = async (env: Env): Promise<void> => {
        await env.sleep(`${env.randomness.below(3)}ms`);
        const engine = await opened(env).catch(() => null);
        if (engine !== null) had++;
        await env.sleep('1s'); // nobody leaves before all have tried
      };
      await Promise.all(['a', 'b', 'c', 'd'].map((name) => world.run(name, start, { on, steady: true })));
      expect(had).toBe(1);
    });
  }
});

test('whoever starts, leaves, is killed: never do two have a directory, and in the end somebody gets it', async () => {
  await simulate({ seeds: 60, weather: 'calm', twice: false }, async (world) => {
    const having = new Set<string>();
    const live = async (env: Env, name: string): Promise<void> => {
      for (let turn = 0; turn < 6; turn++) {
        await env.sleep(`${env.randomness.below(40)}ms`);
        const engine = await opened(env, { withinMs: env.randomness.below(300) }).catch((error: unknown) => {
          if (!isLockstepError(error, 'in-use')) throw error;
          return null;
        });
        if (engine === null) continue;
        having.add(name);
        if (having.size > 1) world.fail(`${[...having].join(' and ')} have one directory`);
        await env.sleep(`${env.randomness.below(60)}ms`);
        having.delete(name);
        await engine.close();
      }
    };
    const running = ['a', 'b', 'c', 'd'].map((name) => world.run(name, (env) => live(env, name), { on }));
    for (let kill = 0; kill < 4; kill++) {
      await world.sleep(`${20 + world.random.below(150)}ms`);
      world.crash(on, { kind: world.random.pick(['process', 'power'] as const), restart: '1ms' });
      having.clear();
    }
    await Promise.all(running);
    await world.run('last', async (env) => (await opened(env)).close(), { on });
  });
});

test('a number that is created long after the look for it is given back', async () => {
  await inWorld((world) =>
    world.run(on, async ({ disk }) => {
      disk.makeDirectory('data');
      const token = (digit: string): string => digit.repeat(32);
      const records = new OwnerRecords(disk, 'data');
      for (const number of [1, 2, 3]) expect(await records.put(number, null, token(`${number}`))).toBe(true);
      expect(await records.put(2, null, token('9'))).toBe(false);
      expect(disk.list('data')?.map(({ name }) => name)).toEqual(['owner-0000000003']);
    }),
  );
});

test('an owner that is torn names nobody', async () => {
  await inWorld((world) =>
    world.run(on, async (env) => {
      env.disk.makeDirectory('data');
      env.disk.open('data/owner-0000000007', 'create')?.write(new TextEncoder().encode('{"pid": 1'), 0);
      await (await opened(env)).close();
    }),
  );
});

test('network and unproven file systems are refused by name, unless somebody wants them all the same', async () => {
  await inWorld((world) =>
    world.run(on, async (env) => {
      const over = (fileSystem: FileSystem): Env => ({
        ...env,
        ownership: {
          self: env.ownership.self,
          show: (path) => env.ownership.show(path),
          look: (path, shown) => env.ownership.look(path, shown),
          fileSystemOf: () => fileSystem,
        },
      });
      const nfs = over({ kind: 'network', name: 'nfs' });
      await expect(opened(nfs)).rejects.toMatchObject({
        kind: 'invalid',
        values: { directory: 'data', fileSystem: 'nfs' },
      });
      await expect(opened(nfs)).rejects.toThrow('not supported on a network file system');
      await expect(opened(over({ kind: 'unproven', name: 'fuse' }))).rejects.toThrow('unproven');
      await (await opened(nfs, { anyFileSystem: true })).close();
      await (await opened(over({ kind: 'unknown', name: '26' }))).close();
    }),
  );
});

test('who closes on a disk without space has the directory no longer', async () => {
  await inWorld((world) =>
    world.run(on, async (env) => {
      const engine = await opened(env);
      world.disk(on).fill('write');
      await expect(engine.close()).rejects.toMatchObject({ kind: 'disk-full' });
      world.disk(on).free();
      await (await opened(env)).close();
    }),
  );
});

test('a disk without space refuses the directory, and leaves it to the next', async () => {
  await inWorld((world) =>
    world.run(on, async (env) => {
      env.disk.makeDirectory('data');
      world.disk(on).fill('write');
      await expect(opened(env)).rejects.toMatchObject({ kind: 'disk-full' });
      world.disk(on).free();
      await (await opened(env)).close();
    }),
  );
});
