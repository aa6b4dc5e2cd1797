/** Failures of a tree one by one: who is told, what goes on, what opening anew finds. The scenario `storage` has them all at once. */
import type { Disk, Env } from 'lockstep/env';
import { isLockstepError, LockstepError } from 'lockstep/env';
import { simulate, type World } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Jobs } from '../../src/env/jobs.ts';
import { Waits } from '../../src/observe/waits.ts';
import { openTree, type OpenTreeOptions, type StoredTree } from '../../src/storage/open-tree.ts';
import { otherDisk } from './services/other-disk.ts';
import { wrongInManifest, wrongInTables } from './services/tree-files.ts';
import { decoded, encoded, keyOf } from './services/tree-model.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
  vi.stubEnv('LOCKSTEP_SEEDS', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const small: OpenTreeOptions = {
  memtableBytes: 2_000,
  tableBytes: 1_000,
  blockBytes: 512,
  cacheBytes: 65_536,
  levelOneBytes: 4_000,
  levelRatio: 2,
  compactFromCount: 2,
  slowFromCount: 3,
  stopFromCount: 4,
  sealedCountMax: 1,
};
const tables = 'tree/tables';

const play = (seed: number, service: (env: Env, world: World) => Promise<void>): Promise<unknown> =>
  simulate({ seeds: { only: seed }, weather: 'calm', twice: false }, (world) =>
    world.run('node', (env) => service(env, world)),
  );

async function open(env: Env, options: OpenTreeOptions = small): Promise<StoredTree> {
  const tree = await openTree(env, 'tree', options);
  return tree ?? expect.unreachable();
}

/** Key n has the value n, `count` keys from `first` on. */
async function fill(tree: StoredTree, first: number, count: number): Promise<void> {
  for (let number = first; number < first + count; number++)
    await tree.put(encoded(keyOf(number)), encoded(`${number}`.padEnd(100)));
}

function expectFilled(tree: Pick<StoredTree, 'scan'>, count: number): void {
  const found = [...tree.scan()].map(([key, value]) => `${decoded(key)} ${decoded(value).trim()}`);
  expect(found).toEqual(Array.from({ length: count }, (_, number) => `${keyOf(number)} ${number}`));
}

const kindOf = (done: Promise<unknown>): Promise<string> =>
  done.then(
    () => 'done',
    (error: unknown) => (isLockstepError(error) ? error.kind : String(error)),
  );

/** Jobs of which some calls do something else first. */
const jobsThat = (jobs: Jobs, before: (name: string, disk: Disk) => Promise<void>): Jobs => ({
  run: (job, input, options) => {
    const run = async (given: typeof input, disk: Disk) => {
      await before(job.name, disk);
      return job.run(given, disk);
    };
    return jobs.run({ ...job, run }, input, options);
  },
});

test.each(['write', 'sync'] as const)(
  'a disk that is full at a flush, told at the %s: writers are told, reads go on, with space it opens again',
  async (at) => {
    await play(1, async (env, world) => {
      let full = false;
      const jobs = jobsThat(env.jobs, async () => {
        if (full) world.disk('node').fill(at);
      });
      const tree = await open({ ...env, jobs });
      await fill(tree, 0, 40);
      await tree.compact();
      full = true;
      await fill(tree, 40, 5);
      expect(await kindOf(tree.flush())).toBe('disk-full');
      expect(await kindOf(tree.put(encoded('k'), encoded('v')))).toBe('disk-full');
      expectFilled(tree, 45);
      await kindOf(tree.close()); // the mark of its journal has no space either
      world.disk('node').free();
      const again = await open(env);
      expectFilled(again, 45);
      await fill(again, 45, 40);
      await again.compact();
      expectFilled(again, 85);
      await again.close();
      expect(wrongInManifest(env.disk, tables, true)).toBe(null);
      expect(await wrongInTables(env, tables)).toBe(null);
    });
  },
);

test.each(['process', 'power'] as const)(
  'the sync of the name of a new manifest fails, then a crash (%s): the old one and the new one both open',
  async (kind) => {
    for (let seed = 1; seed <= 20; seed++) {
      await simulate({ seeds: { only: seed }, weather: 'calm', twice: false }, async (world) => {
        let failing = false;
        const failed = async (env: Env): Promise<void> => {
          const syncDirectory = async (directory: string): Promise<void> => {
            const renamed = failing && directory === tables && env.disk.stat(`${tables}/manifest.new`) === null;
            if (renamed) throw new LockstepError('disk-failed', 'planned');
            await env.disk.syncDirectory(directory);
          };
          const tree = await open({ ...env, disk: otherDisk(env.disk, { syncDirectory }) });
          await fill(tree, 0, 60);
          await tree.compact();
          await fill(tree, 60, 3);
          await tree.flush();
          failing = true;
          expect(await kindOf(tree.compact())).toBe('disk-failed');
          expectFilled(tree, 63);
          expect(await kindOf(tree.put(encoded('k'), encoded('v')))).toBe('disk-failed');
          await tree.close();
        };
        await world.run('node', failed);
        world.crash('node', { kind: 'process', restart: '1ms' });
        // It opens, and is struck by a crash at one of its first calls; then it opens to its end.
        world.crashAt('node', { effect: world.effects('node') + 1 + world.random.below(12), when: 'after', kind });
        await world.run(
          'again',
          async (env) => {
            const tree = await open(env);
            expectFilled(tree, 63);
            await fill(tree, 63, 30);
            await tree.compact();
            expectFilled(tree, 93);
            await tree.close();
            expect(wrongInManifest(env.disk, tables, true)).toBe(null);
          },
          { on: 'node' },
        );
      });
    }
  },
);

test('a job whose thread dies begins again under other names', async () => {
  await play(1, async (env) => {
    let dying = 0;
    const jobs: Jobs = {
      run: async (job, input, options) => {
        const done = await env.jobs.run(job, input, options);
        if (++dying % 3 === 0) return done;
        throw new LockstepError('unavailable', 'the thread died'); // what it wrote is there, and nobody knows of it
      },
    };
    const tree = await open({ ...env, jobs });
    await fill(tree, 0, 60);
    await tree.compact();
    expectFilled(tree, 60);
    await tree.close();
    const again = await open(env);
    expect(wrongInManifest(env.disk, tables, true)).toBe(null);
    expectFilled(again, 60);
    await again.close();
  });
});

test('closed during a flush and a compaction, with scans open: who waits is told, nothing is lost', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    await play(seed, async (env, world) => {
      const tree = await open(env);
      await fill(tree, 0, 50);
      const scan = tree.scan();
      scan.next();
      const snapshot = tree.snapshot();
      const under = [tree.flush(), tree.compact(), tree.touch([encoded(keyOf(1)), encoded(keyOf(30))])].map(kindOf);
      await env.sleep(`${world.random.below(60)}ms`);
      await tree.close();
      for (const kind of await Promise.all(under)) expect(['done', 'stopped']).toContain(kind);
      expect(() => scan.next()).toThrow(/closed/);
      expect(() => snapshot.get(encoded('k'))).toThrow(/closed/);
      expect(await kindOf(tree.put(encoded('k'), encoded('v')))).toBe('stopped');
      scan.return();
      snapshot[Symbol.dispose]();
      const again = await open(env);
      expectFilled(again, 50);
      await again.close();
    });
  }
});

