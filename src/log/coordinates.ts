import { assert } from '../kernel/assert.ts';
import type { Epoch, Position } from './port.ts';

/** The only place where a number becomes a position or an epoch, and the only arithmetic on them. */
export function position(value: number): Position {
  assert(Number.isSafeInteger(value) && value >= 0, 'a position is a natural number');
  return value as Position;
}
export const beforeFirst: Position = position(0);
export const nextPosition = (at: Position): Position => position(at + 1);

export function epoch(value: number): Epoch {
  assert(Number.isSafeInteger(value) && value >= 0, 'an epoch is a natural number');
  return value as Epoch;
}
export const nextEpoch = (at: Epoch): Epoch => epoch(at + 1);
