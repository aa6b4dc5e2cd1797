/**
 * `npm run runtimes`: the package as it is published, used by a short program on other runtimes than the one that builds it.
 * Their binaries come from npm into a temporary folder; the project is left as it is. It needs the network, so CI has none of it.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from './build.ts';

interface Runtime {
  /** As npm has it. */
  readonly from: string;
  readonly program: string;
  readonly args: readonly string[];
}

const runtimes: readonly Runtime[] = [
  { from: 'node@22', program: 'node', args: [] },
  { from: 'node@24', program: 'node', args: [] },
  { from: 'node@26', program: 'node', args: [] },
  { from: 'bun@1', program: 'bun', args: [] },
  { from: 'deno@2', program: 'deno', args: ['run', '-A'] },
];
const installMsMax = 300_000;
const runMsMax = 60_000;

async function main(): Promise<boolean> {
  if (!(await build())) return false;
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-runtimes-'));
  try {
    const packed = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
    if (!run('npm', packed, '.', installMsMax)) return false;
    const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
    return runtimes.map((runtime, at) => works(runtime, join(folder, String(at)), tarball)).every(Boolean);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In a project of its own, which has the runtime, the package and the program. */
function works({ from, program, args }: Runtime, project: string, tarball: string): boolean {
  const home = join(project, 'node_modules/lockstep');
  mkdirSync(project);
  const manifest = { private: true, type: 'module', allowScripts: { [program]: true } };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  console.log(from);
  if (!run('npm', ['install', '--no-audit', '--no-fund', '--silent', from], project, installMsMax)) return false;
  mkdirSync(home);
  if (!run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1'], project, installMsMax)) return false;
  copyFileSync(join(import.meta.dirname, 'runtime-program.ts'), join(project, 'program.ts'));
  const binary = resolve(project, 'node_modules/.bin', program);
  run(binary, ['--version'], project, runMsMax);
  return run(binary, [...args, 'program.ts', 'data'], project, runMsMax);
}

function run(program: string, args: readonly string[], cwd: string, withinMs: number): boolean {
  const { status, error } = spawnSync(program, args, { cwd, stdio: 'inherit', timeout: withinMs });
  if (status !== 0) console.log(`  ${program} ended with ${status ?? String(error)}`);
  return status === 0;
}

process.exitCode = (await main()) ? 0 : 1;
