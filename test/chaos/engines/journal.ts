/**
 * What a process under chaos keeps of what it did and was told: a line an entry, each written by one call before the
 * process goes on, so that a kill takes nothing of what came before. Times are microseconds of the machine's monotonic
 * clock, which all processes share.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';

export type Entry =
  /** It leads: its claim stands at this position. It had begun to ask at `from`. */
  | {
      readonly kind: 'leads';
      readonly epoch: number;
      readonly position: number;
      readonly from: number;
      readonly at: number;
    }
  | { readonly kind: 'tries'; readonly number: number; readonly epoch: number; readonly at: number }
  | { readonly kind: 'acknowledged'; readonly number: number; readonly position: number; readonly at: number }
  /** Certainly not in the log. */
  | {
      readonly kind: 'denied';
      readonly number: number;
      readonly because: 'fenced' | 'unavailable';
      readonly at: number;
    }
  | { readonly kind: 'unknown'; readonly number: number; readonly at: number }
  /** A confirmation that was asked for at `from`. */
  | { readonly kind: 'held'; readonly epoch: number; readonly from: number; readonly at: number }
  /** A reader has read up to here, without a gap. */
  | { readonly kind: 'saw'; readonly position: number; readonly chain: string }
  | { readonly kind: 'diverged'; readonly position: number; readonly expected: string; readonly found: string }
  /** A passing failure: it tried again. */
  | { readonly kind: 'interrupted'; readonly message: string }
  /** What must not happen at all; the process ends. */
  | { readonly kind: 'failed'; readonly message: string };

export const microseconds = (): number => Number(process.hrtime.bigint() / 1_000n);

export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'ax');
  }

  write(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
}

/** All whole lines: the last may be torn by a kill. */
export const readJournal = (path: string): readonly Entry[] => parsed(readFileSync(path, 'utf8').split('\n'));

const endBytes = 16_384;

/** The newest entries: of a long journal its end alone. */
export function readJournalEnd(path: string): readonly Entry[] {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, endBytes));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return parsed(
      bytes
        .toString()
        .split('\n')
        .slice(size > endBytes ? 1 : 0),
    );
  } finally {
    closeSync(file);
  }
}

const parsed = (lines: readonly string[]): readonly Entry[] =>
  lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);

/** Who wrote it and its number; then bytes that make it as long as it should be. */
export function encodePayload(name: string, number: number, bytes: number): Uint8Array {
  return new TextEncoder().encode(`${name}:${number} `.padEnd(bytes, 'x'));
}

/** Nulls: the empty record of a confirmation, which carries nothing. */
export function decodePayload(payload: Uint8Array): { readonly name: string | null; readonly number: number | null } {
  if (payload.length === 0) return { name: null, number: null };
  const text = new TextDecoder().decode(payload.subarray(0, 64));
  const found = /^([^:]+):(\d+) /.exec(text);
  if (found === null) throw new Error(`nobody here wrote this: ${text}`);
  return { name: found[1] ?? '', number: Number(found[2]) };
}
