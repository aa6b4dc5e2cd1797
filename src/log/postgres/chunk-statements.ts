/**
 * The two statements that come for each record and each look: the append to the newest chunk, and the read at its end.
 * They are prepared where that is possible, as planning them takes longer than carrying them out. A plan that was made
 * for a table of one page is wrong for one of thousands, and a server keeps it until it analyzes the table; so the text
 * says how large the table is, by powers of four, and each size is planned anew.
 */
import type { Names } from './schema.ts';
import { repeated, type Repeated } from './repeated.ts';
import { appendText, readText } from './statements.ts';

export class ChunkStatements {
  readonly #names: Names;
  #append: Kept | null = null;
  #read: Kept | null = null;

  constructor(names: Names) {
    this.#names = names;
  }

  /** `records`: how many it has. */
  appendTo(table: string, records: number): Repeated {
    const key = `${table} ${sizeOf(records)}`;
    if (this.#append?.key !== key)
      this.#append = { key, statement: repeated(`${sizeWords(records)} ${appendText(table)}`) };
    return this.#append.statement;
  }

  /** `records`: how many the newest chunk has, as far as is known; below 1: nothing is. Reads of others are long, and planned each time. */
  readOf(table: string, newest: string, records: number): Repeated | string {
    if (table !== newest || records < 1) return readText(this.#names, table, newest);
    const key = `${table} ${sizeOf(records)}`;
    if (this.#read?.key !== key)
      this.#read = { key, statement: repeated(`${sizeWords(records)} ${readText(this.#names, table, newest)}`) };
    return this.#read.statement;
  }
}

interface Kept {
  readonly key: string;
  readonly statement: Repeated;
}

/** Of the power of four up to this. */
const sizeOf = (records: number): number => Math.floor(Math.log2(Math.max(records, 1)) / 2);
const sizeWords = (records: number): string => `/* from ${4 ** sizeOf(records)} */`;
