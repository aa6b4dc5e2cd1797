/**
 * What a transaction sees: a tree at one revision, with the transaction's own writes on top. Writes are gathered in a
 * batch, encoded as they are made, and change nothing until whoever runs the transaction commits that batch. A walk
 * sees the state at the moment when it began, own writes made before it included and those made after it not.
 *
 * It knows nothing of logs, commits and conflicts: `StoredTree.transact` and partitions put it to use.
 */
import { LockstepError } from '../../kernel/errors.ts';
import type { FoundVersion } from '../found-version.ts';
import { boundsOf, Scan, type ScanOptions } from '../scan.ts';
import type { HeldCursor, Tree } from '../tree.ts';
import type { VisibleBounds, VisibleCursor } from '../visible-cursor.ts';
import { checkKeyLength, type WriteBatch } from '../write-batch.ts';
import { OwnWrites } from './own-writes.ts';
import type { ReadSet } from './read-set.ts';

export class TransactionView implements Disposable {
  /** What it sees of the tree. */
  readonly revision: number;
  readonly #tree: Tree;
  readonly #reads: ReadSet | null;
  readonly #own: OwnWrites;
  readonly #isReadOnly: boolean;
  /** Null: it is over. */
  #walks: Set<HeldCursor> | null | 'none' = 'none';

  /**
   * The revision is kept readable by the caller for as long as it lasts. `reads`: where to note what is read; null
   * where nothing can change meanwhile, or nobody asks. `own`: empty, and this view's until it is disposed; its memory may
   * then serve the next one.
   */
  constructor(
    tree: Tree,
    revision: number,
    reads: ReadSet | null,
    own: OwnWrites = new OwnWrites(),
    isReadOnly = false,
  ) {
    this.#tree = tree;
    this.revision = revision;
    this.#reads = reads;
    this.#own = own;
    this.#isReadOnly = isReadOnly;
  }

  /** A copy of the key's value; undefined when it has none. @throws as `find`. */
  get(key: Uint8Array): Uint8Array | undefined {
    const found = this.find(key);
    return found === null ? undefined : this.#tree.copies.of(found.bytes, found.start, found.end);
  }

  /**
   * The key's value where it lies, good until the next call of anything; null when it has none. For who decodes at once.
   * `length`: of the key, if it lies at the beginning of a larger array.
   * @throws LockstepError `misuse` when the transaction is over, or for a key that is too long; `invalid` when it has read
   * more than can be checked; `corrupt`, and what reading a file throws.
   */
  find(key: Uint8Array, length: number = key.length): FoundVersion | null {
    this.#check();
    checkKeyLength(length);
    const own = this.#own.find(key, length);
    if (own !== undefined) return own;
    this.#reads?.addKey(length === key.length ? key : key.subarray(0, length));
    return this.#tree.find(key, 0, length, this.revision);
  }

  /**
   * Entries in order of their keys, as they are now: what is written later, by this transaction too, is not seen. Leave
   * the loop or dispose it; it ends with the transaction. @throws as `find`.
   */
  range(options: ScanOptions = {}): Scan {
    const bounds = boundsOf(options);
    const held = this.#hold(bounds);
    const read = this.#reads?.addRange(bounds, options.reverse ?? false);
    return new Scan(held, this.#tree.copies, options, {
      check: () => this.#check(),
      onEnd: () => {},
      ...(read !== undefined && {
        onRead: (key) => (key === null ? read.whole() : read.upTo(key, 0, key.length)),
      }),
    });
  }

  /** As `range`, without copies: for who decodes at once. `end` it. @throws as `find`. */
  walk(bounds: VisibleBounds, reverse: boolean): ViewWalk {
    const held = this.#hold(bounds);
    const read = this.#reads?.addRange(bounds, reverse) ?? null;
    const { cursor } = held;
    let isNew = true;
    return {
      cursor,
      next: () => {
        this.#check();
        if (isNew) {
          isNew = false;
          if (reverse) cursor.last();
          else cursor.first();
        } else if (cursor.valid) {
          if (reverse) cursor.previous();
          else cursor.next();
        }
        if (cursor.valid) read?.upTo(cursor.keyBytes, cursor.keyStart, cursor.keyEnd);
        else read?.whole();
        return cursor.valid;
      },
      end: () => held.release(),
    };
  }

  /** @throws as `WriteBatch.put`; `misuse` when the transaction is over, or only reads. */
  put(key: Uint8Array, value: Uint8Array): void {
    this.#checkWrite();
    this.#own.batch.put(key, value);
  }

  /** As `put`, of a key and a value that lie at the beginning of larger arrays. */
  putRange(key: Uint8Array, keyLength: number, value: Uint8Array, valueLength: number): void {
    this.#checkWrite();
    this.#own.batch.putRange(key, keyLength, value, valueLength);
  }

  /** A key that is not there may be deleted too. @throws as `put`. */
  delete(key: Uint8Array): void {
    this.#checkWrite();
    this.#own.batch.delete(key);
  }

  /** All keys from `start` on and before `end`, own ones included. @throws as `WriteBatch.deleteRange`, and as `put`. */
  deleteRange(start: Uint8Array, end: Uint8Array): void {
    this.#checkWrite();
    this.#own.batch.deleteRange(start, end);
  }

  /** What it has written so far, as one batch. */
  get writes(): WriteBatch {
    return this.#own.batch;
  }

  /** Null: what is read is not noted. */
  get reads(): ReadSet | null {
    return this.#reads;
  }

  get isOver(): boolean {
    return this.#walks === null;
  }

  /** From here on it refuses everything. Its walks end. */
  [Symbol.dispose](): void {
    const walks = this.#walks;
    this.#walks = null;
    if (walks instanceof Set) for (const held of walks) held.release();
  }

  #hold(bounds: VisibleBounds): HeldCursor {
    this.#check();
    const { cursor, release } = this.#tree.walk(this.revision, bounds, this.#own.onTop());
    const walks = this.#walks instanceof Set ? this.#walks : new Set<HeldCursor>();
    this.#walks = walks;
    const held: HeldCursor = { cursor, release: () => void (walks.delete(held) && release()) };
    walks.add(held);
    return held;
  }

  #check(): void {
    if (this.#walks === null)
      throw new LockstepError('misuse', 'the transaction is over', {
        advice: ['use it, and what it gave, within its function alone; await all that the function begins'],
      });
  }

  #checkWrite(): void {
    this.#check();
    if (this.#isReadOnly) throw new LockstepError('misuse', 'a transaction that only reads does not write');
  }
}

/** A walk that shows entries where they lie. */
export interface ViewWalk {
  /** Shows the entry after `next` has said that there is one; good until the next call. */
  readonly cursor: VisibleCursor;
  /** To the first entry, then to the next one. False: there is none, nor will be. @throws as `TransactionView.find`. */
  next(): boolean;
  /** Once; later calls do nothing. */
  end(): void;
}
