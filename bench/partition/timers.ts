/**
 * How late timers fire while very many are pending: over a log on a disk that syncs before it answers, with a transaction
 * for each firing, until that is durable. `node --conditions=lockstep-source bench/partition/timers.ts [PENDING [A SECOND]]`.
 */
import { hybridWall } from '../../src/clock/timestamp.ts';
import type { Partition } from '../../src/partition/partition.ts';
import { timerService } from '../../src/partition/timer/timer-service.ts';
import { setTimer } from '../../src/partition/timer/timer.ts';
import { percentile } from '../harness.ts';
import { runLoad } from '../log/load.ts';
import { onFile, openLeading } from './grounds.ts';

export interface TimerLoad {
  /** So many are pending, and are not due during the run. */
  readonly pending: number;
  /** So many come due each second, evenly. */
  readonly dueASecond: number;
  readonly seconds: number;
}

export interface TimerFigures {
  readonly fired: number;
  readonly firedASecond: number;
  /** From the moment that a timer was set for until its transaction was durable and told, in milliseconds. */
  readonly lateP50Ms: number;
  readonly lateP99Ms: number;
  readonly lateMsMax: number;
  /** What setting one timer took, in a transaction with many others, and what putting one key did, in microseconds. */
  readonly setUs: number;
  readonly putUs: number;
  /** By how much the process grew by what is pending: the JavaScript heap, and all of its memory. */
  readonly heapMiB: number;
  readonly residentMiB: number;
}

const perTransaction = 500;
const callers = 8;
const leadMs = 1_000;
const MiB = 1_024 * 1_024;

export async function measureTimers({ pending, dueASecond, seconds }: TimerLoad): Promise<TimerFigures> {
  const due = dueASecond * seconds;
  const lateMs = new Float64Array(due);
  let [fired, endedAt] = [0, 0];
  const done = Promise.withResolvers<void>();
  const timers = timerService({
    handlers: { due: (tx, { name }) => tx.set(['fired', name], hybridWall(tx.now)) },
    observer: {
      onFired: ({ dueMs }) => {
        endedAt = Date.now();
        lateMs[fired++] = endedAt - dueMs;
        if (fired === due) done.resolve();
      },
    },
  });
  const { partition, close } = await openLeading(onFile, { services: [timers] });
  try {
    const putMs = await inTransactions(partition, pending, (tx, index) => tx.set(['put', `far-${index}`], index));
    const before = memory();
    const farMs = Date.now() + 7 * 86_400_000;
    const setMs = await inTransactions(partition, pending, (tx, index) => {
      setTimer(tx, { kind: 'due', name: `far-${index}`, at: new Date(farMs + index) });
    });
    const after = memory();
    const firstMs = Date.now() + leadMs;
    await inTransactions(partition, due, (tx, index) => {
      setTimer(tx, { kind: 'due', name: `near-${index}`, at: new Date(firstMs + (index * 1_000) / dueASecond) });
    });
    await done.promise;
    lateMs.sort();
    return {
      fired,
      firedASecond: (fired * 1_000) / (endedAt - firstMs),
      lateP50Ms: percentile(lateMs, 0.5),
      lateP99Ms: percentile(lateMs, 0.99),
      lateMsMax: lateMs.at(-1) ?? Number.NaN,
      setUs: (setMs * 1_000) / pending,
      putUs: (putMs * 1_000) / pending,
      heapMiB: (after.heapUsed - before.heapUsed) / MiB,
      residentMiB: (after.rss - before.rss) / MiB,
    };
  } finally {
    await close();
  }
}

type Work = (tx: Parameters<Parameters<Partition['transact']>[1]>[0], index: number) => void;

/** How long it took, in milliseconds. */
async function inTransactions(partition: Partition, count: number, work: Work): Promise<number> {
  const startedAt = performance.now();
  const entries = Math.ceil(count / perTransaction);
  await runLoad({ callers, entries, entryBytes: 4 }, async (entry) => {
    const first = new DataView(entry.buffer).getUint32(0, true) * perTransaction;
    const outcome = await partition.transact(`place-${first % 64}`, (tx) => {
      for (let index = first; index < Math.min(first + perTransaction, count); index++) work(tx, index);
    });
    if (outcome.kind !== 'committed') throw new Error(`a transaction of a benchmark is '${outcome.kind}'`);
  });
  return performance.now() - startedAt;
}

function memory(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  return process.memoryUsage();
}

if (import.meta.main) {
  const [pending = 1_000_000, dueASecond = 1_000] = process.argv.slice(2).map(Number);
  console.log(await measureTimers({ pending, dueASecond, seconds: 5 }));
}
