/**
 * package.json's map of exports, printed from tools/layers.ts: the root, one subpath an open room, and the contracts
 * that authors of engines run. The condition
 * `lockstep-source` leads to the sources: with it this repository's own tests, examples and pages run unbuilt.
 * `node tools/exports.ts --write` writes it; tools/generated.test.ts compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { openRooms } from './layers.ts';

export const sourceCondition = 'lockstep-source';

type ExportMap = Record<string, string | Record<string, string>>;

/** Files that are imported by themselves, beside the index of their room: whoever does not write engines has none of them. */
export const openFiles: readonly string[] = [
  'log/contract',
  'log/nats',
  'log/postgres',
  'checkpoint/s3',
  'server/node',
];

const entry = (path: string): Record<string, string> => ({
  [sourceCondition]: `./src/${path}.ts`,
  types: `./dist/types/${path}.d.ts`,
  default: `./dist/code/${codeName(path)}.js`,
});

/** Of the built file, by that of its source: all lie in one folder (tools/bundle.ts). */
export function codeName(path: string): string {
  const [room = '', ...rest] = path.split('/');
  return rest.length === 0 || rest[0] === 'index' ? room : [room, ...rest].join('-');
}

export function exportMap(rooms: readonly string[] = openRooms, files: readonly string[] = openFiles): ExportMap {
  const subpaths = rooms.flatMap((room) => [
    [`./${room}`, entry(`${room}/index`)] as const,
    ...files.filter((file) => file.startsWith(`${room}/`)).map((file) => [`./${file}`, entry(file)] as const),
  ]);
  return { '.': entry('index'), ...Object.fromEntries(subpaths), './package.json': './package.json' };
}

export function withExports(packageText: string): string {
  const manifest = JSON.parse(packageText) as Record<string, unknown>;
  return `${JSON.stringify({ ...manifest, exports: exportMap() }, null, 2)}\n`;
}

if (import.meta.main && process.argv.includes('--write')) {
  writeFileSync('package.json', withExports(readFileSync('package.json', 'utf8')));
}
