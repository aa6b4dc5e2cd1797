/**
 * What a transaction has written and nobody else sees yet: the batch that will be committed, and how to read it. Few
 * writes are looked for in the batch itself; many, or a walk over them, get an index: a memtable in which each write has
 * a revision of its own, so that a walk goes on seeing what had been written when it began.
 */
import { FoundVersion } from '../found-version.ts';
import { keyHash } from '../key-hash.ts';
import { Memtable } from '../memtable.ts';
import type { OwnWritesOnTop } from '../tree.ts';
import { ownRevisions } from '../visible-cursor.ts';
import { applyBatch, WriteBatch, type BatchSink } from '../write-batch.ts';

/** So many writes are found faster by looking at each. */
const fewWrites = 8;
const indexBytes = 4 * 1024;

export class OwnWrites {
  readonly batch: WriteBatch = new WriteBatch();
  #index: Memtable | null = null;
  /** How much of the batch is in the index, in bytes and in writes. */
  #indexedBytes = 0;
  #indexedCount = 0;
  readonly #found = new FoundVersion();

  /**
   * What they make of the key, which lies at the beginning of the array: undefined if they do not touch it, null if it has
   * no value any more; good until the next call.
   */
  find(key: Uint8Array, length: number): FoundVersion | null | undefined {
    const { batch } = this;
    if (batch.count === 0) return undefined;
    const found = this.#found;
    if (batch.count <= fewWrites) {
      if (!batch.find(key, length, found)) return undefined;
      return found.isDelete ? null : found;
    }
    const index = this.#indexed();
    const covering = index.rangeTombstones.newestCovering(key, 0, length, Infinity);
    if (index.find(key, 0, length, keyHash(key, 0, length), Infinity, found) && found.revision > covering)
      return found.isDelete ? null : found;
    return covering >= 0 ? null : undefined;
  }

  /** For a walk that begins now; null when there are none. */
  onTop(): OwnWritesOnTop | null {
    if (this.batch.count === 0) return null;
    const index = this.#indexed();
    return { cursor: index.cursor(), tombstones: index.rangeTombstones, upTo: ownRevisions + this.#indexedCount };
  }

  /** To be filled anew by another transaction; no walk over these is used again. */
  clear(): void {
    this.batch.clear();
    this.#index = null;
    this.#indexedBytes = 0;
    this.#indexedCount = 0;
  }

  #indexed(): Memtable {
    this.#index ??= new Memtable(indexBytes);
    const { batch } = this;
    if (this.#indexedBytes < batch.byteLength) {
      const index = this.#index;
      const bytes = batch.view();
      applyBatch(bytes, this.#into(index), this.#indexedBytes, batch.byteLength);
      this.#indexedBytes = batch.byteLength;
    }
    return this.#index;
  }

  #into(index: Memtable): BatchSink {
    const next = (): number => ownRevisions + ++this.#indexedCount;
    return {
      put: (bytes, keyStart, keyEnd, valueStart, valueEnd) => {
        const hash = keyHash(bytes, keyStart, keyEnd);
        index.put(next(), hash, bytes, keyStart, keyEnd, bytes, valueStart, valueEnd, -1);
      },
      delete: (bytes, start, end) => index.delete(next(), keyHash(bytes, start, end), bytes, start, end, -1),
      deleteRange: (start, end) => index.deleteRange(next(), start, end),
    };
  }
}
