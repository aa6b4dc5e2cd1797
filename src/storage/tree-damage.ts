/** What is found damaged in a tree's directory, as data and as text. */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { firstLine } from './damaged-table.ts';
import { printableKey, type KeyRange } from './key-range.ts';

export interface TreeDamage {
  /** Of the file, on the env's disk. */
  readonly path: string;
  /** In the file, in bytes, where the damaged part begins; 0 for all of it. */
  readonly offset: number;
  /** In words. */
  readonly what: string;
  /** The keys that it may cost at most, both ends included; null where it is not known which. */
  readonly keys: KeyRange | null;
}

/** Of an error that tells damage, or that a file cannot be read. */
export function damageOf(error: unknown, path: string, keys: KeyRange | null): TreeDamage {
  const isOfFile = ['corrupt', 'invalid', 'disk-failed'].some((kind) => isLockstepError(error) && error.kind === kind);
  if (!isOfFile || !(error instanceof LockstepError)) throw error;
  const { values } = error;
  return {
    path: typeof values['path'] === 'string' ? values['path'] : path,
    offset: typeof values['offset'] === 'number' ? values['offset'] : 0,
    what: firstLine(error),
    keys: keys === null ? null : { smallest: keys.smallest, largest: keys.largest },
  };
}

export function printDamage({ path, offset, what, keys }: TreeDamage): string {
  const cost =
    keys === null ? '' : `; may cost keys from ${printableKey(keys.smallest)} to ${printableKey(keys.largest)}`;
  return `damaged: ${path} at ${offset}: ${what}${cost}`;
}
