/**
 * Which isolation level a history of transactions keeps: anomalies by inference from what was read, after Elle
 * (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations", VLDB 2020). A violation
 * is certain. `ok` is certain too; where the observations do not suffice for it, the verdict is `unknown` and says why.
 */
import { LockstepError } from '../kernel/errors.ts';
import { findCycles, type CyclesFound } from './anomalies-search.ts';
import { anomalyText, isolationLevels, type Anomaly, type IsolationLevel } from './anomalies.ts';
import { inferDependencies, type Inference } from './dependencies-inferred.ts';
import { hasSerialOrder } from './dependencies-witness.ts';
import type { DependencyGraph } from './dependencies.ts';
import { validateHistory } from './history.ts';
import type { TransactionHistory } from './transactions-history.ts';
import { Observations } from './transactions-observed.ts';

export interface TransactionsOptions {
  /** What the system promises. */
  readonly level: IsolationLevel;
  /**
   * What else the order of transactions must respect: that of each process (strong session isolation), or real time
   * (strong isolation; it includes the processes). Default `none`; `strict-serializable` means `real-time`.
   */
  readonly order?: 'none' | 'process' | 'real-time';
  /** How many edges the searches for shortest cycles may follow in all. Never changes the verdict. Default 2,000,000. */
  readonly budgetEdges?: number;
}

export interface TransactionsVerdict {
  /** `unknown`: no violation was found, and the reads do not say enough for `ok`; see `reasons`. */
  readonly kind: 'ok' | 'violation' | 'unknown';
  readonly level: IsolationLevel;
  /** What the level forbids, the weakest level first; empty unless it is a violation. */
  readonly anomalies: readonly Anomaly[];
  /** What was found and the level allows: write skew under snapshot isolation, for example. */
  readonly tolerated: readonly Anomaly[];
  /** Why it is unknown. */
  readonly reasons: readonly string[];
  /** What of the search for shortest cycles was left out. */
  readonly notSearched: readonly string[];
  /** All of it in words. */
  readonly text: string;
}

/**
 * Judges a history of transactions over lists and registers. Time and memory grow in step with the history; a list
 * counts with the length of each of its reads.
 * @throws LockstepError `invalid` for a history out of order, a value written twice to one key, a key used both ways.
 */
export function checkTransactions(history: TransactionHistory, options: TransactionsOptions): TransactionsVerdict {
  validateHistory(history);
  const { level, order: asked = 'none', budgetEdges = 2_000_000 } = options;
  const order = level === 'strict-serializable' ? 'real-time' : asked;
  if (!(budgetEdges >= 0))
    throw new LockstepError('misuse', 'a budget is a number of edges', { values: { budgetEdges } });
  const observed = new Observations(history);
  const inference = inferDependencies(observed, order);
  const graph = inference.builder.graph();
  const plain = findCycles(graph, budgetEdges, false);
  const ordered = order === 'none' ? plain : findCycles(graph, budgetEdges, true);
  const further = ordered.anomalies.filter((anomaly) => anomaly.order !== 'none');
  const found = [...withoutRepeats(observed.anomalies, plain.anomalies), ...further];
  found.sort((left, right) => isolationLevels.indexOf(left.level) - isolationLevels.indexOf(right.level));
  const isForbidden = (one: Anomaly): boolean => isolationLevels.indexOf(one.level) <= isolationLevels.indexOf(level);
  const anomalies = found.filter(isForbidden);
  const tolerated = found.filter((one) => !isForbidden(one));
  const reasons = anomalies.length > 0 ? [] : reasonsForDoubt(level, observed, inference, graph, ordered);
  const kind = anomalies.length > 0 ? 'violation' : reasons.length > 0 ? 'unknown' : 'ok';
  const { hiddenCount } = observed;
  const hidden = hiddenCount === 0 ? [] : [`${hiddenCount} more of those that need no search are not shown`];
  const notSearched = [...new Set([...hidden, ...plain.notSearched, ...ordered.notSearched])];
  const verdict = { kind, level, anomalies, tolerated, reasons, notSearched } as const;
  return { ...verdict, text: verdictText(history.length, verdict) };
}

/** A cycle of two over one key between two that lost an update is that lost update again. */
function withoutRepeats(direct: readonly Anomaly[], cycles: readonly Anomaly[]): readonly Anomaly[] {
  const nameOf = ({ key, transactions }: Anomaly): string =>
    JSON.stringify([key, transactions.toSorted((left, right) => left - right)]);
  const lost = new Set(direct.filter(({ kind }) => kind === 'lost-update').map(nameOf));
  return [...direct, ...cycles.filter((one) => one.cycle.length > 2 || one.key === null || !lost.has(nameOf(one)))];
}

/**
 * Up to read committed the inferred edges decide: any order of versions that respects them will do. Above, the order of
 * versions matters: that of lists is known but for the elements nobody read, that of registers may not be.
 */
function reasonsForDoubt(
  level: IsolationLevel,
  observed: Observations,
  { unorderedRegisters, unorderedWriters }: Inference,
  graph: DependencyGraph,
  { componentOf, isAcyclic }: CyclesFound,
): readonly string[] {
  if (level === 'read-uncommitted' || level === 'read-committed') return [];
  if (isAcyclic && (unorderedRegisters.length === 0 || hasSerialOrder(graph, observed))) return [];
  const reasons: string[] = [];
  const [register] = unorderedRegisters;
  if (register !== undefined) {
    reasons.push(
      `the order in which ${unorderedRegisters.length} registers were overwritten cannot be inferred (${register}): read a key before writing it, in the same transaction, or use lists`,
    );
  }
  const doubtful = unorderedWriters.filter(([, transactions]) => hasTwoInOne(transactions, componentOf));
  const [list] = doubtful;
  if (list !== undefined) {
    reasons.push(
      `nobody read what was appended last to ${doubtful.length} lists (${list[0]}): read every list once more at the end`,
    );
  }
  return reasons;
}

function hasTwoInOne(transactions: readonly number[], componentOf: Int32Array): boolean {
  const inComponents = transactions.map((one) => componentOf[one] ?? -1).filter((component) => component !== -1);
  return new Set(inComponents).size < inComponents.length;
}

function verdictText(count: number, verdict: Omit<TransactionsVerdict, 'text'>): string {
  const { kind, level, anomalies, tolerated, reasons, notSearched } = verdict;
  const words = { ok: 'keeps', violation: 'breaks', unknown: 'may or may not keep' };
  return [
    `${kind}: a history of ${count} transactions ${words[kind]} ${level}`,
    ...anomalies.map(anomalyText),
    ...tolerated.map(
      (one) =>
        `allowed by ${level}: ${one.kind} (${one.name}) between ${one.transactions.map((index) => `T${index}`).join(', ')}`,
    ),
    ...reasons,
    ...notSearched,
  ].join('\n');
}
