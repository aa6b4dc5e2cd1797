/**
 * What memtables, tables and merges of them have in common: entries in one order, walked by a cursor. The order is
 * that of keys, byte by byte; versions of one key stand together, newest first.
 *
 * A cursor is one object however long the walk: it shows the entry it stands on by offsets into bytes of the source,
 * which are good until it moves. Nothing is allocated for an entry.
 */

/** The largest key, in bytes. */
export const keyBytesMax = 4_096;
/** The largest value, in bytes. */
export const valueBytesMax: number = 8 * 1024 * 1024;

export abstract class EntryCursor {
  /** Whether it stands on an entry; the fields below mean something only then. */
  valid = false;
  keyBytes: Uint8Array = empty;
  keyStart = 0;
  keyEnd = 0;
  /** Of the transaction that wrote it: a whole number, from 0. */
  revision = 0;
  /** A tombstone: the key has no value from this revision on. Then the value is empty. */
  isDelete = false;
  valueBytes: Uint8Array = empty;
  valueStart = 0;
  valueEnd = 0;

  /**
   * To the first entry at or after (`key`, `revision`) in the order: of the versions of `key` the newest that is not
   * above `revision`, else the first entry of the next key. `Infinity` is above every revision.
   */
  abstract seek(key: Uint8Array, revision: number): void;
  /** To the last entry before (`key`, `revision`) in the order. */
  abstract seekBefore(key: Uint8Array, revision: number): void;
  abstract first(): void;
  abstract last(): void;
  /** Only when valid. */
  abstract next(): void;
  /** Only when valid. */
  abstract previous(): void;
}

const empty = new Uint8Array(0);

/** All keys from `start` on and before `end` have no value at `revision` and since, until set again. */
export interface RangeTombstone {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly revision: number;
}
