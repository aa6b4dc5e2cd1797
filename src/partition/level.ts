/**
 * The format level: which versions of the product can read what is written. It stands in the state, and every record says
 * the level that it was written at. Whoever leads raises it once all members read a higher one, so that nodes may be
 * replaced by newer ones while the partition goes on: until the last is replaced everybody writes what the oldest reads.
 */
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import { firstLevel } from './group-payload.ts';

/** A node that follows the log, and what it announced. */
export interface LevelMember {
  readonly node: string;
  /** The newest level that it reads. */
  readonly levelMax: number;
}

/** The product's own state of this name. */
export const levelSystem = 'level';

/** Of what stands in the state. @throws LockstepError `corrupt`. */
export function levelOf(value: StoredValue | undefined): number {
  if (value === undefined) return firstLevel;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > firstLevel) return value;
  throw new LockstepError('corrupt', 'the level of a partition is not what was written');
}