test('writers that wait for the background stand in the registry of waits; a close lets them go', async () => {
  await play(1, async (env) => {
    const waits = new Waits(env.clock, env.timers);
    let letGo = (): void => {};
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const jobs: Jobs = {
      run: async (job, input, options) => {
        await gate;
        return env.jobs.run(job, input, options);
      },
    };
    const tree = await open({ ...env, jobs }, { ...small, waits });
    const writes = Array.from({ length: 60 }, () => kindOf(fill(tree, 0, 1)));
    await env.sleep('500ms');
    const waiting = waits.explain();
    expect(waiting.length).toBeGreaterThan(0);
    expect(waiting.length).toBeLessThan(writes.length);
    for (const { what, waitsFor } of waiting)
      expect(`${what}: ${waitsFor}`).toMatch(/^write: the flush of \d+ memtables$/);
    const closed = tree.close();
    const kinds = await Promise.all(writes);
    expect(kinds.filter((kind) => kind === 'stopped')).toHaveLength(waiting.length);
    expect(kinds.filter((kind) => kind === 'done')).toHaveLength(writes.length - waiting.length);
    letGo();
    await closed;
    expect(waits.count).toBe(0);
  });
});

test('a snapshot that was disposed is not read, its scan goes on', async () => {
  await play(1, async (env) => {
    const tree = await open(env);
    await fill(tree, 0, 30);
    const snapshot = tree.snapshot();
    const scan = snapshot.scan();
    snapshot[Symbol.dispose]();
    expect(() => snapshot.get(encoded('k'))).toThrow(/disposed/);
    expect(() => snapshot.scan()).toThrow(/disposed/);
    await tree.deleteRange(encoded(keyOf(0)), encoded(keyOf(30)));
    await tree.compact();
    expect([...scan].length).toBe(30);
    expect([...tree.scan()]).toEqual([]);
    await tree.close();
  });
});

test('a journal that ends before the tables is told', async () => {
  await play(1, async (env) => {
    const tree = await open(env);
    await fill(tree, 0, 5);
    const [segment] = (env.disk.list('tree/journal') ?? []).filter(({ name }) => name.endsWith('.seg'));
    const path = `tree/journal/${segment?.name}`;
    const file = env.disk.open(path, 'write') ?? expect.unreachable();
    const before = new Uint8Array(file.size());
    file.read(before, 0);
    await fill(tree, 5, 30);
    await tree.flush();
    await tree.close();
    file.truncate(0);
    file.write(before, 0);
    await file.sync();
    await expect(openTree(env, 'tree', small)).rejects.toMatchObject({ kind: 'corrupt' });
  });
});
