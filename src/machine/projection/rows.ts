/**
 * Rows and their secondary indexes in a space, which is one projection's own:
 *
 *     ['row', key]                      → the row
 *     ['index', name, ...values, key]   → null
 *
 * Writers gather changes; `flush` makes all of them, or none where one cannot be stored.
 */
import type { KeyPart, Tuple } from '../../bytes/tuple.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { ReadSpace, Space } from '../../partition/transaction.ts';
import type { Dictionary } from '../definition.ts';

type Prefix<P extends readonly unknown[]> = P extends readonly [...infer Rest, unknown]
  ? P | Prefix<Rest>
  : readonly [];

export interface RowReader<Row, Indexes> {
  get(key: string): Row | undefined;
  /** In the order of the index's values, then of the rows' keys; `limit` rows at most. */
  list<I extends keyof Indexes & string>(
    index: I,
    options: {
      readonly prefix?: Indexes[I] extends readonly unknown[] ? Prefix<Indexes[I]> : never;
      readonly limit: number;
      /** From the last row to the first. Default false. */
      readonly reverse?: boolean;
    },
  ): readonly Row[];
}

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

export function rowReader<Row, Indexes>(space: ReadSpace): RowReader<Row, Indexes> {
  const get = (key: string): Row | undefined => space.get(['row', key]) as Row | undefined; // as it was written
  return {
    get,
    list(index, { prefix = [], limit, reverse = false }) {
      const rows: Row[] = [];
      const within = ['index', index, ...(prefix as Tuple)];
      for (const [entry] of space.range({ prefix: within, limit, reverse })) {
        const row = get(String(entry.at(-1)));
        if (row === undefined) throw new LockstepError('corrupt', 'an index names a row that is not there');
        rows.push(row);
      }
      return rows;
    },
  };
}

interface Write {
  readonly key: Tuple;
  readonly before: StoredValue | undefined;
  readonly after: StoredValue | undefined;
}

export class RowBuffer implements RowWriter<unknown> {
  readonly #space: Space;
  readonly #indexes: IndexFunctions;
  /** Undefined: deleted. */
  readonly #changed = new Map<string, unknown>();

  constructor(space: Space, indexes: IndexFunctions) {
    this.#space = space;
    this.#indexes = indexes;
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
    const writes = [...this.#changed].flatMap(([key, row]) => this.#writesOf(key, row as StoredValue | undefined));
    const done: Write[] = [];
    try {
      for (const write of writes) {
        this.#put(write.key, write.after);
        done.push(write);
      }
    } catch (error) {
      for (const { key, before } of done.reverse()) this.#put(key, before);
      throw error;
    }
  }

  #writesOf(key: string, after: StoredValue | undefined): readonly Write[] {
    // Read anew: a handler may have changed the copy that it was given.
    const before = this.#space.get(['row', key]);
    const old = this.#entriesOf(key, before);
    const removed = old.map((entry): Write => ({ key: entry, before: null, after: undefined }));
    const added = this.#entriesOf(key, after).map((entry): Write => ({ key: entry, before: undefined, after: null }));
    return [...removed, ...added, { key: ['row', key], before, after }];
  }

  #entriesOf(key: string, row: unknown): readonly Tuple[] {
    if (row === undefined) return [];
    return Object.entries(this.#indexes).map(([name, valuesOf]) => ['index', name, ...valuesOf(row), key]);
  }

  #put(key: Tuple, value: StoredValue | undefined): void {
    if (value === undefined) this.#space.delete(key);
    else this.#space.set(key, value);
  }
}
