/** Sides of which each run is a measurement of its own, over a partition that it makes: restarts, timers, leases. */
import type { Side, WorkDone } from '../harness.ts';
import { onFile } from './grounds.ts';
import { measureLeases, type LeaseLoad } from './leases.ts';
import { measureRestart } from './restart.ts';
import { measureTimers, type TimerLoad } from './timers.ts';

const { name, durability } = onFile;

export const restartFacts = { close: 'after a close ms', kill: 'after kill -9 ms' } as const;

/** A partition is loaded anew, and what is timed is how soon another process leads it. */
export function restarting(keys: number): Side {
  const run = async (): Promise<WorkDone> => {
    const { afterCloseMs, afterKillMs, replayedAfterKill } = await measureRestart(keys);
    const facts = { [restartFacts.close]: afterCloseMs, [restartFacts.kill]: afterKillMs, replayed: replayedAfterKill };
    return { checksum: keys, ms: afterKillMs, facts };
  };
  return { name, durability, prepare: () => run };
}

export const timerFacts = { late: 'late p99 ms' } as const;

/** The rate is the one at which they came due; how late they fired is what counts. */
export function timing(load: TimerLoad): Side {
  const run = async (): Promise<WorkDone> => {
    const { fired, firedASecond, lateP50Ms, lateP99Ms, lateMsMax, heapMiB } = await measureTimers(load);
    const late = { 'late p50 ms': lateP50Ms, [timerFacts.late]: lateP99Ms, 'latest ms': lateMsMax };
    return { checksum: fired, ms: (fired * 1_000) / firedASecond, facts: { ...late, 'heap grown MiB': heapMiB } };
  };
  return { name, durability, prepare: () => run };
}

export function leasing(load: LeaseLoad): Side {
  const run = async (): Promise<WorkDone> => {
    const { pairsASecond, p50Ms, p99Ms } = await measureLeases(load);
    const facts = { 'pair p50 ms': p50Ms, 'pair p99 ms': p99Ms };
    return { checksum: load.pairs, ms: (load.pairs * 1_000) / pairsASecond, facts };
  };
  return { name, durability, prepare: () => run };
}
