/**
 * Comma-separated values (RFC 4180): quoted fields may hold separators, line ends and doubled quotes. Read as it comes, so that
 * a file may be larger than memory.
 */
import { LockstepError } from '../kernel/errors.ts';

export interface CsvRecord {
  /** On which it begins; from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

const fieldUnitsMax = 1_048_576;
const fieldsMax = 10_000;

/** @throws LockstepError `invalid` for quotes that do not fit, with the line. Lines without anything are passed over. */
export async function* csvRecords(chunks: AsyncIterable<string>, separator = ','): AsyncGenerator<CsvRecord> {
  const reader = new CsvReader(separator);
  for await (const chunk of chunks) yield* reader.take(chunk);
  yield* reader.end();
}

/** Where a field is: before it, in one without quotes, between quotes, behind a quote that may end it. */
type Place = 'before' | 'plain' | 'quoted' | 'behind';

class CsvReader {
  readonly #separator: string;
  #place: Place = 'before';
  #field = '';
  #fields: string[] = [];
  #line = 1;
  #begun = 1;
  #isFirst = true;
  #isAfterReturn = false;

  constructor(separator: string) {
    this.#separator = separator;
  }

  *take(chunk: string): Generator<CsvRecord> {
    const text = this.#isFirst ? chunk.replace(/^\ufeff/, '') : chunk;
    this.#isFirst &&= chunk === '';
    for (const unit of text) {
      const isSecondOfTwo = unit === '\n' && this.#isAfterReturn && this.#place !== 'quoted';
      this.#isAfterReturn = unit === '\r';
      if (isSecondOfTwo) continue;
      const record = this.#unit(unit);
      if (record !== null) yield record;
    }
  }

  *end(): Generator<CsvRecord> {
    if (this.#place === 'quoted') throw this.#wrong('a quoted field does not end');
    const record = this.#record();
    if (record !== null) yield record;
  }

  #unit(unit: string): CsvRecord | null {
    const isEnd = unit === '\n' || unit === '\r';
    if (this.#place === 'quoted') {
      if (unit === '"') this.#place = 'behind';
      else this.#add(unit);
      if (isEnd) this.#line++;
      return null;
    }
    if (unit === '"') {
      if (this.#place === 'plain') throw this.#wrong('a quote within a field that is not quoted');
      if (this.#place === 'behind') this.#add('"'); // it was doubled
      this.#place = 'quoted';
      return null;
    }
    if (unit === this.#separator) {
      this.#endField();
      return null;
    }
    if (isEnd) {
      const record = this.#record();
      this.#begun = ++this.#line;
      return record;
    }
    if (this.#place === 'behind') throw this.#wrong('something follows the quote that ends a field');
    this.#place = 'plain';
    this.#add(unit);
    return null;
  }

  #add(unit: string): void {
    this.#field += unit;
    if (this.#field.length > fieldUnitsMax) throw this.#wrong('a field is longer than the limit');
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = '';
    this.#place = 'before';
    if (this.#fields.length > fieldsMax) throw this.#wrong('a line has more fields than the limit');
  }

  #record(): CsvRecord | null {
    if (this.#fields.length === 0 && this.#place === 'before') return null;
    this.#endField();
    const fields = this.#fields;
    this.#fields = [];
    return { line: this.#begun, fields };
  }

  #wrong(what: string): LockstepError {
    return new LockstepError('invalid', what, { values: { line: this.#line } });
  }
}
