/**
 * Operations of a text as transactions: Jepsen's and Elle's micro-operations (`[:append 3 4]`, `[:r 3 [4]]`, `[:w x 1]`),
 * and our own steps. Reading the text itself is in history-text.ts.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { Outcome } from './history.ts';
import { type TextCall, type TextOperation, parseHistory } from './history-text.ts';
import { printValue } from './timeline.ts';
import type {
  TransactionHistory,
  TransactionStep,
  TransactionStepDone,
  TransactionValue,
} from './transactions-history.ts';

export interface TransactionsText {
  readonly history: TransactionHistory;
  /** For each transaction the line of its invocation, from 1. */
  readonly lines: readonly number[];
}

/**
 * The transactions of a text, in any of the forms that `parseHistory` reads. An event needs no `:f`, and where a text
 * has completions alone, as small examples do, its transactions may all be concurrent.
 * @throws LockstepError `invalid`, with `line` in its values.
 */
export function parseTransactions(text: string): TransactionsText {
  const operations = parseHistory(text, { f: 'txn', isInvokedAnytime: true });
  return { history: operations.map(transactionOf), lines: operations.map(({ line }) => line) };
}

function transactionOf({ line, operation, isOurs }: TextOperation): TransactionHistory[number] {
  const { process, invokedAt, outcome } = operation;
  const stepsOf = isOurs ? ownSteps : microOperations;
  const asked = isOurs ? operation.call : (operation.call as TextCall).value;
  const call = stepsOf(asked, line).map((step): TransactionStep =>
    step.kind === 'read' ? { kind: 'read', key: step.key } : step,
  );
  const answered: Outcome<readonly TransactionStepDone[]> =
    outcome.kind === 'ok' ? { ...outcome, result: stepsOf(outcome.result, line) } : outcome;
  return { process, call, invokedAt, outcome: answered };
}

const kinds: Readonly<Record<string, TransactionStep['kind']>> = {
  append: 'append',
  r: 'read',
  read: 'read',
  w: 'write',
  write: 'write',
};

function microOperations(value: unknown, line: number): readonly TransactionStepDone[] {
  return listOf(value, line).map((micro) => {
    const [f, key, argument, ...rest] = Array.isArray(micro) ? (micro as readonly unknown[]) : [];
    const kind = typeof f === 'string' ? kinds[f] : undefined;
    if (kind === undefined || key === undefined || key === null || rest.length > 0)
      throw refused('a step is [:append KEY VALUE], [:w KEY VALUE] or [:r KEY VALUE]', line, micro);
    return stepOf(kind, printValue(key), argument ?? null, line);
  });
}

function ownSteps(value: unknown, line: number): readonly TransactionStepDone[] {
  return listOf(value, line).map((step) => {
    const { kind, key, value: argument } = (step ?? {}) as { kind?: unknown; key?: unknown; value?: unknown };
    if ((kind !== 'append' && kind !== 'write' && kind !== 'read') || typeof key !== 'string')
      throw refused('a step has a key and is of kind append, write or read', line, step);
    return stepOf(kind, key, argument ?? null, line);
  });
}

function listOf(value: unknown, line: number): readonly unknown[] {
  if (!Array.isArray(value)) throw refused('a transaction is a list of steps', line, value);
  return value as readonly unknown[];
}

function stepOf(kind: TransactionStep['kind'], key: string, argument: unknown, line: number): TransactionStepDone {
  if (kind !== 'read') return { kind, key, value: valueOf(argument, line) };
  if (argument === null) return { kind, key, value: null };
  const isList = Array.isArray(argument);
  const value = isList ? argument.map((one) => valueOf(one, line)) : valueOf(argument, line);
  return { kind, key, value };
}

function valueOf(value: unknown, line: number): TransactionValue {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return `${value}`;
  throw refused('a value is a number or a text', line, value);
}

function refused(what: string, line: number, found: unknown): LockstepError {
  return new LockstepError('invalid', what, { values: { line, found: printValue(found) } });
}
