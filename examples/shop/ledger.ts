/**
 * What the shop has acknowledged, told by those who asked: a line for each command, on disk before it counts. `balance.ts`
 * holds the shop to it.
 */
import {
  closeSync,
  existsSync,
  fsync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Token } from 'lockstep';
import type { Positions } from './reaction.ts';

export interface Acknowledged {
  readonly machine: string;
  readonly key: string;
  readonly command: string;
  readonly commandId: string;
  /** After it. */
  readonly version: number;
}

export interface Ledger {
  /** Resolves once it is on disk. */
  write(entry: Acknowledged): Promise<void>;
}

const fileSync = promisify(fsync);

/** In a folder, with the positions of those who react. */
export class LedgerFolder implements Ledger, Positions {
  readonly #file: number;
  readonly #positionsFile: string;
  readonly #positions: Map<string, Token>;
  #syncing: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #isKeeping = false;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    cutUnfinished(ledgerIn(folder));
    this.#file = openSync(ledgerIn(folder), 'a');
    this.#positionsFile = join(folder, 'positions.json');
    const kept = existsSync(this.#positionsFile) ? readFileSync(this.#positionsFile, 'utf8') : '{}';
    this.#positions = new Map(Object.entries(JSON.parse(kept) as Record<string, Token>));
  }

  async write(entry: Acknowledged): Promise<void> {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`); // a whole line, or, after a crash, the beginning of one
    // One sync for all that was written before it begins.
    await (this.#next ??= this.#sync());
  }

  async #sync(): Promise<void> {
    await this.#syncing;
    this.#next = null;
    await (this.#syncing = fileSync(this.#file));
  }

  of(name: string): Token | undefined {
    return this.#positions.get(name);
  }

  /** Some time later: what comes after it is done again, which changes nothing. */
  keep(name: string, token: Token): void {
    this.#positions.set(name, token);
    if (this.#isKeeping) return;
    this.#isKeeping = true;
    setTimeout(() => this.#keepAll(), 500).unref();
  }

  #keepAll(): void {
    this.#isKeeping = false;
    writeFileSync(`${this.#positionsFile}.new`, JSON.stringify(Object.fromEntries(this.#positions)));
    renameSync(`${this.#positionsFile}.new`, this.#positionsFile);
  }

  close(): void {
    this.#keepAll();
    closeSync(this.#file);
  }
}

const ledgerIn = (folder: string): string => join(folder, 'ledger.jsonl');

/** Of a line that a crash cut off nobody was told that it counts; what is written next begins a line of its own. */
function cutUnfinished(file: string): void {
  if (!existsSync(file)) return;
  const bytes = readFileSync(file);
  const whole = bytes.lastIndexOf('\n') + 1;
  if (whole < bytes.length) truncateSync(file, whole);
}

/** All of it, without a last line that is not finished. */
export function readLedger(folder: string): readonly Acknowledged[] {
  if (!existsSync(ledgerIn(folder))) return [];
  const lines = readFileSync(ledgerIn(folder), 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Acknowledged);
}
