/**
 * What an engine with a conditional append brings: bytes under positions, nothing of ours to learn. `storeEngine` makes
 * a `LogEngine` of it: header, chain, claims, the settling of doubts, holds and the rules of reading are added once,
 * there. For stores that offer "append if the last position is this": memory, a stream with expected sequences, a table
 * with a primary key, a replicated log.
 *
 * A call may throw `unavailable` (or `overloaded`) when it certainly had no effect, and `unknown` when it may have
 * had one; both are tried again. Anything else is final.
 */
import type { Guarantees, LogId, Position } from './port.ts';

export interface RecordStores {
  readonly name: string;
  readonly guarantees: Guarantees;
  /**
   * `linearizable`: a read shows every append that was acknowledged before it began, so it also answers `confirm`.
   * `recent`: it may be behind, for a while even behind what it has shown before; `confirm` then appends an empty
   * record, and nobody claims at an end before what is known. What it shows is in the log for good.
   */
  readonly reads: 'linearizable' | 'recent';
  /** The log of this name. With `create`, made under that id if there is none; a log that is there keeps its own id. */
  open(name: string, create: LogId | null): Promise<RecordStore | null>;
  list(): Promise<readonly string[]>;
  remove(name: string): Promise<'removed' | 'absent'>;
  close(): Promise<void>;
}

/** One log. All calls are about the log with this id: when it is removed, or made anew under its name, they answer `gone`. */
export interface RecordStore {
  readonly id: LogId;
  /**
   * Puts `bytes` at the position after `after`, if and only if `after` is the last one: `conflict` otherwise. So sending
   * it twice stores it once. `bytes` stay as they are.
   */
  append(after: Position, bytes: Uint8Array): Promise<'appended' | 'conflict' | 'gone'>;
  /** Records after a position, in order, without a gap, up to so many bytes but at least one if there is any. */
  read(after: Position, bytesMax: number): Promise<StoreRead>;
  /** Resolves once there may be a record after this position, or the log is gone; too early is allowed. Rejects with the signal's reason. */
  grown(after: Position, signal: AbortSignal): Promise<void>;
  /** Lets go of what is before. Less is allowed, more is not. */
  trim(before: Position): Promise<void>;
  close(): Promise<void>;
}

export type StoreRead =
  | {
      readonly kind: 'records';
      /** None when there is nothing after the position, or when what comes next is no longer kept. */
      readonly records: readonly StoredBytes[];
      /** The first position that is kept; one past the last when none is. */
      readonly first: Position;
      readonly last: Position;
    }
  | { readonly kind: 'gone' };

export interface StoredBytes {
  readonly position: Position;
  readonly bytes: Uint8Array;
}
