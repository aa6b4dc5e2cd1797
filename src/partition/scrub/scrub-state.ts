/**
 * What of scrubs stands in the partition's state: the newest mark, and the newest sum. The marked revision is the last of
 * the record that has the mark: there every replica comes by, and holds it before it goes on.
 */
import type { StoredValue } from '../../bytes/value-format.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { Space } from '../transaction.ts';
import { sumsBytes } from './state-hash.ts';

/** The product's own state of this name. */
export const scrubSystem = 'scrub';
export const markKey: readonly string[] = ['mark'];
export const sumKey: readonly string[] = ['sum'];

export interface ScrubMark {
  /** Counts from 1. */
  readonly number: number;
  /** The partition's time, in milliseconds. */
  readonly atMs: number;
}

/** What whoever led hashed at the mark of this number. */
export interface ScrubSum {
  readonly number: number;
  readonly revision: number;
  readonly atMs: number;
  /** Of all parts of the state. */
  readonly sums: Uint8Array;
}

export const putMark = (space: Space, { number, atMs }: ScrubMark): void => space.set(markKey, { number, atMs });

export const putSum = (space: Space, { number, revision, atMs, sums }: ScrubSum): void =>
  space.set(sumKey, { number, revision, atMs, sums });

/** Null: nothing was ever marked. @throws LockstepError `corrupt`. */
export function markOf(value: StoredValue | undefined): ScrubMark | null {
  if (value === undefined) return null;
  const { number, atMs } = value as Partial<ScrubMark>;
  if (typeof number === 'number' && typeof atMs === 'number') return { number, atMs };
  throw unreadable();
}

/** Null: no scrub was ever ended. @throws LockstepError `corrupt`. */
export function sumStandingIn(value: StoredValue | undefined): ScrubSum | null {
  if (value === undefined) return null;
  const { number, revision, atMs, sums } = value as Partial<ScrubSum>;
  const isWhole = typeof number === 'number' && typeof revision === 'number' && typeof atMs === 'number';
  if (isWhole && sums instanceof Uint8Array && sums.length === sumsBytes) return { number, revision, atMs, sums };
  throw unreadable();
}

const unreadable = (): LockstepError => new LockstepError('corrupt', 'what stands of scrubs is not what was written');
