/**
 * Several sources walked as one: a heap of cursors, the one whose entry comes next on top. A version stands in one
 * source alone, so no two entries are equal. Most steps stay within one source and cost a comparison or two more than
 * it alone would.
 */
import { compareRanges } from '../bytes/compare.ts';
import { assert } from '../kernel/assert.ts';
import { EntryCursor } from './entry-cursor.ts';
import { keyPrefix } from './key-order.ts';

interface Source {
  readonly cursor: EntryCursor;
  /** The first six bytes of its key, as `keyPrefix` has them. */
  prefix: number;
}

export class MergeCursor extends EntryCursor {
  readonly #sources: readonly Source[];
  /** Those that stand on an entry, as a binary heap in the direction of the walk. */
  readonly #heap: Source[] = [];
  /** 1 forwards, -1 backwards. */
  #direction: 1 | -1 = 1;

  constructor(sources: readonly EntryCursor[]) {
    super();
    this.#sources = sources.map((cursor) => ({ cursor, prefix: 0 }));
  }

  override seek(key: Uint8Array, revision: number): void {
    for (const { cursor } of this.#sources) cursor.seek(key, revision);
    this.#build(1);
  }

  override seekBefore(key: Uint8Array, revision: number): void {
    for (const { cursor } of this.#sources) cursor.seekBefore(key, revision);
    this.#build(-1);
  }

  override first(): void {
    for (const { cursor } of this.#sources) cursor.first();
    this.#build(1);
  }

  override last(): void {
    for (const { cursor } of this.#sources) cursor.last();
    this.#build(-1);
  }

  override next(): void {
    if (this.#direction === -1) this.#turn(1);
    this.#topAdvance();
  }

  override previous(): void {
    if (this.#direction === 1) this.#turn(-1);
    this.#topAdvance();
  }

  #topAdvance(): void {
    const top = this.#heap[0] as Source;
    if (this.#direction === 1) top.cursor.next();
    else top.cursor.previous();
    if (top.cursor.valid) {
      top.prefix = prefixOf(top.cursor);
    } else {
      const last = this.#heap.pop() as Source;
      if (this.#heap.length === 0) {
        this.valid = false;
        return;
      }
      if (last !== top) this.#heap[0] = last;
    }
    if (this.#heap.length > 1) this.#sink(0);
    this.#show();
  }

  /** The other sources stand on the wrong side of the current entry: they are sought anew, the current one stays on it. */
  #turn(direction: 1 | -1): void {
    const current = this.#heap[0] as Source;
    const key = this.keyBytes.slice(this.keyStart, this.keyEnd);
    const { revision } = this;
    for (const { cursor } of this.#sources) {
      if (cursor === current.cursor) continue;
      if (direction === 1) cursor.seek(key, revision);
      else cursor.seekBefore(key, revision);
    }
    this.#build(direction);
    assert(this.#heap[0] === current, 'a version stands in one source alone');
  }

  #build(direction: 1 | -1): void {
    this.#direction = direction;
    const heap = this.#heap;
    heap.length = 0;
    for (const source of this.#sources) {
      if (!source.cursor.valid) continue;
      source.prefix = prefixOf(source.cursor);
      heap.push(source);
    }
    for (let at = (heap.length >>> 1) - 1; at >= 0; at--) this.#sink(at);
    if (heap.length === 0) this.valid = false;
    else this.#show();
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const sinking = heap[from] as Source;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#comesBefore(heap[child + 1] as Source, heap[child] as Source)) child++;
      if (!this.#comesBefore(heap[child] as Source, sinking)) break;
      heap[at] = heap[child] as Source;
      at = child;
    }
    heap[at] = sinking;
  }

  #comesBefore(a: Source, b: Source): boolean {
    const order = a.prefix === b.prefix ? compareEntries(a, b) : a.prefix - b.prefix;
    return this.#direction === 1 ? order < 0 : order > 0;
  }

  #show(): void {
    const { cursor } = this.#heap[0] as Source;
    this.valid = true;
    this.keyBytes = cursor.keyBytes;
    this.keyStart = cursor.keyStart;
    this.keyEnd = cursor.keyEnd;
    this.revision = cursor.revision;
    this.isDelete = cursor.isDelete;
    this.valueBytes = cursor.valueBytes;
    this.valueStart = cursor.valueStart;
    this.valueEnd = cursor.valueEnd;
  }
}

const prefixOf = (cursor: EntryCursor): number => keyPrefix(cursor.keyBytes, cursor.keyStart, cursor.keyEnd);

function compareEntries(one: Source, other: Source): number {
  const [a, b] = [one.cursor, other.cursor];
  const order = compareRanges(a.keyBytes, a.keyStart, a.keyEnd, b.keyBytes, b.keyStart, b.keyEnd);
  return order || b.revision - a.revision;
}
