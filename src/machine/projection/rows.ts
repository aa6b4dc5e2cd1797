/**
 * Rows and their secondary indexes in a space, which is one projection's own:
 *
 *     ['row', key]                      → the row
 *     ['index', name, ...values, key]   → null
 *
 * A buffer is of one transaction, which may take many commands: what a command wrote is checked and measured when it ends,
 * all or none of it, and each row that any of them changed is written once, when the transaction ends.
 */
import { ByteWriter } from '../../bytes/byte-writer.ts';
import { compareBytes } from '../../bytes/compare.ts';
import { encodeTuple, writeTuple, type KeyPart, type Tuple } from '../../bytes/tuple.ts';
import { ValueDecoder } from '../../bytes/value-decode.ts';
import { ValueEncoder } from '../../bytes/value-encode.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { Space } from '../../partition/transaction.ts';
import type { Dictionary } from '../definition.ts';

/** What handlers write to: each sees what was written before it. */
export interface RowWriter<Row> {
  get(key: string): Row | undefined;
  set(key: string, row: Row): undefined;
  /** @throws LockstepError `misuse` where there is no such row. */
  update(key: string, change: (row: Row) => Row): undefined;
  /** A row that is not there may be deleted too. */
  delete(key: string): undefined;
}

export type IndexFunctions = Dictionary<(row: unknown) => readonly KeyPart[]>;

/** What one transaction may write to rows and indexes, so that a projection cannot make it larger than a log takes. */
const bytesMaxDefault = 256 * 1024;
/** Below that of storage, which has the space's name besides. */
const keyBytesMax = 3_800;

/** Checks writes before any of them is made, and counts their bytes. Give each transaction one, or `clear` it between. */
export class WriteMeasure {
  readonly #writer: ByteWriter;
  readonly #encoder = new ValueEncoder();
  readonly #decoder = new ValueDecoder();

  constructor(bytesMax: number = bytesMaxDefault) {
    this.#writer = new ByteWriter(bytesMax);
  }

  get bytes(): number {
    return this.#writer.length;
  }

  clear(): void {
    this.#writer.clear();
  }

  /** Takes back what was counted after it was at `bytes`. */
  backTo(bytes: number): void {
    this.#writer.length = bytes;
  }

  /** @throws LockstepError `invalid` for what cannot be stored, or is too much. */
  key(key: Tuple): void {
    const start = this.#writer.length;
    writeTuple(this.#writer, key);
    const keyBytes = this.#writer.length - start;
    if (keyBytes > keyBytesMax)
      throw new LockstepError('invalid', 'the key of a row has more bytes than the limit', {
        values: { keyBytes, keyBytesMax },
      });
  }

  /** Its bytes. @throws as `key`. */
  value(value: unknown): Uint8Array {
    const start = this.#writer.length;
    this.#encoder.write(this.#writer, value);
    return this.#writer.copy(start);
  }

  /** What `value` gave bytes of, anew. */
  decoded(bytes: Uint8Array): StoredValue {
    return this.#decoder.decode(bytes);
  }

  /** Bytes of a key. @throws LockstepError `invalid` when they are too much. */
  count({ length }: Uint8Array): void {
    this.#writer.advanceTo(this.#writer.length + length);
  }
}

/** An entry of an index: its key, and what that is as bytes. */
interface Entry {
  readonly key: Tuple;
  readonly bytes: Uint8Array;
}

/** A row as it was written, with its entries, one for each index. */
interface WrittenRow {
  readonly bytes: Uint8Array;
  readonly entries: readonly Entry[];
}

/** What a transaction knows of a row. */
interface TouchedRow {
  /** Whether the space has it, and its entries there, one for each index. */
  readonly isStored: boolean;
  readonly storedEntries: readonly Entry[];
  /** Whether commands have changed it, and what it is then; null: deleted. */
  readonly isChanged: boolean;
  readonly bytes: Uint8Array | null;
  readonly entries: readonly Entry[];
}

const noEntries: readonly Entry[] = Object.freeze([]);

export class RowBuffer implements RowWriter<unknown> {
  readonly #space: Space;
  readonly #indexes: readonly (readonly [name: string, valuesOf: (row: unknown) => readonly KeyPart[]])[];
  readonly #measure: WriteMeasure;
  /** By the transaction. */
  readonly #touched = new Map<string, TouchedRow>();
  /** By the command under way, as it was then; null: deleted. */
  readonly #changed = new Map<string, WrittenRow | null>();

  constructor(space: Space, indexes: IndexFunctions, measure: WriteMeasure) {
    this.#space = space;
    this.#indexes = Object.entries(indexes);
    this.#measure = measure;
  }

