import type { History } from './history.ts';

/**
 * Histories of transactions: each operation is a transaction, its call the steps it asked for, its result the same
 * steps with what the reads answered. Keys hold either lists that are appended to, or registers that are overwritten;
 * which of the two a key is follows from its steps. Values are unique per key: that is what lets a read say which
 * write it saw.
 */

/** What is appended or written. Two of them are the same when `===` says so. */
export type TransactionValue = string | number;

/** One step as asked for. */
export type TransactionStep =
  | { readonly kind: 'append'; readonly key: string; readonly value: TransactionValue }
  | { readonly kind: 'write'; readonly key: string; readonly value: TransactionValue }
  | { readonly kind: 'read'; readonly key: string };

/** One step as answered. A read of a list answers all its elements in order; `null` is a key that nobody has written. */
export type TransactionStepDone =
  | { readonly kind: 'append'; readonly key: string; readonly value: TransactionValue }
  | { readonly kind: 'write'; readonly key: string; readonly value: TransactionValue }
  | {
      readonly kind: 'read';
      readonly key: string;
      readonly value: readonly TransactionValue[] | TransactionValue | null;
    };

/**
 * `ok` is a transaction that was acknowledged, `fail` one that certainly had no effect, `info` one of which that is
 * unknown: it counts as committed when an acknowledged transaction has read a value of its own. Where a transaction
 * decides as it goes, the call holds what it may have done at most, and the result what it did.
 */
export type TransactionHistory = History<readonly TransactionStep[], readonly TransactionStepDone[]>;
