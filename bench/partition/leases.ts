/**
 * How many leases are claimed and released a second through the service of whoever leads, over a log on a disk that syncs
 * before it answers: each caller claims a lease of its own and gives it back, again and again.
 * `node --conditions=lockstep-source bench/partition/leases.ts [CALLERS [PAIRS]]`.
 */
import { leaseService } from '../../src/partition/lease/lease-service.ts';
import { percentile } from '../harness.ts';
import { runLoad } from '../log/load.ts';
import { onFile, openLeading } from './grounds.ts';

export interface LeaseLoad {
  /** So many are in flight. */
  readonly callers: number;
  /** How often a lease is claimed and released. */
  readonly pairs: number;
}

export interface LeaseFigures {
  readonly pairsASecond: number;
  /** Claim and release, both durable, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function measureLeases(load: LeaseLoad): Promise<LeaseFigures> {
  const leases = leaseService();
  const { partition, close } = await openLeading(onFile, { services: [leases.epochs] });
  try {
    await partition.leading();
    let asked = 0;
    const pairs = (count: number): ReturnType<typeof runLoad> =>
      runLoad({ callers: load.callers, entries: count, entryBytes: 4 }, async (_, caller) => {
        const [place, name, owner] = [`place-${caller % 16}`, `lease-${caller}`, `caller-${caller}`];
        const granted = await leases.claim({ place, name, owner, id: `claim-${asked++}`, ttlMs: 10_000 });
        if (granted.kind !== 'granted') throw new Error(`a claim of a benchmark is '${granted.kind}'`);
        const released = await leases.release({ place, name, token: granted.token });
        if (released.kind !== 'released') throw new Error(`a release of a benchmark is '${released.kind}'`);
      });
    await pairs(Math.ceil(load.pairs / 10));
    const startedAt = performance.now();
    const { latenciesMs } = await pairs(load.pairs);
    const ms = performance.now() - startedAt;
    latenciesMs.sort();
    return {
      pairsASecond: (load.pairs * 1_000) / ms,
      p50Ms: percentile(latenciesMs, 0.5),
      p99Ms: percentile(latenciesMs, 0.99),
    };
  } finally {
    await close();
  }
}

if (import.meta.main) {
  const [callers = 64, pairs = 50_000] = process.argv.slice(2).map(Number);
  console.log(await measureLeases({ callers, pairs }));
}
