/** Whether the rate holds while memtables are flushed and tables compacted: the same work with a memtable so small that a run has more than ten. */
import { readdirSync } from 'node:fs';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { Pauses } from '../storage/pauses.ts';
import { onFile, openLeading } from './grounds.ts';
import { fill, transact } from './ours.ts';
import { type Work, Workload } from './workload.ts';

const MiB = 1_024 * 1_024;
/** So small that a run has more than ten flushes. */
export const smallTree = { memtableBytes: 2 * MiB, tableBytes: 2 * MiB, levelOneBytes: 8 * MiB };
/** Of what is judged; one more comes before. */
const parts = 10;

export const steadyFacts = { slowest: 'slowest tenth', pause: 'pause p99.9 ms' } as const;

export function holding(work: Work): Side {
  const prepare = async (): Promise<Prepared> => {
    const { partition, folder, close } = await openLeading(onFile, { tree: smallTree });
    await fill(partition, work.keys);
    const workload = new Workload(work);
    const pauses = new Pauses();
    const run = async (): Promise<WorkDone> => {
      const before = tablesMade(folder);
      const tenths = new Tenths(work.transactions);
      pauses.start();
      const done = await workload.run(
        (step) => transact(partition, step),
        (count) => tenths.told(count),
      );
      const made = { 'tables made': tablesMade(folder) - before };
      return { ...done, facts: { [steadyFacts.slowest]: tenths.slowest(), ...pauses.stop(), ...made } };
    };
    return { run, close };
  };
  return { name: onFile.name, durability: onFile.durability, prepare };
}

/**
 * How long each tenth of a run takes, after a part of the same size that is not judged: the harness collects garbage before a
 * run, and what V8 throws away then, compiled code too, it makes anew in a third of a second. No server does that to itself.
 */
export class Tenths {
  readonly #size: number;
  readonly #ms: number[] = [];
  #from = 0;

  constructor(count: number) {
    this.#size = Math.ceil(count / (parts + 1));
  }

  told(count: number): void {
    if (count % this.#size !== 0) return;
    const now = performance.now();
    if (count > this.#size) this.#ms.push(now - this.#from);
    this.#from = now;
  }

  /** Its rate, by that of the median. */
  slowest(): number {
    const sorted = this.#ms.toSorted((a, b) => a - b);
    return (sorted[sorted.length >> 1] ?? Number.NaN) / (sorted.at(-1) ?? Number.NaN);
  }
}

/** Their numbers only grow. */
export function tablesMade(folder: string): number {
  const numbers = readdirSync(`${folder}/tables`).map((name) => Number.parseInt(/\d+/.exec(name)?.[0] ?? '0', 10));
  return Math.max(0, ...numbers);
}
