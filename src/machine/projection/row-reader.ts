/**
 * Reads rows: one by its key, those of an index in its order, all at once or by pages. A page ends at a place in the order
 * and not at a number, so that the next one goes on there whatever was written meanwhile: a row that stays where it is comes
 * once.
 */
import { hexOf } from '../../bytes/sha256.ts';
import { decodeTuple } from '../../bytes/tuple-decode.ts';
import { encodeTuple, type KeyPart, type Tuple } from '../../bytes/tuple.ts';
import type { Brand } from '../../kernel/brand.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { ReadSpace } from '../../partition/transaction.ts';
import type { Dictionary } from '../definition.ts';

type Prefix<P extends readonly unknown[]> = P extends readonly [...infer Rest, unknown]
  ? P | Prefix<Rest>
  : readonly [];
/** The first values of an index: all of them, fewer, or none. */
type Leading<Values> = Values extends readonly unknown[] ? Prefix<Values> : never;

/** Where a page ended. Opaque: pass it back as `after`, with the same index and the same bounds. */
export type PageEnd = Brand<string, 'PageEnd'>;

export interface ListOptions<Values> {
  /** Only rows whose values in the index begin with these. Default: all. */
  readonly prefix?: Leading<Values> | undefined;
  /** The first values, included; they begin with those of `prefix`. */
  readonly from?: Leading<Values> | undefined;
  /** The values to end before. */
  readonly to?: Leading<Values> | undefined;
  /** So many rows at most, 1 to 10,000. */
  readonly limit: number;
  /** From the last row to the first. Default false. */
  readonly reverse?: boolean | undefined;
}

export interface PageOptions<Values> extends ListOptions<Values> {
  /** Where the page before ended. Null or left out: the first page. */
  readonly after?: PageEnd | null | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Null: there are no more. */
  readonly next: PageEnd | null;
}

/** A projection's rows, as they are at one moment. */
export interface RowReader<Row, Indexes> {
  get(key: string): Row | undefined;
  /**
   * In the order of the index's values, then of the rows' keys.
   * @throws LockstepError `invalid` for a limit that is none.
   */
  list<I extends keyof Indexes & string>(index: I, options: ListOptions<Indexes[I]>): readonly Row[];
  /** As `list`, and where to go on. @throws as `list`; LockstepError `invalid` for an end of something else. */
  page<I extends keyof Indexes & string>(index: I, options: PageOptions<Indexes[I]>): Page<Row>;
}

/** So many rows at once. */
const limitMax = 10_000;
/** So many rows in one run of a query: others wait as long as it reads. */
const rowsMax = 20_000;

/** The rows that one run of a query reads on a partition. */
export class ReadCount {
  #rows = 0;

  /** @throws LockstepError `misuse` for too many. */
  add(): void {
    this.#rows++;
    if (this.#rows <= rowsMax) return;
    throw new LockstepError('misuse', 'a query reads too many rows of a partition at once', {
      values: { rowsMax },
      advice: ['read by pages', 'let a projection sum up or count what the query would'],
    });
  }
}

interface Bounds {
  readonly prefix?: Tuple | undefined;
  readonly from?: Tuple | undefined;
  readonly to?: Tuple | undefined;
  readonly limit: number;
  readonly reverse?: boolean | undefined;
  readonly after?: string | null | undefined;
}

/** `indexes`: those that there are, by name. */
export class SpaceRowReader implements RowReader<unknown, Dictionary<Tuple>> {
  readonly #space: ReadSpace;
  readonly #indexes: Dictionary<unknown>;
  readonly #count: ReadCount;

  constructor(space: ReadSpace, indexes: Dictionary<unknown>, count: ReadCount) {
    this.#space = space;
    this.#indexes = indexes;
    this.#count = count;
  }

  get(key: string): unknown {
    this.#count.add();
    return this.#space.get(['row', key]);
  }

  list(index: string, options: ListOptions<Tuple>): readonly unknown[] {
    return this.#entries(index, options as Bounds).map((entry) => this.#rowOf(entry));
  }

  page(index: string, options: PageOptions<Tuple>): Page<unknown> {
    const bounds = options as Bounds;
    const entries = this.#entries(index, bounds, 1); // one more shows whether there is a next page
    const shown = entries.slice(0, bounds.limit);
    const last = shown.at(-1);
    const next = last === undefined || entries.length === shown.length ? null : endAt(last);
    return { rows: shown.map((entry) => this.#rowOf(entry)), next };
  }

  /** In the order asked for. `more`: beyond the limit. */
  #entries(index: string, { prefix = [], from, to, limit, reverse = false, after }: Bounds, more = 0): Tuple[] {
    if (!Object.hasOwn(this.#indexes, index))
      throw new LockstepError('misuse', 'this projection has no such index', { values: { index } });
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > limitMax)
      throw new LockstepError('invalid', 'a limit of rows is a whole number', { values: { limit, limitMax } });
    const start = ['index', index];
    const end = after === null || after === undefined ? null : entryOf(after, index);
    const bounds = {
      prefix: [...start, ...prefix],
      // Nothing lies between an entry and the same with a null behind it.
      from: end !== null && !reverse ? [...end, null] : from && [...start, ...from],
      to: end !== null && reverse ? end : to && [...start, ...to],
    };
    return Array.from(this.#space.range({ ...bounds, reverse, limit: limit + more }), ([entry]) => entry);
  }

  #rowOf(entry: Tuple): unknown {
    const row = this.get(String(entry.at(-1)));
    if (row === undefined) throw new LockstepError('corrupt', 'an index names a row that is not there');
    return row;
  }
}

const endAt = (entry: Tuple): PageEnd => hexOf(encodeTuple(entry)) as PageEnd;

/** @throws LockstepError `invalid` for a text that is no end of a page of this index. */
function entryOf(text: string, index: string): Tuple {
  const entry = /^(?:[0-9a-f]{2})+$/.test(text) ? tupleOf(text) : [];
  if (entry.length > 2 && entry[0] === 'index' && entry[1] === index) return entry;
  throw new LockstepError('invalid', 'this is no end of a page of this index', {
    values: { index, after: text.slice(0, 64) },
    advice: ['pass back what a page gave as `next`, as it is'],
  });
}

function tupleOf(hex: string): readonly KeyPart[] {
  const bytes = Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  );
  try {
    return decodeTuple(bytes);
  } catch {
    return [];
  }
}
