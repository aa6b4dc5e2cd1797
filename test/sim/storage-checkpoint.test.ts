/**
 * Checkpoints and imports of trees with a crash at every step: complete or not there, the tree itself unharmed, and what
 * is left of one that did not end is in nobody's way.
 */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import { simulate, type CrashKind, type World } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readCheckpoint } from '../../src/storage/checkpoint.ts';
import { importCheckpoint } from '../../src/storage/import-checkpoint.ts';
import { openTree, type StoredTree } from '../../src/storage/open-tree.ts';
import { WriteBatch } from '../../src/storage/write-batch.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const small = { memtableBytes: 600, tableBytes: 512, blockBytes: 512, levelOneBytes: 1_500, levelRatio: 2 };
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const keyCount = 12;
const keyOf = (number: number): Uint8Array => encoder.encode(`key-${String(number).padStart(2, '0')}`);

const open = async (env: Env, directory: string): Promise<StoredTree> => {
  const tree = await openTree(env, directory, small);
  if (tree === null) throw new Error('it is made');
  return tree;
};

async function fill(tree: StoredTree, round: number): Promise<void> {
  const value = encoder.encode(`round ${round}`.padEnd(50));
  for (let number = 0; number < keyCount; number++) await tree.put(keyOf(number), value);
}

/** In which round all its keys were written; a failure when it is more than one, or a key is missing. */
function roundOf(world: World, tree: StoredTree): number {
  const entries = [...tree.scan()];
  const rounds = new Set(entries.map(([, value]) => decoder.decode(value).trimEnd()));
  const [round] = rounds;
  if (entries.length !== keyCount || rounds.size !== 1 || round === undefined)
    world.fail(`${entries.length} keys of ${[...rounds].join(' and ') || 'no round'}`);
  return Number(round?.slice('round '.length));
}

async function expectRound(world: World, env: Env, directory: string, round: number): Promise<void> {
  await using tree = await open(env, directory);
  const found = roundOf(world, tree);
  if (found !== round) world.fail(`${directory} is of round ${found} instead of ${round}`);
  const damages = await tree.verify();
  if (damages.length > 0) world.fail(`${directory} is damaged: ${damages[0]?.path} ${damages[0]?.what}`);
}

/** Whoever starts again after a crash finds it complete or not; both happens. */
async function isComplete(env: Env, directory: string, counts: { complete: number; not: number }): Promise<boolean> {
  const found = (await readCheckpoint(env.disk, directory)) !== null;
  if (found) counts.complete++;
  else counts.not++;
  return found;
}

/** The crash comes while this runs, and it begins again. */
type Step = (env: Env) => Promise<void>;

/** Crashes right after each effect of `step`, on a directory as `prepare` left it; `judge` sees the rest. */
async function atEveryEffect(
  kind: CrashKind,
  prepare: Step,
  step: Step,
  judge: (world: World) => Step,
): Promise<number> {
  let strikes = 0;
  const seeds = kind === 'power' ? 4 : 1; // what a loss of power leaves of names that were not synced is chance
  for (let [effect, passed] = [1, 0]; passed < 3; effect++) {
    await simulate({ seeds, firstSeed: effect * seeds, weather: 'calm', twice: false }, async (world) => {
      await world.run('node', prepare);
      const before = world.effects('node');
      world.crashAt('node', { effect: before + effect, when: 'after', kind });
      await world.run('node', step);
      // How many there are depends on the seed a little.
      passed = world.effects('node') < before + effect ? passed + 1 : 0;
      world.crash('node', { kind: 'power', restart: '10ms' });
      await world.run('judge', judge(world), { on: 'node' });
    });
    strikes++;
  }
  return strikes;
}

const makeTree: Step = async (env) => {
  await using tree = await open(env, 'tree');
  await fill(tree, 1);
  await tree.flush();
};

