/**
 * `npm run build`: dist/ with the page of dashboard/, and with one JavaScript file and one declaration a source file, made by the compiler itself, so
 * that `import.meta.url` of a module that is loaded as a worker means the same file built and unbuilt. Nothing is
 * bundled: a subpath loads what it needs and no more.
 */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseSync } from 'oxc-parser';
import { buildPage } from './dashboard.ts';
import { compilerProgram, runNode } from './run-suite.ts';

export async function build(): Promise<boolean> {
  rmSync('dist', { recursive: true, force: true });
  if ((await runNode([compilerProgram, '-p', 'tsconfig.build.json'], 120_000)) !== 0) return false;
  for (const path of globSync('dist/**/*.d.ts')) {
    writeFileSync(path, withJavaScriptNames(path, readFileSync(path, 'utf8')));
  }
  return buildPage();
}

/** The compiler renames `./x.ts` to `./x.js` in JavaScript, not in declarations, where older compilers want it too. */
export function withJavaScriptNames(path: string, text: string): string {
  const { module } = parseSync(path, text);
  const requests = [
    ...module.staticImports.map((one) => one.moduleRequest),
    ...module.staticExports.flatMap((one) => one.entries.map((entry) => entry.moduleRequest)),
  ];
  const places = new Set(requests.flatMap((one) => (one?.value.match(/^\..*\.ts$/) ? [one.end - 1] : [])));
  let renamed = text;
  for (const end of [...places].toSorted((a, b) => b - a)) {
    renamed = `${renamed.slice(0, end - 'ts'.length)}js${renamed.slice(end)}`;
  }
  return renamed;
}

if (import.meta.main) process.exitCode = (await build()) ? 0 : 1;
