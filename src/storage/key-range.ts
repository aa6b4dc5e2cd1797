/** Ranges of keys with both ends included, as tables have them. */
import { compareBytes } from '../bytes/compare.ts';

export interface KeyRange {
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

export const overlaps = (a: KeyRange, b: KeyRange): boolean =>
  compareBytes(a.smallest, b.largest) <= 0 && compareBytes(b.smallest, a.largest) <= 0;

/** The smallest range that has all of these in it; null of none. */
export function spanOf(ranges: readonly KeyRange[]): KeyRange | null {
  const [first, ...rest] = ranges;
  if (first === undefined) return null;
  let { smallest, largest } = first;
  for (const one of rest) {
    if (compareBytes(one.smallest, smallest) < 0) smallest = one.smallest;
    if (compareBytes(one.largest, largest) > 0) largest = one.largest;
  }
  return { smallest, largest };
}

/** A key for people: as text where it is text, else in hexadecimal; cut where it is long. */
export function printableKey(key: Uint8Array): string {
  const shown = key.subarray(0, printedBytesMax);
  const isText = shown.length > 0 && shown.every((byte) => byte >= 0x20 && byte < 0x7f);
  const text = isText
    ? String.fromCharCode(...shown)
    : `0x${[...shown].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  return key.length > printedBytesMax ? `${text}… (${key.length} bytes)` : text;
}

const printedBytesMax = 48;
