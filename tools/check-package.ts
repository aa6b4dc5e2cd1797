/**
 * What is published, looked at as its users will: packed, judged by publint and are-the-types-wrong, unpacked into an
 * empty project, where every subpath is imported by plain Node (and by the machine's own, if that is another one that
 * we support) and compiled strictly, and where the first minutes of a newcomer go as they should.
 */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { build } from './build.ts';
import { exportMap } from './exports.ts';
import { packagesOfRooms } from './layers.ts';
import { firstMinutes } from './package-minutes.ts';

const oldestNode = [22, 18] as const;

export async function checkPackage(): Promise<boolean> {
  if (!(await build())) return false; // never an old dist/
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-pack-'));
  try {
    if (!run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder])) return false;
    const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
    return (
      run(process.execPath, ['node_modules/publint/src/cli.js', 'run', tarball, '--strict']) &&
      run(process.execPath, [attwProgram, tarball, '--profile', 'esm-only', '--no-emoji']) &&
      useAs(folder, tarball) &&
      (await firstMinutes(join(folder, 'project')))
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const attwProgram = 'node_modules/@arethetypeswrong/cli/dist/index.js';

/** A project that has the package and nothing else, but what rooms are made of. */
function useAs(folder: string, tarball: string): boolean {
  const project = join(folder, 'project');
  const home = join(project, 'node_modules', 'lockstep');
  mkdirSync(home, { recursive: true });
  if (!run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1'])) return false;
  const { name } = JSON.parse(readFileSync('package.json', 'utf8')) as { name: string };
  const paths = Object.keys(exportMap()).filter((path) => path !== './package.json');
  const imports = paths.map((path, at) => `import * as m${at} from '${name}${path.slice(1)}';`);
  const print = `console.log(${paths.map((_, at) => `Object.keys(m${at}).length`).join(', ')});`;
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n');
  const all = `[${paths.map((_, at) => `m${at}`).join(', ')}]`;
  writeFileSync(join(project, 'main.js'), [...imports, print, oneClass(all), threaded, ''].join('\n'));
  writeFileSync(join(project, 'main.ts'), [...imports, print, ''].join('\n'));
  symlinkSync(resolve('node_modules/@types'), join(project, 'node_modules/@types'));
  for (const needed of Object.values(packagesOfRooms)) {
    mkdirSync(dirname(join(project, 'node_modules', needed)), { recursive: true });
    symlinkSync(resolve('node_modules', needed), join(project, 'node_modules', needed));
  }
  const compiler = [resolve('node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--target', 'es2024'];
  const settings = ['--module', 'nodenext', '--types', 'node', '--ignoreConfig', 'main.ts'];
  const programs = nodes();
  if (!programs.every((program) => run(program, ['main.js'], project))) return false;
  console.log(`imported by Node ${programs.map((program) => versionOf(program).join('.')).join(' and ')}`);
  return run(process.execPath, [...compiler, ...settings], project);
}

/** What is in two subpaths is one thing in both. */
const oneClass = (modules: string): string => `
const classes = new Set(${modules}.flatMap((one) => one.LockstepError ?? []));
if (classes.size !== 1) throw new Error(\`there are \${classes.size} classes LockstepError\`);`;

/** A thread of the package finds its program, and the module of a job. */
const threaded = `
export const job = { kind: 'job', name: 'twice', module: import.meta.url, run: (input) => 2 * input };
const { isMainThread } = await import('node:worker_threads');
if (isMainThread) {
  const env = await m0.openHostEnv({ data: 'job-data' });
  if ((await env.jobs.run(job, 21)) !== 42) throw new Error('a job did not run');
  await env.close();
}`;

/** This Node, and another of the machine's that is new enough. */
function nodes(): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((one) => !one.includes('node_modules'));
  const others = folders.map((one) => join(one, 'node')).filter((program) => isNewEnough(versionOf(program)));
  const seen = new Map([process.execPath, ...others].map((program) => [realpathSync(program), program]));
  return [...seen.values()];
}

function versionOf(program: string): readonly number[] {
  const result = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim().slice(1).split('.').map(Number) : [];
}

function isNewEnough([major = 0, minor = 0]: readonly number[]): boolean {
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

function run(program: string, args: readonly string[], cwd = '.'): boolean {
  const result = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (result.status === 0) return true;
  console.log(`${program} ${args.join(' ')}\n${result.stdout}${result.stderr}${result.error ?? ''}`);
  return false;
}
