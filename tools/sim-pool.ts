/**
 * Many seeds on all cores. Each seed is a world of its own, so threads share nothing, and what is found is the same on
 * any number of them: the first seed in order that finds something, because all before it are run to their end.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { runSeed, type Plan, type SeedFound, type SeedRan, type SeedResult } from './sim-seeds.ts';

/** Seeds that a thread is given at once: few enough that all end at about the same time. */
const chunkCount = 20;
/** Below this a thread takes longer to start than the seeds take to run. */
const seedsPerThreadMin = 40;

export interface SeedRange {
  readonly first: number;
  readonly count: number;
}

/** The first seed that finds something, or null. `onRan` hears of the others, in any order. */
export function runSeeds(
  plan: Plan,
  range: SeedRange,
  threadsMax: number | null,
  onRan: (ran: SeedRan) => void,
): Promise<SeedFound | null> {
  const threads = Math.min(threadsMax ?? availableParallelism(), Math.floor(range.count / seedsPerThreadMin));
  return threads > 1 ? new Pool(plan, range, onRan).run(threads) : runHere(plan, range, onRan);
}

async function runHere(
  plan: Plan,
  { first, count }: SeedRange,
  onRan: (ran: SeedRan) => void,
): Promise<SeedFound | null> {
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed(plan, seed);
    if (result.kind === 'found') return result.found;
    onRan(result.ran);
  }
  return null;
}

class Pool {
  readonly #plan: Plan;
  readonly #onRan: (ran: SeedRan) => void;
  #next: number;
  /** One past the last seed that is worth running. */
  #end: number;
  #found: SeedFound | null = null;

  constructor(plan: Plan, { first, count }: SeedRange, onRan: (ran: SeedRan) => void) {
    this.#plan = plan;
    this.#onRan = onRan;
    this.#next = first;
    this.#end = first + count;
  }

  async run(threads: number): Promise<SeedFound | null> {
    const workers = Array.from(
      { length: threads },
      () => new Worker(new URL('sim-worker.ts', import.meta.url), { workerData: this.#plan }),
    );
    try {
      await Promise.all(workers.map((worker) => this.#keepBusy(worker)));
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
    return this.#found;
  }

  #keepBusy(worker: Worker): Promise<void> {
    return new Promise((resolve, reject) => {
      const give = (): void => {
        const seeds = this.#take();
        if (seeds.length === 0) resolve();
        else worker.postMessage(seeds);
      };
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('a thread of the simulation ended by itself')));
      worker.on('message', (results: readonly SeedResult[]) => {
        for (const result of results) this.#see(result);
        give();
      });
      give();
    });
  }

  #take(): readonly number[] {
    const first = this.#next;
    this.#next = Math.min(this.#end, first + chunkCount);
    return Array.from({ length: Math.max(0, this.#next - first) }, (_, index) => first + index);
  }

  #see(result: SeedResult): void {
    if (result.kind === 'ran') return this.#onRan(result.ran);
    if (this.#found !== null && this.#found.seed < result.found.seed) return;
    this.#found = result.found;
    this.#end = Math.min(this.#end, result.found.seed);
  }
}
