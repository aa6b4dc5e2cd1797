/**
 * package.json's map of exports, printed from tools/layers.ts: the root and one subpath an open room. The condition
 * `lockstep-source` leads to the sources: with it this repository's own tests, examples and pages run unbuilt.
 * `node tools/exports.ts --write` writes it; tools/generated.test.ts compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { openRooms } from './layers.ts';

export const sourceCondition = 'lockstep-source';

type ExportMap = Record<string, string | Record<string, string>>;

const entry = (path: string): Record<string, string> => ({
  [sourceCondition]: `./src/${path}index.ts`,
  types: `./dist/${path}index.d.ts`,
  default: `./dist/${path}index.js`,
});

export function exportMap(rooms: readonly string[] = openRooms): ExportMap {
  const subpaths = rooms.map((room) => [`./${room}`, entry(`${room}/`)] as const);
  return { '.': entry(''), ...Object.fromEntries(subpaths), './package.json': './package.json' };
}

export function withExports(packageText: string): string {
  const manifest = JSON.parse(packageText) as Record<string, unknown>;
  return `${JSON.stringify({ ...manifest, exports: exportMap() }, null, 2)}\n`;
}

if (import.meta.main && process.argv.includes('--write')) {
  writeFileSync('package.json', withExports(readFileSync('package.json', 'utf8')));
}
