/** A transaction whose function's end is known at once, long before its outcome may be told. */
import type { Leading, Synchronous, Transaction, TransactOutcome } from '../transaction.ts';

export type Ran<T> =
  | { readonly kind: 'returned'; readonly value: T }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** It was refused before it ran. */
  | { readonly kind: 'not-run' };

export interface Begun<T> {
  readonly ran: Ran<T>;
  /** What may be told. Handled already: it may be left alone. */
  readonly outcome: Promise<TransactOutcome<T>>;
}

/**
 * What ran rests on state that may not be durable yet, so nothing of it may be told. But the transactions that begin next
 * run behind it, and become durable behind it or not at all: they may go by it.
 */
export function begin<T>(
  leading: Pick<Leading, 'transact'>,
  place: string | null,
  fn: (tx: Transaction) => Synchronous<T>,
): Begun<T> {
  let ran: Ran<T> = { kind: 'not-run' };
  const outcome = leading.transact(place, (tx): Synchronous<T> => {
    try {
      const value = fn(tx);
      ran = { kind: 'returned', value: value as T };
      return value;
    } catch (error) {
      ran = { kind: 'threw', error };
      throw error;
    }
  });
  outcome.catch(() => {}); // whoever needs it awaits it
  return { ran, outcome };
}
