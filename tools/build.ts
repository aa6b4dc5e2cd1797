/**
 * `npm run build`: dist/ with the code (tools/bundle.ts), the types, one declaration a source file made by the compiler, and
 * the page of dashboard/.
 */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseSync } from 'oxc-parser';
import { bundle } from './bundle.ts';
import { buildPage } from './dashboard.ts';
import { compilerProgram, runNode } from './run-suite.ts';

export async function build(): Promise<boolean> {
  rmSync('dist', { recursive: true, force: true });
  if ((await runNode([compilerProgram, '-p', 'tsconfig.build.json'], 120_000)) !== 0) return false;
  for (const path of globSync('dist/types/**/*.d.ts')) {
    writeFileSync(path, withJavaScriptNames(path, readFileSync(path, 'utf8')));
  }
  return (await bundle('dist/code')) && buildPage();
}

/** Declarations import `./x.ts` as sources do; older compilers want `./x.js`. */
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