test.each(['process', 'power'] as const)('a %s crash at every effect of a checkpoint', async (kind) => {
  const counts = { complete: 0, not: 0 };
  const strikes = await atEveryEffect(
    kind,
    makeTree,
    async (env) => {
      if (await isComplete(env, 'kept/one', counts)) return;
      if (env.disk.stat('kept/one') !== null) {
        const found = await openTree(env, 'kept/one', { ...small, create: false }).catch((error: unknown) => error);
        if (found !== null && !isLockstepError(found, 'invalid')) throw new Error('half of a checkpoint opens');
      }
      const tree = await open(env, 'tree');
      await tree.checkpoint('kept/one');
      await tree.close();
    },
    (world) => async (env) => {
      await using tree = await open(env, 'tree');
      if (roundOf(world, tree) !== 1) world.fail('the tree lost what it had');
      if (kind === 'process') {
        await fill(tree, 2);
        await tree.compact();
        if (roundOf(world, tree) !== 2) world.fail('the tree lost what it was given since');
      }
      await tree.close();
      await expectRound(world, env, 'kept/one', 1);
    },
  );
  expect(strikes).toBeGreaterThan(35);
  expect(counts.complete).toBeGreaterThan(0);
  expect(counts.not).toBeGreaterThan(20);
});

test.each(['process', 'power'] as const)('a %s crash at every effect of an import', async (kind) => {
  const counts = { complete: 0, not: 0 };
  const strikes = await atEveryEffect(
    kind,
    async (env) => {
      await makeTree(env);
      await using tree = await open(env, 'tree');
      await tree.checkpoint('sent');
    },
    async (env) => {
      if (await isComplete(env, 'imported', counts)) return;
      await importCheckpoint(env, (await readCheckpoint(env.disk, 'sent'))?.files ?? [], 'imported');
    },
    (world) => async (env) => {
      await expectRound(world, env, 'imported', 1);
      await expectRound(world, env, 'sent', 1);
    },
  );
  expect(strikes).toBeGreaterThan(35);
  expect(counts.complete).toBeGreaterThan(0);
  expect(counts.not).toBeGreaterThan(20);
});

test('checkpoints of a tree that is written, in every weather: each is one moment of it', async () => {
  let madeCount = 0;
  await simulate({ seeds: 6, twice: false }, async (world) => {
    let enough = false;
    const use = async (env: Env): Promise<void> => {
      while (!enough) {
        try {
          await using tree = await open(env, 'tree');
          const round = tree.revision < 1 ? 0 : roundOf(world, tree);
          for (let next = round + 1; next < round + 6; next++) {
            await writeRound(tree, next);
            const made = await tree.checkpoint(`kept/${env.newId()}`);
            if (made.revision < next) world.fail(`a checkpoint of revision ${made.revision} after ${next}`);
            madeCount++;
          }
        } catch (error) {
          if (!isLockstepError(error) || error.kind === 'corrupt' || error.kind === 'misuse') throw error;
          await env.sleep('50ms');
        }
      }
    };
    void world.run('node', use);
    for (let crashes = 0; crashes < 3; crashes++) {
      await world.sleep(`${200 + world.random.below(2_000)}ms`);
      world.crash('node', { kind: world.random.chance(0.5) ? 'power' : 'process', restart: '10ms' });
    }
    world.heal();
    await world.sleep('3s');
    enough = true;
    world.crash('node', { kind: 'power', restart: '10ms' });
    await world.run(
      'judge',
      async (env) => {
        for (const { name } of env.disk.list('kept') ?? []) {
          const found = await readCheckpoint(env.disk, `kept/${name}`);
          if (found === null) continue;
          await expectRound(world, env, `kept/${name}`, found.revision);
        }
      },
      { on: 'node' },
    );
  });
  expect(madeCount).toBeGreaterThan(40);
});

/** All keys in one batch, so that a round is a revision. */
async function writeRound(tree: StoredTree, round: number): Promise<void> {
  const batch = new WriteBatch();
  for (let number = 0; number < keyCount; number++)
    batch.put(keyOf(number), encoder.encode(`round ${round}`.padEnd(50)));
  await tree.write(batch);
}
