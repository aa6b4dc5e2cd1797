/**
 * A walk over the entries of one table. It keeps the key it stands on and, by its source, the block: neither moves
 * until the cursor does, whatever else is read. It cannot be used after its table was closed.
 */
import { copy } from './block-builder.ts';
import { BlockReader } from './block.ts';
import { EntryCursor } from './entry-cursor.ts';
import type { BlockSource } from './table-blocks.ts';
import type { TableIndex } from './table-index.ts';

export class TableCursor extends EntryCursor {
  readonly #index: TableIndex;
  readonly #source: BlockSource;
  readonly #revisionBase: number;
  readonly #reader = new BlockReader();
  /** The one in the reader; -1: none. */
  #block = -1;
  /** What all keys of the block begin with is in it all the time. */
  #key = new Uint8Array(64);
  #prefixLength = 0;

  constructor(index: TableIndex, source: BlockSource, revisionBase: number) {
    super();
    this.#index = index;
    this.#source = source;
    this.#revisionBase = revisionBase;
  }

  override seek(key: Uint8Array, revision: number): void {
    if (this.#seekInBlock(key, revision)) this.#show();
  }

  override seekBefore(key: Uint8Array, revision: number): void {
    if (this.#index.blockCount === 0) return;
    const inBlock = this.#seekInBlock(key, revision);
    if (inBlock || this.valid) this.previous();
    else this.last();
  }

  override first(): void {
    this.#enter(0);
  }

  override last(): void {
    this.#enterAtEnd(this.#index.blockCount - 1);
  }

  override next(): void {
    const reader = this.#reader;
    if (reader.index + 1 < reader.count) {
      reader.moveTo(reader.index + 1);
      this.#show();
    } else this.#enter(this.#block + 1);
  }

  override previous(): void {
    const reader = this.#reader;
    if (reader.index > 0) {
      reader.moveTo(reader.index - 1);
      this.#show();
    } else this.#enterAtEnd(this.#block - 1);
  }

  /**
   * To the first entry not before the asked one. True: it is in the block and the reader stands on it, but nothing is
   * shown yet. False: it is the first of the next block, and shown, or there is none.
   */
  #seekInBlock(key: Uint8Array, revision: number): boolean {
    this.valid = false;
    if (this.#index.blockCount === 0) return false;
    const code = revision < this.#revisionBase ? 0 : revision - this.#revisionBase + 1;
    const block = this.#index.blockOf(key, 0, key.length, code);
    this.#open(block);
    this.#reader.seek(key, 0, key.length, code);
    if (!this.#reader.isAtEnd) return true;
    this.#enter(block + 1);
    return false;
  }

  #enter(block: number): void {
    this.valid = false;
    if (block >= this.#index.blockCount) return;
    this.#open(block);
    this.#reader.moveTo(0);
    this.#show();
  }

  #enterAtEnd(block: number): void {
    this.valid = false;
    if (block < 0) return;
    this.#open(block);
    this.#reader.moveTo(this.#reader.count - 1);
    this.#show();
  }

  #open(block: number): void {
    if (block === this.#block) return;
    this.#block = -1;
    const reader = this.#reader;
    this.#source.open(block, reader);
    this.#block = block;
    this.#prefixLength = reader.prefixEnd - reader.prefixStart;
    this.#reserveKey(this.#prefixLength);
    copy(reader.bytes, reader.prefixStart, reader.prefixEnd, this.#key, 0);
  }

  #show(): void {
    const reader = this.#reader;
    const { bytes, keyStart, keyEnd } = reader;
    const length = this.#prefixLength + keyEnd - keyStart;
    this.#reserveKey(length);
    copy(bytes, keyStart, keyEnd, this.#key, this.#prefixLength);
    this.keyBytes = this.#key;
    this.keyEnd = length;
    this.revision = reader.code === 0 ? 0 : reader.code - 1 + this.#revisionBase;
    this.isDelete = reader.isDelete;
    this.valueBytes = bytes;
    this.valueStart = reader.valueStart;
    this.valueEnd = reader.valueEnd;
    this.valid = true;
  }

  #reserveKey(bytes: number): void {
    if (bytes <= this.#key.length) return;
    const grown = new Uint8Array(Math.max(bytes, this.#key.length * 2));
    grown.set(this.#key);
    this.#key = grown;
  }
}
