/** What users of `StoredTree.transact` see: types alone. */
import type { Scan, ScanOptions } from '../scan.ts';

/**
 * `serializable`: committed only if all that was read is as it was read, so that transactions might as well have run one
 * after the other. `snapshot`: committed if nobody else has written what this writes; what was only read may have changed
 * (write skew).
 */
export type Isolation = 'serializable' | 'snapshot';

/** A tree at one moment, with own writes on top. Over when the transaction is: used later, every method throws `misuse`. */
export interface TreeTransaction {
  /** What it sees of the tree. */
  readonly revision: number;
  /** A copy of the key's value; undefined when it has none. Own writes are seen. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** As `StoredTree.scan`, of the moment of this call: own writes made before it are seen, those made after it not. */
  range(options?: ScanOptions): Scan;
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** All keys from `start` on and before `end`, own ones included. */
  deleteRange(start: Uint8Array, end: Uint8Array): void;
}

export interface TransactOptions {
  /** Default `serializable`. */
  readonly isolation?: Isolation | undefined;
  /** It sees what was acknowledged, may not write, and always commits. Default false. */
  readonly readOnly?: boolean | undefined;
  /** How often an `async` function is run at most. Default 10. */
  readonly attempts?: number | undefined;
  /** The deadline for an `async` function, with all its attempts, in milliseconds. Default 10,000. */
  readonly withinMs?: number | undefined;
  /** Ends the attempts; it rejects with the signal's reason. What is being committed already is waited for. */
  readonly signal?: AbortSignal | undefined;
  /** Keys that are loaded before, without blocking, so that reading them does not. */
  readonly touch?: readonly Uint8Array[] | undefined;
  /** What it is called where waits are listed and errors told. Default `transaction`. */
  readonly name?: string | undefined;
}

export interface TreeCommitted<T> {
  readonly kind: 'committed';
  readonly value: T;
  /** What it read and wrote is in every state from here on. */
  readonly revision: number;
}

/** It certainly did not happen. */
export interface TreeConflict {
  readonly kind: 'conflict';
  readonly attempts: number;
  /** Of the last attempt. `too-old`: it lasted longer than recent writes are known by their revisions. */
  readonly reason: 'changed' | 'too-old';
  /** That another transaction changed; null when it was too old. */
  readonly key: Uint8Array | null;
  /** Why it did not win, in words. */
  readonly explain: string;
}

export type TreeTransactOutcome<T> = TreeCommitted<T> | TreeConflict;
