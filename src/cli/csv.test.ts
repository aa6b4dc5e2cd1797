import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvRecords } from './csv.ts';

async function read(...chunks: readonly string[]): Promise<readonly (readonly [line: number, ...fields: string[]])[]> {
  const found: [number, ...string[]][] = [];
  for await (const { line, fields } of csvRecords(stream(chunks))) found.push([line, ...fields]);
  return found;
}

async function* stream(chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}

test('fields, quotes, line ends of both kinds, a byte order mark, and no line end at the end', async () => {
  expect(await read('\ufeffa,b\r\n1,"x, ""y""\nz"\r\n\r\n,\n"",2')).toEqual([
    [1, 'a', 'b'],
    [2, '1', 'x, "y"\nz'],
    [5, '', ''],
    [6, '', '2'],
  ]);
});

test('quotes that do not fit are told with their line', async () => {
  await expect(read('a\nb"c')).rejects.toMatchObject({ kind: 'invalid', values: { line: 2 } });
  await expect(read('"a"b')).rejects.toMatchObject({ kind: 'invalid', values: { line: 1 } });
  await expect(read('"a')).rejects.toMatchObject({ kind: 'invalid' });
});

test('whatever is written is read, however it is cut', async () => {
  const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', 'é', ' '), maxLength: 6 });
  const table = fc.array(fc.array(field, { minLength: 1, maxLength: 3 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(table, fc.integer({ min: 1, max: 7 }), async (rows, size) => {
      const quoted = rows.map((row) => row.map((one) => `"${one.replaceAll('"', '""')}"`).join(','));
      const text = quoted.map((row) => `${row}\r\n`).join('');
      const chunks = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect((await read(...chunks)).map(([, ...fields]) => fields)).toEqual(rows);
    }),
    { numRuns: 60 },
  );
});
