/**
 * The end of a transaction's function: with a value, a decided no, an error, or because a message of it could not leave.
 * Nothing of it may be told yet.
 */
import type { TransactionRun } from './transaction-run.ts';
import type { Refused, Rejection, Transaction } from './transaction.ts';

/** What a transaction's function came to. */
export type Ran<T> =
  | { readonly kind: 'returned'; readonly value: T }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** A message of it could not leave. */
  | Refused
  | { readonly kind: 'threw'; readonly error: unknown };

/** Of a function that waits, called at once. */
export async function settledOf<T>(fn: (tx: Transaction) => Promise<T>, run: TransactionRun): Promise<Ran<T>> {
  try {
    return ranOf(await fn(run), run);
  } catch (error) {
    return run.refusal === null ? { kind: 'threw', error } : run.refusal;
  }
}

export function ranOf<T>(value: T, { refusal }: TransactionRun): Ran<T> {
  if (refusal !== null) return refusal;
  return isRejection(value) ? { kind: 'rejected', rejection: value } : { kind: 'returned', value };
}

const isRejection = (value: unknown): value is Rejection =>
  typeof value === 'object' &&
  value !== null &&
  (value as { readonly kind?: unknown }).kind === 'rejected' &&
  typeof (value as { readonly code?: unknown }).code === 'string';
