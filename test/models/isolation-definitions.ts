/**
 * What serializable and snapshot isolation mean, by trying everything: all sets of unknown transactions that may have
 * committed, in all orders of commits, or of begins and commits. For histories of a handful of transactions.
 */
import type { TransactionHistory, TransactionStepDone } from '../../src/check/transactions-history.ts';
import { after, type Contents } from './isolation.ts';

interface Candidate {
  readonly index: number;
  readonly steps: readonly TransactionStepDone[];
  /** Whether its reads are known, so that they must be explained. */
  readonly reads: boolean;
  readonly mustCommit: boolean;
}
type State = ReadonlyMap<string, Contents>;

function candidatesOf(history: TransactionHistory): readonly Candidate[] {
  return history.flatMap<Candidate>(({ call, outcome }, index) => {
    if (outcome.kind === 'fail') return [];
    if (outcome.kind === 'ok') return [{ index, steps: outcome.result, reads: true, mustCommit: true }];
    const steps = call.flatMap((step) => (step.kind === 'read' ? [] : [step]));
    return [{ index, steps, reads: false, mustCommit: false }];
  });
}

/** What the keys hold after it ran on `state`, or null where it could not have read there what it read. */
function run({ steps, reads }: Candidate, state: State): State | null {
  const next = new Map(state);
  for (const step of steps) {
    const contents = next.get(step.key) ?? [];
    if (step.kind !== 'read') next.set(step.key, after(contents, step));
    else if (reads && !isSame(step.value, contents)) return null;
  }
  return next;
}

function isSame(value: Extract<TransactionStepDone, { kind: 'read' }>['value'], contents: Contents): boolean {
  const read = Array.isArray(value) ? value : value === null ? [] : [value];
  return read.length === contents.length && read.every((one, index) => one === contents[index]);
}

/** Whether some serial order explains it; with `realTime`, one in which what was complete before comes before. */
export function isSerializable(history: TransactionHistory, realTime = false): boolean {
  const before = (left: number, right: number): boolean => {
    const [first, second] = [history[left], history[right]];
    if (!realTime || first?.outcome.kind !== 'ok' || second === undefined) return false;
    return first.outcome.at < second.invokedAt || (first.process === second.process && left < right);
  };
  const search = (left: readonly Candidate[], state: State): boolean => {
    if (left.every(({ mustCommit }) => !mustCommit)) return true;
    return left.some((one) => {
      const others = left.filter((other) => other !== one);
      if (others.some((other) => before(other.index, one.index))) return false;
      const next = run(one, state);
      return next !== null && search(others, next);
    });
  };
  return search(candidatesOf(history), new Map());
}

interface Begun {
  readonly one: Candidate;
  readonly writes: ReadonlySet<string>;
  readonly result: State;
  /** A key that another has committed since it began can no longer be written. */
  readonly lost: boolean;
}

/** Whether some order of begins and commits explains it: reads see the begin, of two writers at once one gives up. */
export function isSnapshotIsolated(history: TransactionHistory): boolean {
  const search = (left: readonly Candidate[], begun: readonly Begun[], state: State): boolean => {
    if (begun.length === 0 && left.every(({ mustCommit }) => !mustCommit)) return true;
    const commits = begun.some((open) => {
      if (open.lost) return false;
      const next = new Map(state);
      for (const key of open.writes) next.set(key, open.result.get(key) ?? []);
      const others = begun
        .filter((other) => other !== open)
        .map((other) => ({ ...other, lost: other.lost || [...open.writes].some((key) => other.writes.has(key)) }));
      return others.every(({ lost }) => !lost) && search(left, others, next);
    });
    if (commits) return true;
    return left.some((one) => {
      const result = run(one, state);
      if (result === null) return false;
      const writes = new Set(one.steps.flatMap((step) => (step.kind === 'read' ? [] : [step.key])));
      const others = left.filter((other) => other !== one);
      return search(others, [...begun, { one, writes, result, lost: false }], state);
    });
  };
  return search(candidatesOf(history), [], new Map());
}
