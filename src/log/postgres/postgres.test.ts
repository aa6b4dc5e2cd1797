import { expect, test } from 'vitest';
import { postgres, postgresSchema } from '../postgres.ts';
import { logId } from '../chain.ts';
import { Chunks } from './chunks.ts';
import { namesIn } from './schema.ts';

test('options that are none are misuse, before anything is reached', () => {
  const connection = 'postgres://nobody@127.0.0.1:1/nothing';
  const misuse = expect.objectContaining({ kind: 'misuse' });
  for (const schema of ['', 'Lockstep', 'a"b', 'a b', '1a', 'x'.repeat(41)]) {
    expect(() => postgres({ connection, schema })).toThrow(misuse);
    expect(() => postgresSchema({ schema })).toThrow(misuse);
  }
  expect(() => postgresSchema({ role: 'app"; drop table x' })).toThrow(misuse);
  for (const pollMs of [0, -1, Number.NaN]) expect(() => postgres({ connection, pollMs })).toThrow(misuse);
  expect(() => postgres({ connection, chunkBytes: 0 })).toThrow(misuse);
  expect(() => postgres({ connection, config: { silenceMs: 0 } })).toThrow(misuse);
});

test('a chunk is found by position: the last that begins at or before it, or the earliest', () => {
  const chunks = new Chunks([
    { number: 2, first: 11 },
    { number: 3, first: 21 },
  ]);
  expect([1, 11, 20, 21, 999].map((position) => chunks.of(position).number)).toEqual([2, 2, 2, 3, 3]);
});

test('only an id of a log can name a table', () => {
  const names = namesIn('lockstep');
  const id = logId('0123456789abcdef0123456789abcdef');
  expect(names.chunk(id, 7)).toBe('"lockstep".r_0123456789abcdef0123456789abcdef_7');
  expect(() => names.chunk('x; drop' as typeof id, 0)).toThrow(expect.objectContaining({ kind: 'misuse' }));
});
