/**
 * The processes of a chaos, by name: each is a program of its own, killed and started again under a new incarnation
 * (`writer-1.4`) with a journal of its own. One that ends by itself is noted: only readers may, after `diverged`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
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

export class Child {
  readonly name: string;
  readonly role: Role;
  /** Of all incarnations. */
  readonly journals: string[] = [];
  readonly #options: ChildOptions;
  #child: ChildProcess | null = null;
  #said = '';

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.role = options.role;
    this.#options = options;
  }

  start(): void {
    const { role, address, folder, seed } = this.#options;
    const name = `${this.name}.${this.journals.length + 1}`;
    const journal = join(folder, `${name}.journal`);
    const order: Order = { name, address, journal, seed: `${seed} ${name}` };
    const args = [programs[role].pathname, JSON.stringify(order)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said = (this.#said + text).slice(-10_000)));
    this.journals.push(journal);
    this.#child = child;
    const end = (): void => void child.kill('SIGKILL'); // when this process ends without having ended it
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
  }

  /** What it wrote to its standard error: the journal has what is expected. */
  get said(): string {
    return this.#said;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== null && child.exitCode === null && child.signalCode === null;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL'): void {
    if (this.isRunning) this.#child?.kill(signal);
  }

  async ended(): Promise<void> {
    if (this.#child !== null && this.isRunning) await once(this.#child, 'exit');
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
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
