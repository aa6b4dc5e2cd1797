/** What the killed writer of a tree writes, so that what must be there afterwards follows from one number. */

/** So small that memtables fill, tables are written and merged while the writer lives. */
export const smallTree = { memtableBytes: 16_384, tableBytes: 16_384, levelOneBytes: 65_536, levelRatio: 2 } as const;

const keyCount = 97;
const encoder = new TextEncoder();

export const keyOf = (number: number): Uint8Array => encoder.encode(`key-${number % keyCount}`);
export const valueOf = (number: number): Uint8Array => encoder.encode(`${number}`.padStart(100, '.'));

/** The numbers that the keys have as their values once those from 1 to `last` were written. */
export function expectedAfter(last: number): readonly number[] {
  const first = Math.max(1, last - keyCount + 1);
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
