/** What is printed from the code agrees with the code: the map of exports and the tables in the pages. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exportMap } from './exports.ts';
import { printed, withPrinted } from './markers.ts';

test("package.json's exports are those of tools/layers.ts (npm run fix)", () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: object };
  expect(JSON.stringify(manifest.exports, null, 2)).toBe(JSON.stringify(exportMap(), null, 2));
});

test('a subpath leads to the sources first, then to types, then to JavaScript', () => {
  expect(Object.entries(exportMap(['env'])['./env'] ?? {})).toEqual([
    ['lockstep-source', './src/env/index.ts'],
    ['types', './dist/types/env/index.d.ts'],
    ['default', './dist/code/env.js'],
  ]);
});

test.each(printed.map((one) => [one.page, one.name, one] as const))(
  '%s: %s is as the code says (npm run fix)',
  (page, _, one) => {
    const text = readFileSync(page, 'utf8');
    expect(withPrinted(text, one) ?? `no markers for ${one.name}`).toBe(text);
  },
);

test('between markers stands what is printed, outside nothing changes, and a page without them is left alone', () => {
  const one = { page: 'x.md', name: 'x', print: () => 'new' };
  expect(withPrinted('a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb', one)).toBe(
    'a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb',
  );
  expect(withPrinted('a\n<!-- y:begin -->\nold\n<!-- y:end -->\nb', one)).toBeNull();
});
