/** Nobody pays for an engine that he does not use: importing any public room loads our own files and Node's alone. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { sourceCondition } from './exports.ts';
import { packagesOfRooms } from './layers.ts';

const top = join(import.meta.dirname, '..');

/** Prints the address of every module that is loaded, `require` included. */
const program = `
  import { registerHooks } from 'node:module';
  registerHooks({ load: (url, context, next) => (console.log(url), next(url, context)) });
  for (const name of process.argv.slice(1)) await import(name);
`;

function loadedBy(names: readonly string[]): readonly string[] {
  const args = [`--conditions=${sourceCondition}`, '--input-type=module', '--eval', program, '--', ...names];
  return execFileSync(process.execPath, args, { cwd: top, encoding: 'utf8' }).trim().split('\n');
}

test('importing lockstep, or any of its rooms that is not made of one, loads no package', () => {
  const { exports } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as { exports: object };
  const runnable = Object.keys(exports).filter((path) => !path.endsWith('.json') && !path.endsWith('/contract'));
  const needNone = runnable.filter((path) => !Object.hasOwn(packagesOfRooms, path.slice('./'.length)));
  const names = needNone.map((path) => `lockstep${path.slice(1)}`);
  expect(names).toEqual(expect.arrayContaining(['lockstep', 'lockstep/log']));
  const ours = `${pathToFileURL(join(top, 'src')).href}/`;
  const loaded = loadedBy(names);
  expect(loaded).toEqual(expect.arrayContaining([`${ours}index.ts`, `${ours}log/index.ts`]));
  expect(loaded.filter((url) => !url.startsWith(ours) && !url.startsWith('node:'))).toEqual([]);
});

test.each(Object.entries(packagesOfRooms))('importing lockstep/%s loads %s alone', (room, its) => {
  const others = loadedBy([`lockstep/${room}`]).filter(
    (url) => url.includes('/node_modules/') && !url.includes(`/node_modules/${its}/`),
  );
  expect(others).toEqual([]);
});

test('a package that is loaded would be seen', () => {
  expect(loadedBy(['pg']).some((url) => url.includes('/node_modules/pg/'))).toBe(true);
});
