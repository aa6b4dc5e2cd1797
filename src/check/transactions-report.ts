/**
 * A verdict on transactions for a reader: of each kind of anomaly the shortest in words, with the transactions it is
 * about. Drawn as a page in transactions-html.ts.
 */
import { printable } from '../kernel/printable.ts';
import { cut } from '../sim/diagram-words.ts';
import { anomalyText, type Anomaly } from './anomalies.ts';
import { printValue } from './timeline.ts';
import type { TransactionHistory, TransactionStep, TransactionStepDone } from './transactions-history.ts';
import type { TransactionsVerdict } from './transactions.ts';

export interface TransactionsReportOptions {
  /** For each transaction the line of the file it stands on; then the report names it. */
  readonly lines?: readonly number[];
}

/** One to be shown of many like it. */
export interface ShownAnomaly {
  readonly anomaly: Anomaly;
  /** How many others there are of its kind, at least. */
  readonly othersCount: number;
}

/** Of each kind the one with the fewest transactions, in the order of the verdict. */
export function shownOf(anomalies: readonly Anomaly[]): readonly ShownAnomaly[] {
  const best = new Map<string, ShownAnomaly>();
  for (const anomaly of anomalies) {
    const kind = `${anomaly.kind} ${anomaly.name} ${anomaly.order}`;
    const other = best.get(kind);
    if (other === undefined) best.set(kind, { anomaly, othersCount: 0 });
    else {
      const isShorter = anomaly.transactions.length < other.anomaly.transactions.length;
      best.set(kind, { anomaly: isShorter ? anomaly : other.anomaly, othersCount: other.othersCount + 1 });
    }
  }
  return [...best.values()];
}

const words = { ok: 'keeps', violation: 'breaks', unknown: 'may or may not keep' } as const;

/** The verdict in one line. */
export function headingOf(history: TransactionHistory, { kind, level }: TransactionsVerdict): string {
  const count = `${history.length} transaction${history.length === 1 ? '' : 's'}`;
  return `${kind}: a history of ${count} ${words[kind]} ${level}`;
}

/** The verdict in words. `verdict.text` is the same with all that was found, and without the transactions. */
export function explainTransactions(
  history: TransactionHistory,
  verdict: TransactionsVerdict,
  options: TransactionsReportOptions = {},
): string {
  const parts = shownOf(verdict.anomalies).map(({ anomaly, othersCount }) => {
    const told = tellAnomaly(history, anomaly, options);
    return othersCount === 0 ? told : `${told}\nand ${othersCount} more of this kind`;
  });
  return [headingOf(history, verdict), ...parts, ...remarksOf(verdict)].join('\n\n').concat('\n');
}

/** What else is to be said: what was allowed, why it is unknown, what was left out. */
export function remarksOf({ level, tolerated, reasons, notSearched }: TransactionsVerdict): readonly string[] {
  const allowed = shownOf(tolerated).map(({ anomaly: { kind, name, transactions }, othersCount }) => {
    const between = transactions.map((index) => `T${index}`).join(', ');
    const more = othersCount === 0 ? '' : `, and ${othersCount} more like it`;
    return `allowed by ${level}: ${kind} (${name}) between ${between}${more}`;
  });
  return [...allowed, ...reasons.map((reason) => `unknown: ${reason}`), ...notSearched];
}

function tellAnomaly(history: TransactionHistory, anomaly: Anomaly, options: TransactionsReportOptions): string {
  const cited = [...new Set(anomaly.transactions)].map((index) => {
    const steps = stepsOf(history, index).map(printStep).join(', ');
    return `  ${transactionName(history, index, options)}: ${steps}${outcomeWords(history, index)}`;
  });
  return [anomalyText(anomaly), 'where', ...cited].join('\n');
}

/** `T3 of process 0, line 12`. */
export function transactionName(
  history: TransactionHistory,
  index: number,
  { lines }: TransactionsReportOptions,
): string {
  const line = lines?.[index];
  const place = line === undefined ? '' : `, line ${line}`;
  return `T${index} of process ${printable(history[index]?.process ?? '')}${place}`;
}

/** What it did, if it was told; else what it asked for. */
export function stepsOf(
  history: TransactionHistory,
  index: number,
): readonly (TransactionStep | TransactionStepDone)[] {
  const operation = history[index];
  if (operation === undefined) return [];
  return operation.outcome.kind === 'ok' ? operation.outcome.result : operation.call;
}

/** What is to be said of a transaction that was not acknowledged. */
export function outcomeWords(history: TransactionHistory, index: number): string {
  const kind = history[index]?.outcome.kind;
  return kind === 'ok' ? '' : kind === 'fail' ? ' (taken back)' : ' (outcome unknown)';
}

const valueLengthMax = 60;
const elementsShownMax = 6;

/** `append 3 4`, `read 3 → [4]`. Of a long list the end is shown, which says what was read. */
export function printStep(step: TransactionStep | TransactionStepDone): string {
  const key = printable(step.key);
  if (step.kind !== 'read') return `${step.kind} ${key} ${cut(printValue(step.value), valueLengthMax)}`;
  if (!('value' in step)) return `read ${key}`;
  return `read ${key} → ${printRead(step.value)}`;
}

function printRead(value: Extract<TransactionStepDone, { kind: 'read' }>['value']): string {
  if (value === null) return 'nothing';
  if (typeof value === 'string' || typeof value === 'number') return cut(printValue(value), valueLengthMax);
  const left = value.length - elementsShownMax;
  const shown = value.slice(Math.max(0, left)).map((one) => cut(printValue(one), valueLengthMax));
  return `[${[...(left > 0 ? [`… ${left} more`] : []), ...shown].join(', ')}]`;
}
