/**
 * The events of several partitions as one sequence, in the order of their partitions' time: a merge of sorted runs that gives
 * an event only once no partition can come with an earlier one. The order is total, by millisecond, then by the number of the
 * partition, then as the partition has it; so every reader gets the same sequence, whenever and wherever it reads.
 *
 * A partition that is idle says nothing of its time. Where this node leads it, the merge writes its time down as a row of its
 * own (a closed timestamp, as CockroachDB calls it): whoever leads later has a later time. Elsewhere it waits for the leader.
 */
import { hybridWall } from '../clock/timestamp.ts';
import { LockstepError } from '../kernel/errors.ts';
import { isPassing, pause } from '../log/within.ts';
import type { WaitEntry, Waits } from '../observe/waits.ts';
import type { Partition } from '../partition/partition.ts';
import type { Token } from '../partition/transaction.ts';
import type { EventRow } from './event-row.ts';
import { horizonSystem, RowSource, type EventFilter, type Part, type RowSourcePorts } from './row-source.ts';

export interface MergeSetup {
  readonly ports: RowSourcePorts;
  readonly waits: Waits;
  /** Ends it; it rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** A partition, and after which of its tokens. */
export interface MergedPartition {
  readonly partition: Partition;
  readonly from: Token;
}

/** Rows of one partition, and its token once all of them were taken. */
export interface MergedRows {
  /** Which of the partitions that were given. */
  readonly index: number;
  readonly rows: readonly EventRow[];
}

/** For so long an idle partition that another node leads is waited for, then looked at again. */
const elsewhereMs = 1_000;
const pauseMsMax = 100;

/** @throws as `RowSource.further`. */
export async function* inTimeOrder(
  setup: MergeSetup,
  partitions: readonly MergedPartition[],
  filter: EventFilter,
): AsyncGenerator<MergedRows, void, undefined> {
  const runs = partitions.map((one, index) => new Run(setup, one, filter, index));
  for (;;) {
    const first = firstOf(runs);
    if (first === null) {
      await anyFurther(setup, runs, null);
      continue;
    }
    const behind = runs.filter((run) => !run.isPast(first));
    if (behind.length === 0) yield { index: first.index, rows: [first.take()] };
    else await passed(setup, behind, first);
  }
}

/** What was read of one partition and is not given yet: a bounded part. */
class Run {
  readonly index: number;
  readonly source: RowSource;
  readonly #setup: MergeSetup;
  #rows: readonly EventRow[] = [];
  #taken = 0;
  #throughMs = 0;

  constructor(setup: MergeSetup, { partition, from }: MergedPartition, filter: EventFilter, index: number) {
    this.#setup = setup;
    this.index = index;
    this.source = new RowSource(setup.ports, partition, { ...filter, from });
  }

  /** Of the next row; null: there is none here. */
  get headMs(): number | null {
    return this.#rows[this.#taken]?.events[0]?.at.getTime() ?? null;
  }

  take(): EventRow {
    const row = this.#rows[this.#taken++];
    if (row === undefined) throw new LockstepError('misuse', 'a run of rows has no more');
    return row;
  }

  /** Whether nothing can come of it that belongs before the head of another. */
  isPast(first: Run): boolean {
    if (first === this || this.headMs !== null) return true;
    return isBefore(first.headMs ?? 0, first.index, this.#throughMs, this.index);
  }

  async further(signal: AbortSignal): Promise<void> {
    this.#fill(await this.source.further(signal));
  }

  /** Looks for more rows, and makes the partition's time known where it has none. */
  async pass(ms: number, wait: WaitEntry): Promise<void> {
    const { ports, signal } = this.#setup;
    this.#fill(await this.source.present(signal));
    if (this.headMs !== null || this.#throughMs > ms) return;
    const token = await this.#close(wait);
    if (token === null) return anyFurther(this.#setup, [this], elsewhereMs);
    this.#fill(await this.source.present(signal, token));
    const leftMs = ms - this.#throughMs;
    if (this.headMs === null && leftMs >= 0) await pause(ports.timers, Math.min(leftMs + 1, pauseMsMax), [signal]);
  }

  /** The token of the time that was written down; null: another node leads, or nobody. */
  async #close(wait: WaitEntry): Promise<Token | null> {
    try {
      const outcome = await this.source.partition.transact(null, (tx) => {
        tx.system(horizonSystem, 'local').set([], tx.now);
        return hybridWall(tx.now);
      });
      if (outcome.kind === 'committed') return outcome.token;
      if (outcome.kind === 'not-leader') wait.heldBy = outcome.leader;
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    return null;
  }

  #fill({ rows, throughMs }: Part): void {
    this.#rows = this.headMs === null ? rows : [...this.#rows.slice(this.#taken), ...rows];
    this.#taken = 0;
    this.#throughMs = throughMs;
  }
}

const isBefore = (ms: number, index: number, otherMs: number, otherIndex: number): boolean =>
  ms < otherMs || (ms === otherMs && index < otherIndex);

/** That whose next row comes first; null: nothing was read. */
function firstOf(runs: readonly Run[]): Run | null {
  let first: Run | null = null;
  for (const run of runs) {
    if (run.headMs === null) continue;
    if (first === null || isBefore(run.headMs, run.index, first.headMs ?? 0, first.index)) first = run;
  }
  return first;
}

/** Nothing is left of any: one of them comes further, or the time is over. What others found meanwhile is not lost. */
async function anyFurther({ ports, signal }: MergeSetup, runs: readonly Run[], withinMs: number | null): Promise<void> {
  const ending = new AbortController();
  const isOver = new LockstepError('stopped', 'this wait is over');
  const onAbort = (): void => ending.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = withinMs === null ? null : ports.timers.after(withinMs, () => ending.abort(isOver));
  const all = runs.map((run) => run.further(ending.signal));
  try {
    await Promise.race(all);
  } catch (error) {
    if (error !== isOver) throw error;
  } finally {
    timer?.cancel();
    signal.removeEventListener('abort', onAbort);
    ending.abort(isOver);
    await Promise.allSettled(all);
  }
}

/** Each of them has rows, or a time that is past the head of `first`, or was waited for a while. */
async function passed({ waits }: MergeSetup, behind: readonly Run[], first: Run): Promise<void> {
  const ms = first.headMs ?? 0;
  const all = behind.map(async (run) => {
    const waitsFor = `partition ${run.index} to pass ${new Date(ms).toISOString()}`;
    const about = { what: 'events in order of time', key: `partition ${run.index}`, waitsFor, withinMs: null };
    const wait = waits.enter(about);
    try {
      await run.pass(ms, wait);
    } finally {
      wait.leave();
    }
  });
  await Promise.all(all);
}
