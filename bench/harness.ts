/**
 * The one way this project measures. A suite is a file `bench/NAME.bench.ts` that exports `suite`; `npm run bench -- NAME`
 * runs it. Each row compares named sides on the same work: the sides alternate, at least five timed runs each after a
 * warm-up, and are judged by the median; the spread, a checksum of the work and the durability class stand beside it.
 * Printing, the machine's description and `--json` are in run.ts. How to be fair: docs/decisions and CONTRIBUTING.md.
 *
 * ```ts
 * export const suite: Suite = {
 *   about: 'Tuple keys against what JSON and cbor-x make of the same tuples.',
 *   rows: ({ quick }) => [
 *     {
 *       name: 'encode a key of three parts', unit: 'key', operations: quick ? 100 : 200_000, reference: 'ours',
 *       sides: [
 *         { name: 'ours', prepare: (operations) => { const keys = keysFrom(7, operations); return () => encodeAll(keys); } },
 *         { name: 'cbor-x', prepare: (operations) => { const keys = keysFrom(7, operations); return () => cborAll(keys); } },
 *       ],
 *     },
 *   ],
 * };
 * ```
 */

import type { Ratio } from './ratios.ts';

/** What a suite's file exports under the name `suite`. */
export interface Suite {
  /** One or two sentences: what is compared, and what the figures do not say. */
  readonly about: string;
  /** `quick` (run by `npm test`, so that suites cannot rot): the same rows so small that all of them take a second. */
  rows(options: {
    readonly quick: boolean;
    /** Also those rows that take many minutes. */
    readonly large?: boolean;
  }): readonly Row[] | Promise<readonly Row[]>;
  /** Its sides run in processes of their own, and its rows share what is costly to make: all rows in one process. */
  readonly sharesGround?: boolean;
  /** Numbers with a name and a bar, made of the medians of its rows; see ratios.ts. */
  readonly ratios?: readonly Ratio[];
}

/** One comparison: the same work, done by each side. */
export interface Row {
  readonly name: string;
  /** What one operation is, in the singular: `key`, `frame`, `event`. */
  readonly unit: string;
  /** How many of them one timed run does; choose it so that a run takes 50 to 500 ms. */
  readonly operations: number;
  /** The side that the others are divided by; its ratio is 1. */
  readonly reference: string;
  readonly sides: readonly Side[];
  /** Timed runs a side; at least 5, and 5 when left out. In a quick run always 2. */
  readonly rounds?: number;
  /** `equal`: all sides must come to one checksum. Otherwise each side must only agree with itself from run to run. */
  readonly checksums?: 'equal';
  /** Checked in full runs; a goal that is missed fails the command. */
  readonly goal?: Goal;
}

export interface Goal {
  /** In words with a number: 'at least 10,000 events a second'. */
  readonly says: string;
  met(results: ReadonlyMap<string, SideResult>): boolean;
}

/** What an answer has survived when it is given, as the README explains the words. */
export type Durability = 'none' | 'process' | 'machine';

export interface Side {
  readonly name: string;
  /** Default `none`: nothing is kept. Sides of one row should agree; where they cannot, the column shows it. */
  readonly durability?: Durability;
  /** Makes what the runs need; not timed. Returns the timed part, called once a run. */
  prepare(operations: number): Prepared | Promise<Prepared>;
}

export type Prepared = (() => Work | Promise<Work>) | { run(): Work | Promise<Work>; close(): void | Promise<void> };

/** A number that depends on all the work done, so that none of it can be optimised away; the same from run to run. */
export type Work = number | WorkDone;

export interface WorkDone {
  readonly checksum: number;
  /** How many operations it was in fact, where the row cannot know. */
  readonly operations?: number;
  /** How long each operation took, in milliseconds; sorted in place. Of each run the percentiles are taken, then their medians. */
  readonly latenciesMs?: Float64Array;
  /** How many bytes of users' data it moved. */
  readonly bytes?: number;
  /** What it took, where another process did it and measured. */
  readonly ms?: number;
  /** Further numbers for the last column, such as `bytes`; those of the last run are shown. */
  readonly facts?: Readonly<Record<string, number>>;
}

export interface SideResult {
  readonly name: string;
  readonly durability: Durability;
  readonly operations: number;
  /** Operations a second: the median of the runs, the slowest, the fastest. */
  readonly perSecond: number;
  readonly perSecondMin: number;
  readonly perSecondMax: number;
  /** Microseconds an operation took, at the median. */
  readonly microseconds: number;
  /** Milliseconds an operation took, median of the runs; null where the side does not time each one. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** At the median run; null where the side does not say how many bytes it moves. */
  readonly bytesPerSecond: number | null;
  /** This side's median divided by the reference's: above 1 is faster than the reference. */
  readonly ratio: number;
  readonly checksum: number;
  readonly facts: Readonly<Record<string, number>>;
  readonly runMs: readonly number[];
}

export interface RowResult {
  readonly name: string;
  readonly unit: string;
  readonly operations: number;
  readonly reference: string;
  readonly rounds: number;
  readonly sides: readonly SideResult[];
  /** Absent where the row has no goal or the run was quick. */
  readonly goal?: { readonly says: string; readonly met: boolean };
}

