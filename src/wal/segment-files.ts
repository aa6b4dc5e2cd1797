/** Names of a journal's files in its directory. A segment is `.seg` only while its header is durable and its own. */
import type { Disk } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';

export interface JournalFiles {
  readonly directory: string;
  readonly prefix: string;
}

const join = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`);
const digits = (number: number): string => String(number).padStart(10, '0');

export const segmentPath = (files: JournalFiles, number: number): string =>
  join(files.directory, `${files.prefix}-${digits(number)}.seg`);
/** A file that is prepared, or was trimmed: its content means nothing. */
export const sparePath = (files: JournalFiles, number: number): string =>
  join(files.directory, `${files.prefix}-${digits(number)}.spare`);

export function checkFiles(files: JournalFiles): void {
  if (/^[A-Za-z0-9._-]{1,100}$/.test(files.prefix) && !files.prefix.startsWith('.')) return;
  throw new LockstepError('misuse', 'the prefix of a journal is letters, digits, `.`, `-`, `_`', {
    values: { prefix: files.prefix },
  });
}

export interface ListedFiles {
  /** Numbers in order. */
  readonly segments: readonly number[];
  readonly spares: readonly { readonly number: number; readonly size: number }[];
}

/** Null if there is no such directory. Names of others are not looked at. */
export function listFiles(disk: Disk, files: JournalFiles): ListedFiles | null {
  const entries = disk.list(files.directory);
  if (entries === null) return null;
  const segments: number[] = [];
  const spares: { number: number; size: number }[] = [];
  for (const { name, kind, size } of entries) {
    const match = /^-(\d{10,15})\.(seg|spare)$/.exec(
      name.startsWith(files.prefix) ? name.slice(files.prefix.length) : '',
    );
    if (match === null) continue;
    const path = join(files.directory, name);
    if (kind !== 'file') {
      throw new LockstepError('invalid', 'a directory has the name of a segment', { values: { path, offset: 0 } });
    }
    const number = Number(match[1]);
    if (match[2] === 'seg') segments.push(number);
    else spares.push({ number, size });
  }
  segments.sort((a, b) => a - b);
  return { segments, spares };
}
