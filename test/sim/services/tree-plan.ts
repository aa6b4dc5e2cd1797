/** How a seed plays a tree: its options, what stands between it and its env, and what is counted of it. */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { treeOptions, type TreeOptions } from '../../../src/storage/options.ts';

export interface TreePlan {
  readonly options: TreeOptions;
  /** The env that the tree is given: with a bug planted between them, or as it is. */
  readonly env: (env: Env) => Env;
  /** Bugs of whoever owns the tree. */
  readonly flushesEarly: boolean;
  readonly releasesEarly: boolean;
}

/** So small that a few hundred writes give several levels. */
export function smallOptions(world: World): TreeOptions {
  const { random } = world;
  const compactFromCount = 2 + random.below(3);
  return treeOptions({
    compaction: random.chance(0.6) ? 'leveled' : 'size-tiered',
    memtableBytes: random.pick([1_000, 3_000, 9_000]),
    tableBytes: random.pick([700, 1_500, 4_000]),
    blockBytes: 512,
    cacheBytes: random.pick([1_024, 65_536]),
    filterBitsPerKey: random.pick([0, 10]),
    compactFromCount,
    slowFromCount: compactFromCount + 2,
    stopFromCount: compactFromCount + 2 + random.below(3),
    sealedCountMax: 1 + random.below(2),
    levelOneBytes: random.pick([1_500, 4_000]),
    levelRatio: 2,
  });
}

const passing = ['unknown', 'unavailable', 'disk-full', 'disk-failed', 'stopped'] as const;

/** A disk may fail; what is never so is that anything is damaged, or that the tree was used wrongly. */
export function pass(world: World, error: unknown): void {
  if (passing.some((kind) => isLockstepError(error, kind))) return;
  if (isLockstepError(error, 'corrupt')) {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    world.fail(`nothing is damaged, and yet: ${error.message} ${JSON.stringify(error.values)}${cause}`);
  }
  throw error;
}