/** Runs one row: prepare all, warm all up, then rounds of one timed run a side, each round beginning one side further. */
export async function measure(row: Row, options: { readonly quick: boolean }): Promise<RowResult> {
  const rounds = options.quick ? 2 : Math.max(5, row.rounds ?? 5);
  if (!row.sides.some((side) => side.name === row.reference)) {
    throw new Error(`the row '${row.name}' names '${row.reference}' as its reference, and has no such side`);
  }
  const runners: Runner[] = [];
  try {
    for (const side of row.sides) runners.push(await Runner.open(side, row.operations));
    for (const runner of runners) await runner.warmUp();
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < runners.length; turn++) {
        await (runners[(round + turn) % runners.length] as Runner).runOnce(row.name);
      }
    }
  } finally {
    for (const runner of runners) await runner.close();
  }
  return resultOf(row, runners, rounds, options.quick);
}

function resultOf(row: Row, runners: readonly Runner[], rounds: number, quick: boolean): RowResult {
  const reference = runners.find((runner) => runner.side.name === row.reference) as Runner;
  const sides = runners.map((runner) => runner.result(reference.perSecond()));
  if (row.checksums === 'equal' && new Set(sides.map((side) => side.checksum)).size > 1) {
    const sums = sides.map((side) => `${side.name}: ${side.checksum}`).join(', ');
    throw new Error(`the sides of '${row.name}' did different work: their checksums are ${sums}`);
  }
  const { name, unit, operations } = row;
  const result = { name, unit, operations, reference: row.reference, rounds, sides };
  if (row.goal === undefined || quick) return result;
  const met = row.goal.met(new Map(sides.map((side) => [side.name, side])));
  return { ...result, goal: { says: row.goal.says, met } };
}

/** One side of a row while it is measured. */
class Runner {
  readonly side: Side;
  readonly #prepared: Prepared;
  readonly #operationsPlanned: number;
  readonly #runMs: number[] = [];
  readonly #perSecond: number[] = [];
  readonly #p50Ms: number[] = [];
  readonly #p99Ms: number[] = [];
  readonly #bytesPerSecond: number[] = [];
  #last: WorkDone | undefined;

  private constructor(side: Side, prepared: Prepared, operations: number) {
    this.side = side;
    this.#prepared = prepared;
    this.#operationsPlanned = operations;
  }

  static async open(side: Side, operations: number): Promise<Runner> {
    return new Runner(side, await side.prepare(operations), operations);
  }

  async warmUp(): Promise<void> {
    await this.#work();
  }

  async runOnce(rowName: string): Promise<void> {
    globalThis.gc?.(); // one side's garbage must not be collected on the other's time
    const startedAt = performance.now();
    const done = await this.#work();
    const ms = Math.max(done.ms ?? performance.now() - startedAt, 0.001);
    if (!Number.isFinite(done.checksum)) throw new Error(`${rowName}, ${this.side.name}: the checksum is not a number`);
    if (this.#last !== undefined && this.#last.checksum !== done.checksum) {
      throw new Error(
        `${rowName}, ${this.side.name}: two runs did different work: checksums ${this.#last.checksum} and ${done.checksum}`,
      );
    }
    this.#last = done;
    this.#runMs.push(ms);
    this.#perSecond.push((done.operations ?? this.#operationsPlanned) / (ms / 1_000));
    if (done.bytes !== undefined) this.#bytesPerSecond.push(done.bytes / (ms / 1_000));
    if (done.latenciesMs === undefined) return;
    done.latenciesMs.sort();
    this.#p50Ms.push(percentile(done.latenciesMs, 0.5));
    this.#p99Ms.push(percentile(done.latenciesMs, 0.99));
  }

  perSecond(): number {
    return median(this.#perSecond);
  }

  result(referencePerSecond: number): SideResult {
    const perSecond = this.perSecond();
    return {
      name: this.side.name,
      durability: this.side.durability ?? 'none',
      operations: this.#last?.operations ?? this.#operationsPlanned,
      perSecond,
      perSecondMin: Math.min(...this.#perSecond),
      perSecondMax: Math.max(...this.#perSecond),
      microseconds: 1_000_000 / perSecond,
      p50Ms: medianOrNull(this.#p50Ms),
      p99Ms: medianOrNull(this.#p99Ms),
      bytesPerSecond: medianOrNull(this.#bytesPerSecond),
      ratio: perSecond / referencePerSecond,
      checksum: this.#last?.checksum ?? Number.NaN,
      facts: this.#last?.facts ?? {},
      runMs: this.#runMs,
    };
  }

  async close(): Promise<void> {
    if (typeof this.#prepared !== 'function') await this.#prepared.close();
  }

  async #work(): Promise<WorkDone> {
    const work = this.#prepared;
    const pending = typeof work === 'function' ? work() : work.run();
    const done = pending instanceof Promise ? await pending : pending; // a synchronous side pays for no promise
    return typeof done === 'number' ? { checksum: done } : done;
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const medianOrNull = (values: readonly number[]): number | null => (values.length === 0 ? null : median(values));

/** The smallest value that is not exceeded by `share` of them. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
