/**
 * The processes of a chaos, by name: each is a program of its own, killed and started again under a new incarnation
 * (`writer-1.4`) with a journal of its own. One that ends by itself is noted: only readers may, after `diverged`.
 */
import { join } from 'node:path';
import { Lives } from '../lives.ts';
import { type Entry, readJournal, readJournalEnd } from './journal.ts';
import type { Order } from './log-process.ts';
import type { Address } from './sources.ts';

export type Role = 'writer' | 'reader' | 'control';

const programs: Readonly<Record<Role, URL>> = {
  writer: new URL('./writer.ts', import.meta.url),
  reader: new URL('./reader.ts', import.meta.url),
  control: new URL('./control.ts', import.meta.url),
};

export interface ChildOptions {
  readonly name: string;
  readonly role: Role;
  readonly address: Address;
  readonly folder: string;
  readonly seed: string;
}

export class Child extends Lives {
  readonly name: string;
  readonly role: Role;
  /** Of all incarnations. */
  readonly journals: string[] = [];
  readonly #options: ChildOptions;

  constructor(options: ChildOptions) {
    super(programs[options.role]);
    this.name = options.name;
    this.role = options.role;
    this.#options = options;
  }

  begin(): void {
    const { address, folder, seed } = this.#options;
    const name = `${this.name}.${this.journals.length + 1}`;
    const journal = join(folder, `${name}.journal`);
    const order: Order = { name, address, journal, seed: `${seed} ${name}` };
    this.journals.push(journal);
    this.start(order);
  }

  /** The end of the journal of the incarnation that runs, or ran last. */
  newestEntries(): readonly Entry[] {
    const path = this.journals.at(-1);
    return path === undefined ? [] : ifMade(() => readJournalEnd(path));
  }

  /** By incarnation. */
  allEntries(): readonly (readonly [name: string, entries: readonly Entry[]])[] {
    return this.journals.map((path, index) => [`${this.name}.${index + 1}`, ifMade(() => readJournal(path))]);
  }
}

/** None when it was killed before it made its journal: it did nothing. */
function ifMade(read: () => readonly Entry[]): readonly Entry[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
