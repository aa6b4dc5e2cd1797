/**
 * A small store in memory that runs transactions step by step, interleaved by a seed, at the isolation level asked for.
 * It is here to make histories of which it is known what may be wrong with them.
 */
import type {
  TransactionHistory,
  TransactionStep,
  TransactionStepDone,
  TransactionValue,
} from '../../src/check/transactions-history.ts';
import type { SeededRandom } from '../../src/kernel/random.ts';

export type ToyLevel = 'serializable' | 'snapshot' | 'read-committed' | 'none';
export type Contents = readonly TransactionValue[];

export interface ToyOptions {
  readonly level: ToyLevel;
  readonly workload: 'list' | 'register' | 'read-then-write';
  readonly transactions: number;
  readonly processes: number;
  readonly keys: number;
  readonly stepsMax: number;
  /** Chance that an outcome is not told. */
  readonly infoChance: number;
}

interface Running {
  readonly index: number;
  readonly steps: readonly TransactionStep[];
  readonly done: TransactionStepDone[];
  readonly invokedAt: number;
  readonly began: number;
  readonly writes: TransactionStep[];
  readonly read: Set<string>;
}

/** Versions of a key, each with the commit that made it. */
interface Versions {
  all: { readonly commit: number; readonly contents: Contents }[];
}

export function toyHistory(random: SeededRandom, options: ToyOptions): TransactionHistory {
  const toy = new Toy(options);
  const running = new Map<number, Running>();
  const entries: { -readonly [Name in keyof TransactionHistory[number]]: TransactionHistory[number][Name] }[] = [];
  let value = 0;
  let now = 0;
  const begin = (process: number): void => {
    const steps: TransactionStep[] = [];
    for (let count = 1 + random.below(options.stepsMax); count > 0; count--) {
      const key = `k${random.below(options.keys)}`;
      const kind = options.workload === 'list' ? 'append' : 'write';
      if (random.chance(0.5)) steps.push({ kind: 'read', key });
      else {
        if (options.workload === 'read-then-write') steps.push({ kind: 'read', key });
        steps.push({ kind, key, value: ++value });
      }
    }
    const index = entries.length;
    entries.push({ process: `p${process}`, call: steps, invokedAt: ++now, outcome: { kind: 'info', at: null } });
    running.set(process, {
      index,
      steps,
      done: [],
      invokedAt: now,
      began: toy.commits,
      writes: [],
      read: new Set(),
    });
  };
  while (entries.length < options.transactions || running.size > 0) {
    const process = random.below(options.processes);
    const one = running.get(process);
    if (one === undefined) {
      if (entries.length < options.transactions) begin(process);
      continue;
    }
    const step = one.steps[one.done.length];
    if (step !== undefined) {
      one.done.push(toy.run(one, step));
      continue;
    }
    running.delete(process);
    const committed = toy.commit(one, random.chance(0.05));
    const entry = entries[one.index];
    if (entry === undefined || random.chance(options.infoChance)) continue;
    entry.outcome = committed ? { kind: 'ok', at: ++now, result: one.done } : { kind: 'fail', at: ++now };
  }
  return entries;
}

class Toy {
  readonly #level: ToyLevel;
  readonly #isList: boolean;
  readonly #keys = new Map<string, Versions>();
  commits = 0;

  constructor({ level, workload }: ToyOptions) {
    this.#level = level;
    this.#isList = workload === 'list';
  }

  run(one: Running, step: TransactionStep): TransactionStepDone {
    if (step.kind !== 'read') {
      one.writes.push(step);
      if (this.#level === 'none') this.#install(step);
      return step;
    }
    one.read.add(step.key);
    const snapshot = this.#level === 'read-committed' || this.#level === 'none' ? this.commits : one.began;
    let contents = this.#versions(step.key).all.findLast(({ commit }) => commit <= snapshot)?.contents ?? [];
    for (const write of this.#level === 'none' ? [] : one.writes) {
      if (write.kind !== 'read' && write.key === step.key) contents = after(contents, write);
    }
    return { ...step, value: this.#isList ? contents : (contents[0] ?? null) };
  }

  /** @returns whether it took effect. */
  commit(one: Running, gaveUp: boolean): boolean {
    const written = new Set(one.writes.map(({ key }) => key));
    const isNewer = (key: string): boolean => (this.#versions(key).all.at(-1)?.commit ?? 0) > one.began;
    const checked = { serializable: [...written, ...one.read], snapshot: [...written], 'read-committed': [], none: [] };
    if (gaveUp || checked[this.#level].some(isNewer)) return false;
    this.commits++;
    if (this.#level !== 'none') for (const step of one.writes) this.#install(step);
    return true;
  }

  #install(step: TransactionStep): void {
    if (step.kind === 'read') return;
    const versions = this.#versions(step.key);
    const contents = after(versions.all.at(-1)?.contents ?? [], step);
    versions.all.push({ commit: this.#level === 'none' ? 0 : this.commits, contents });
  }

  #versions(key: string): Versions {
    const versions = this.#keys.get(key) ?? { all: [] };
    this.#keys.set(key, versions);
    return versions;
  }
}

export function after(contents: Contents, step: TransactionStep): Contents {
  if (step.kind === 'read') return contents;
  return step.kind === 'append' ? [...contents, step.value] : [step.value];
}
