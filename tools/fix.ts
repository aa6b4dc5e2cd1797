/** `npm run fix`: rewrites what is printed from the code (exports, tables in the pages) and formats all sources. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withExports } from './exports.ts';
import { writePrinted } from './markers.ts';
import { runNode } from './run-suite.ts';

writeFileSync('package.json', withExports(readFileSync('package.json', 'utf8')));
writePrinted();
process.exitCode = await runNode(['node_modules/oxfmt/bin/oxfmt'], 60_000);
