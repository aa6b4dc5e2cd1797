/** Walks over keys and values as users see them: bounds, prefix, direction, limit; copies that stay good. */
import { compareBytes } from '../bytes/compare.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { SharedCopies } from './shared-copies.ts';
import { checkKey } from './write-batch.ts';
import type { HeldCursor } from './tree.ts';
import type { VisibleBounds } from './visible-cursor.ts';

export interface ScanOptions {
  /** The first key, included. Default: the first there is. */
  readonly from?: Uint8Array | undefined;
  /** The key to end before. Default: none. */
  readonly to?: Uint8Array | undefined;
  /** Only keys that begin with this; together with `from` and `to` what lies in both. */
  readonly prefix?: Uint8Array | undefined;
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined;
  /** At most so many. Default: all. */
  readonly limit?: number | undefined;
}

/** Whose scan it is. */
export interface ScanOwner {
  /** @throws when there is nothing to be read any more. */
  check(): void;
  onEnd(): void;
  /** What was read: everything up to this key, in the direction of the scan; null: to the end of its bounds. */
  onRead?(key: Uint8Array | null): void;
}

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** @throws LockstepError `misuse` for a limit that is none, for keys that are too long. */
export function boundsOf({ from, to, prefix, limit }: ScanOptions): VisibleBounds {
  for (const key of [from, to, prefix]) if (key !== undefined) checkKey(key);
  if (limit !== undefined && !(limit >= 0))
    throw new LockstepError('misuse', 'a limit is a number of entries, at least 0', { values: { limit } });
  const within = prefix === undefined ? { from: null, to: null } : { from: prefix, to: afterPrefix(prefix) };
  return { from: later(from ?? null, within.from), to: earlier(to ?? null, within.to) };
}

/**
 * Entries one after the other; ends by itself, by `return` (leaving a `for` loop), or by disposal. Short keys and values
 * are views of buffers that several entries share: they stay good, but their `buffer` is not to be transferred.
 */
export class Scan implements IterableIterator<Entry>, Disposable {
  readonly #held: HeldCursor;
  readonly #copies: SharedCopies;
  readonly #reverse: boolean;
  #left: number;
  #state: 'new' | 'open' | 'ended' = 'new';
  readonly #owner: ScanOwner;

  /** For the room's own use. */
  constructor(held: HeldCursor, copies: SharedCopies, options: ScanOptions, owner: ScanOwner) {
    this.#held = held;
    this.#copies = copies;
    this.#reverse = options.reverse ?? false;
    this.#left = options.limit ?? Infinity;
    this.#owner = owner;
  }

  /** @throws LockstepError `stopped` once the tree is closed; `corrupt` with path and offset; what reading a file throws. The scan is over then. */
  next(): IteratorResult<Entry, undefined> {
    if (this.#state === 'ended') return { done: true, value: undefined };
    const { cursor } = this.#held;
    const isOver = this.#left <= 0;
    try {
      this.#owner.check();
      if (isOver) cursor.valid = false;
      else if (this.#state === 'open') this.#step();
      else if (this.#reverse) cursor.last();
      else cursor.first();
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#state = 'open';
    this.#left--;
    if (!cursor.valid) {
      if (!isOver) this.#owner.onRead?.(null);
      this.#end();
      return { done: true, value: undefined };
    }
    const copies = this.#copies;
    const key = copies.of(cursor.keyBytes, cursor.keyStart, cursor.keyEnd);
    const value = copies.of(cursor.valueBytes, cursor.valueStart, cursor.valueEnd);
    this.#owner.onRead?.(key);
    return { done: false, value: [key, value] };
  }

  return(): IteratorResult<Entry, undefined> {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #step(): void {
    if (this.#reverse) this.#held.cursor.previous();
    else this.#held.cursor.next();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#held.release();
    this.#owner.onEnd();
  }
}

/** The first key after all that begin with the prefix; null when there is none. */
function afterPrefix(prefix: Uint8Array): Uint8Array | null {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return null;
  const next = prefix.slice(0, length);
  next[length - 1] = (next[length - 1] as number) + 1;
  return next;
}

const later = (a: Uint8Array | null, b: Uint8Array | null): Uint8Array | null =>
  a === null || b === null ? (a ?? b) : compareBytes(a, b) >= 0 ? a : b;

const earlier = (a: Uint8Array | null, b: Uint8Array | null): Uint8Array | null =>
  a === null || b === null ? (a ?? b) : compareBytes(a, b) <= 0 ? a : b;
