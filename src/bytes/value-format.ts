/**
 * The one format of users' values: JSON's value space, and bytes, bigint, Date (docs/values.md for users,
 * docs/decisions/0002-value-codec.md for the reasons). A value is a tag byte and what it announces:
 *
 *     0x00-0x7f  the integer itself             0xc4-0xc6  integer, one, two, four bytes
 *     0x80-0x8f  object of 0-15 properties      0xc7-0xc9  -1 - n, n in one, two, four bytes
 *     0x90-0x9f  array of 0-15 items            0xca       double, eight bytes: any other number
 *     0xa0-0xbf  string of 0-31 bytes           0xcb 0xcc  bigint at least 0, below 0: byte count, magnitude
 *     0xc0-0xc2  null, false, true              0xcd       Date: its milliseconds as a double
 *     0xc3       row: see below                 0xce 0xcf  string, bytes: byte count, content
 *     0xe0-0xff  the integers -32 to -1         0xd0 0xd1  array, object: count, content
 *
 * Counts are varints; all else is little-endian; strings are UTF-8; a property is a key (a string, with its tag) and a
 * value. A row is an object in an array with the keys, in their order, of the last object before it in that array: its
 * values alone are written. Tags not listed are free. A number, a string and a count have one form, the shortest;
 * properties stand in the object's own order, which is part of the value: so the same value gives the same bytes.
 */
import { LockstepError } from '../kernel/errors.ts';

/** What can be stored, as it reads back. Objects are plain, with `Object.prototype`. */
export type StoredValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Uint8Array
  | StoredValue[]
  | { [key: string]: StoredValue };

/** Bounds on one value; the same on both sides, or what one writes the other refuses. */
export interface ValueLimits {
  /** The encoding, in bytes. */
  readonly bytesMax: number;
  /** How deep arrays and objects lie in one another; at most 1,000, as they are walked by recursion. */
  readonly depthMax: number;
  /** Items and properties, of all arrays and objects in the value together. */
  readonly countMax: number;
}

export const valueLimits: ValueLimits = Object.freeze({
  bytesMax: 8 * 1024 * 1024,
  depthMax: 100,
  countMax: 1_000_000,
});

export function checkLimits(limits: ValueLimits): ValueLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1 || (name === 'depthMax' && value > 1_000)) {
      throw new LockstepError('misuse', 'a limit of values is out of range', { values: { name, value } });
    }
  }
  return Object.freeze({ ...limits });
}

/** Tags, and the first of each group. */
export const tagObject = 0x80;
export const tagArray = 0x90;
export const tagString = 0xa0;
export const tagNull = 0xc0;
export const tagFalse = 0xc1;
export const tagTrue = 0xc2;
export const tagRow = 0xc3;
export const tagInteger8 = 0xc4;
export const tagInteger16 = 0xc5;
export const tagInteger32 = 0xc6;
export const tagNegative8 = 0xc7;
export const tagNegative16 = 0xc8;
export const tagNegative32 = 0xc9;
export const tagFloat64 = 0xca;
export const tagBigint = 0xcb;
export const tagBigintNegative = 0xcc;
export const tagDate = 0xcd;
export const tagStringLong = 0xce;
export const tagBytes = 0xcf;
export const tagArrayLong = 0xd0;
export const tagObjectLong = 0xd1;
export const tagNegativeSmall = 0xe0;

/** The most that fits the tag itself: properties and items, bytes of a string. */
export const countInTagMax = 15;
export const stringInTagMax = 31;