  /** Decoded anew each time: a handler may change what it is given, and what it gave. */
  get(key: string): unknown {
    const changed = this.#changed.get(key);
    if (changed !== undefined) return changed === null ? undefined : this.#measure.decoded(changed.bytes);
    const touched = this.#touched.get(key);
    if (touched?.isChanged !== true) return this.#stored(key);
    return touched.bytes === null ? undefined : this.#measure.decoded(touched.bytes);
  }

  /** What an index or the codec refuses is refused here, at the event that it comes of. */
  set(key: string, row: unknown): undefined {
    const before = this.#measure.bytes;
    const bytes = this.#measure.value(row);
    this.#measure.backTo(before); // it counts once the command has ended
    this.#changed.set(key, { bytes, entries: this.#entriesOf(key, row) });
  }

  update(key: string, change: (row: unknown) => unknown): undefined {
    const row = this.get(key);
    if (row === undefined) throw new LockstepError('misuse', 'there is no such row to update', { values: { key } });
    const changed = change(row);
    if (changed === undefined)
      throw new LockstepError('misuse', 'an update gives the row that it is to be; `delete` takes it away', {
        values: { key },
      });
    return this.set(key, changed);
  }

  delete(key: string): undefined {
    this.#changed.set(key, null);
  }

  /**
   * The command has ended: what it wrote stands for those behind it.
   * @throws what an index throws; LockstepError `invalid` for what cannot be stored. Nothing that it wrote stands then.
   */
  keep(): void {
    const before = this.#measure.bytes;
    try {
      const kept: (readonly [key: string, row: TouchedRow])[] = [];
      for (const [key, row] of this.#changed) kept.push([key, this.#changedTo(key, row)]);
      for (const [key, row] of kept) this.#touched.set(key, row);
    } catch (error) {
      this.#measure.backTo(before);
      throw error;
    } finally {
      this.#changed.clear();
    }
  }

  /** The command has failed: what it wrote is forgotten. */
  drop(): void {
    this.#changed.clear();
  }

  /** The transaction ends: each row that its commands changed is written once. */
  write(): void {
    for (const [key, { isChanged, isStored, storedEntries, bytes, entries }] of this.#touched) {
      if (!isChanged) continue;
      for (let index = 0; index < this.#indexes.length; index++) this.#move(storedEntries[index], entries[index]);
      if (bytes !== null) this.#space.setEncoded(['row', key], bytes);
      else if (isStored) this.#space.delete(['row', key]);
    }
    this.#touched.clear();
  }

  /** As the space has it. */
  #stored(key: string): StoredValue | undefined {
    const row = this.#space.get(['row', key]);
    if (!this.#touched.has(key)) {
      const storedEntries = row === undefined ? noEntries : this.#entriesOf(key, row);
      const isStored = row !== undefined;
      this.#touched.set(key, { isStored, storedEntries, isChanged: false, bytes: null, entries: noEntries });
    }
    return row;
  }

  #changedTo(key: string, row: WrittenRow | null): TouchedRow {
    const isAsked = row === null || this.#indexes.length > 0;
    if (isAsked && !this.#touched.has(key)) this.#stored(key);
    // Where nothing but the row changes it does not matter whether it is there.
    const before = this.#touched.get(key) ?? { isStored: true, storedEntries: noEntries, entries: noEntries };
    const { isStored, storedEntries } = before;
    if (row === null) return { isStored, storedEntries, isChanged: true, bytes: null, entries: noEntries };
    const { bytes, entries } = row;
    this.#measure.key(['row', key]);
    this.#measure.count(bytes);
    for (const entry of entries) this.#measure.count(entry.bytes);
    for (const entry of storedEntries) this.#measure.count(entry.bytes);
    return { isStored, storedEntries, isChanged: true, bytes, entries };
  }

  #entriesOf(rowKey: string, row: unknown): readonly Entry[] {
    if (this.#indexes.length === 0) return noEntries;
    return this.#indexes.map(([name, valuesOf]) => {
      const key = ['index', name, ...valuesOf(row), rowKey];
      return { key, bytes: encodeTuple(key, keyBytesMax) };
    });
  }

  /** An entry of an index that goes from one place to another. */
  #move(from: Entry | undefined, to: Entry | undefined): void {
    if (from !== undefined && to !== undefined && compareBytes(from.bytes, to.bytes) === 0) return;
    if (from !== undefined) this.#space.delete(from.key);
    if (to !== undefined) this.#space.set(to.key, null);
  }
}
