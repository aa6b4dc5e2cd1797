/**
 * How far an import is, in a file beside the one that is imported: begun again it goes on there, and what was on its way has
 * the same command ids, so that it happens once.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { LockstepError } from '../kernel/errors.ts';
import { codeOf } from '../os/system-code.ts';

export interface ImportState {
  /** Its commands have ids of this time, in milliseconds since 1970. */
  readonly begunMs: number;
  /** Rows up to this one are decided. */
  readonly rows: number;
  readonly isDone: boolean;
}

export const stateFileOf = (file: string): string => `${file}.import.json`;

/** Null: none was begun. */
export function readImportState(file: string): ImportState | null {
  let text: string;
  try {
    text = readFileSync(stateFileOf(file), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  const { begunMs, rows, isDone } = parsed(text, file);
  if (typeof begunMs === 'number' && typeof rows === 'number' && typeof isDone === 'boolean')
    return { begunMs, rows, isDone };
  throw damaged(file);
}

function parsed(text: string, file: string): Partial<ImportState> {
  try {
    return JSON.parse(text) as Partial<ImportState>;
  } catch {
    throw damaged(file);
  }
}

const damaged = (file: string): LockstepError =>
  new LockstepError('invalid', 'what tells how far an import is, is damaged', {
    values: { file: stateFileOf(file) },
    advice: ['begin from the first row: --again. What was imported is then sent once more, as new commands'],
  });

export function writeImportState(file: string, state: ImportState): void {
  const path = stateFileOf(file);
  writeFileSync(`${path}.new`, `${JSON.stringify(state)}\n`, { flush: true });
  renameSync(`${path}.new`, path);
}
