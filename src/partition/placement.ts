/**
 * Which partition has which slot, as it was settled when the partitions were made: it stands in the state of partition 0,
 * so whoever opens them, on whichever node, goes by the same map.
 */
import type { StoredValue } from '../bytes/value-format.ts';
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { elapsedMs } from '../kernel/time.ts';
import { isPassing, pause } from '../log/within.ts';
import { ShardMap } from '../ring/shard-map.ts';
import type { Partition } from './partition.ts';
import type { Waits } from '../observe/waits.ts';

const placementName = 'placement';
const pauseMs = 50;

export interface PlacementOptions {
  /** How many there must be; undefined: as many as there are. */
  readonly count: number | undefined;
  readonly name: string;
  readonly waits: Waits | null;
  readonly withinMs: number;
}

/**
 * The map that stands in partition 0; whoever leads it first writes the one that is wished for.
 * @throws LockstepError `misuse` when another count was settled; `unavailable` at the deadline; what stopped the partition.
 */
export async function settledMap(
  ports: Pick<Ports, 'clock' | 'timers'>,
  zero: Partition,
  wished: ShardMap,
  { count, name, waits, withinMs }: PlacementOptions,
): Promise<ShardMap> {
  const since = ports.clock.now();
  const waitsFor = 'partition 0, which says how many there are';
  const wait = waits?.enter({ what: 'open', key: name, waitsFor, withinMs });
  try {
    for (;;) {
      const found = (await written(zero, wished)) ?? (await readBack(zero));
      if (found !== null) return checked(found, count, name);
      if (elapsedMs(since, ports.clock.now()) >= withinMs)
        throw new LockstepError('unavailable', 'nobody led partition 0 in time, which says how many there are', {
          values: { name, withinMs, leader: zero.status.leader },
        });
      await pause(ports.timers, pauseMs);
    }
  } finally {
    wait?.leave();
  }
}

/** Null: not by this node, or not now. */
async function written(zero: Partition, wished: ShardMap): Promise<ShardMap | null> {
  try {
    const outcome = await zero.transact(null, (tx): StoredValue => {
      const space = tx.system(placementName, 'local');
      const found = space.get([]);
      if (found !== undefined) return found;
      const made = wished.ranges().map(({ from, to, partition }) => [from, to, partition]);
      space.set([], made);
      return made;
    });
    return outcome.kind === 'committed' ? mapOf(outcome.value) : null;
  } catch (error) {
    if (isPassing(error)) return null; // tried again: it is written once at most
    throw error;
  }
}

/** Null: this node has not come so far. */
async function readBack(zero: Partition): Promise<ShardMap | null> {
  try {
    const outcome = await zero.read({ staleMsMax: 1_000 }, { withinMs: 1_000 });
    if (outcome.kind !== 'snapshot') return null;
    using snapshot = outcome;
    const found = snapshot.system(placementName, null).get([]);
    return found === undefined ? null : mapOf(found);
  } catch (error) {
    if (isPassing(error)) return null;
    throw error;
  }
}

function checked(map: ShardMap, count: number | undefined, name: string): ShardMap {
  const there = map.partitions.length;
  if (count === undefined || count === there) return map;
  throw new LockstepError('misuse', 'these partitions were made with another count, which stays', {
    values: { name, count, there },
    advice: [`open them with count ${there}, or without one`],
  });
}

function mapOf(value: StoredValue): ShardMap {
  if (!Array.isArray(value)) throw unreadable();
  const ranges = value.map((range) => {
    const [from, to, partition] = Array.isArray(range) ? range : [];
    if (typeof from !== 'number' || typeof to !== 'number' || typeof partition !== 'number') throw unreadable();
    return { from, to, partition };
  });
  return ShardMap.of(ranges);
}

const unreadable = (): LockstepError => new LockstepError('corrupt', 'the map of slots is not what was written');
