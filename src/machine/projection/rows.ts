/**
 * Rows and their secondary indexes in a space, which is one projection's own:
 *
 *     ['row', key]                      → the row
 *     ['index', name, ...values, key]   → null
 *
 * Writers gather changes; `flush` checks and measures all of them, then makes them: all, or none.
 */
import { ByteWriter } from '../../bytes/byte-writer.ts';
import { compareBytes } from '../../bytes/compare.ts';
import { encodeTuple, type KeyPart, type Tuple } from '../../bytes/tuple.ts';
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
  key(key: Tuple): Uint8Array {
    const encoded = encodeTuple(key, keyBytesMax);
    this.#writer.advanceTo(this.#writer.length + encoded.length);
    return encoded;
  }

  /** @throws as `key`. */
  value(value: unknown): void {
    this.#encoder.write(this.#writer, value);
  }
}

interface Write {
  readonly key: Tuple;
  /** Undefined: deleted. */
  readonly value: StoredValue | undefined;
}

export class RowBuffer implements RowWriter<unknown> {
  readonly #space: Space;
  readonly #indexes: IndexFunctions;
  readonly #measure: WriteMeasure;
  /** Undefined: deleted. */
  readonly #changed = new Map<string, unknown>();

  constructor(space: Space, indexes: IndexFunctions, measure: WriteMeasure) {
    this.#space = space;
    this.#indexes = indexes;
    this.#measure = measure;
  }

  get(key: string): unknown {
    return this.#changed.has(key) ? this.#changed.get(key) : this.#space.get(['row', key]);
  }

  set(key: string, row: unknown): undefined {
    this.#changed.set(key, row);
  }

  update(key: string, change: (row: unknown) => unknown): undefined {
    const row = this.get(key);
    if (row === undefined) throw new LockstepError('misuse', 'there is no such row to update', { values: { key } });
    this.#changed.set(key, change(row));
  }

  delete(key: string): undefined {
    this.#changed.set(key, undefined);
  }

  /** @throws what an index throws; LockstepError `invalid` for what cannot be stored. Nothing was written then. */
  flush(): void {
    const before = this.#measure.bytes;
    try {
      const writes = [...this.#changed].flatMap(([key, row]) => this.#writesOf(key, row as StoredValue | undefined));
      for (const { key, value } of writes)
        if (value === undefined) this.#space.delete(key);
        else this.#space.set(key, value);
    } catch (error) {
      this.#measure.backTo(before);
      throw error;
    }
  }

  #writesOf(key: string, after: StoredValue | undefined): readonly Write[] {
    const at: Tuple = ['row', key];
    // Read anew: a handler may have changed the copy that it was given. Where nothing but the row changes it does not matter.
    const isAsked = after === undefined || Object.keys(this.#indexes).length > 0;
    const before = isAsked ? this.#space.get(at) : undefined;
    if (before === undefined && after === undefined) return [];
    this.#measure.key(at);
    if (after !== undefined) this.#measure.value(after);
    const entries = Object.entries(this.#indexes).flatMap(([name, valuesOf]) => {
      const entryOf = (row: unknown): Tuple | null =>
        row === undefined ? null : ['index', name, ...valuesOf(row), key];
      return this.#moved(entryOf(before), entryOf(after));
    });
    return [...entries, { key: at, value: after }];
  }

  /** An entry of an index that goes from one place to another. */
  #moved(from: Tuple | null, to: Tuple | null): readonly Write[] {
    const fromBytes = from === null ? null : this.#measure.key(from);
    const toBytes = to === null ? null : this.#measure.key(to);
    if (fromBytes !== null && toBytes !== null && compareBytes(fromBytes, toBytes) === 0) return [];
    const removed: readonly Write[] = from === null ? [] : [{ key: from, value: undefined }];
    return to === null ? removed : [...removed, { key: to, value: null }];
  }
}
