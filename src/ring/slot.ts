/**
 * Where a key belongs: its place is the part before the first `/`, and a place has one of 4,096 slots. What shares a
 * place shares a slot, so it lies in one partition and can be in one transaction, however many partitions there are.
 * Slots stand in stored data: what is here can never change. The vectors in slot.test.ts freeze it.
 */
import type { Brand } from '../kernel/brand.ts';
import { LockstepError } from '../kernel/errors.ts';
import { textHash } from './text-hash.ts';

/** 0 to 4,095. */
export type Slot = Brand<number, 'Slot'>;

/** How many slots there are, for ever: the most partitions that there can be. */
export const slotCount = 4_096;

const slotBits = 12;

/** @throws LockstepError `invalid` for what is no whole number from 0 to 4,095. */
export function slot(value: number): Slot {
  if (!Number.isInteger(value) || value < 0 || value >= slotCount)
    throw new LockstepError('invalid', 'a slot is a whole number below 4096', { values: { slot: value } });
  return value as Slot;
}

/** The part of a key before its first `/`; the whole key where there is none. */
export function placeOf(key: string): string {
  const end = key.indexOf('/');
  return end < 0 ? key : key.slice(0, end);
}

/**
 * The upper 12 bits of MurmurHash3 x86_32, seed 0, of the place in UTF-8. The place is taken as it stands: a `/` in it
 * is a character like any other. For a key use `slotOfKey`.
 */
export function slotOf(place: string): Slot {
  return (textHash(place, 0) >>> (32 - slotBits)) as Slot;
}

/** The same as `slotOf(placeOf(key))`, without making the place. */
export function slotOfKey(key: string): Slot {
  const end = key.indexOf('/');
  return (textHash(key, 0, end < 0 ? key.length : end) >>> (32 - slotBits)) as Slot;
}
