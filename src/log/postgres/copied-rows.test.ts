/** A COPY's bytes as rows, whatever pieces they come in; what is cut off is told. */
import { expect, test } from 'vitest';
import { isLockstepError } from '../../kernel/errors.ts';
import { CopyQuery, rowsOf } from './copied-rows.ts';

const text = (value: string): readonly number[] => [...new TextEncoder().encode(value)];
const field = (value: readonly number[] | null): readonly number[] =>
  value === null ? [0xff, 0xff, 0xff, 0xff] : [0, 0, value.length >> 8, value.length & 0xff, ...value];
const row = (...fields: readonly (readonly number[] | null)[]): readonly number[] => [
  0,
  fields.length,
  ...fields.flatMap(field),
];
const header = [...text('PGCOPY\n'), 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const bytes = Array.from({ length: 300 }, (_, at) => at & 0xff);
const copy = [...header, ...row(text('one'), bytes), ...row(null, null), ...row(text(''), []), 0xff, 0xff];
const rows = [
  ['one', Uint8Array.from(bytes)],
  [null, null],
  ['', new Uint8Array(0)],
];

test('fields are text, nothing, or in the last column bytes', () => {
  expect(rowsOf(Uint8Array.from(copy))).toEqual(rows);
});

test('pieces of any size are one whole, and taken as copies', async () => {
  for (const size of [1, 7, 100, 1_000]) {
    const query = new CopyQuery('select');
    const buffer = Buffer.alloc(size); // as the client's: `slice` gives a view of it
    for (let at = 0; at < copy.length; at += size) {
      const piece = copy.slice(at, at + size);
      buffer.set(piece);
      query.handleCopyData({ chunk: buffer.subarray(0, piece.length) });
    }
    query.handleReadyForQuery();
    expect(await query.rows).toEqual(rows);
  }
});

test('what is cut off at any byte, or is no copy, is not available', () => {
  for (let end = 0; end < copy.length; end++) {
    let error: unknown = null;
    try {
      rowsOf(Uint8Array.from(copy.slice(0, end)));
    } catch (thrown) {
      error = thrown;
    }
    expect(isLockstepError(error, 'unavailable'), `cut at ${end}`).toBe(true);
  }
  expect(() => rowsOf(new Uint8Array(100))).toThrow('no whole COPY');
});

test('what the server says goes to whoever asked', async () => {
  const query = new CopyQuery('select');
  query.handleError(new Error('no'));
  await expect(query.rows).rejects.toThrow('no');
});
