/**
 * Starts of the package as users have it: built into a project of its own and run as a process, timed until it says where it
 * listens. Between two starts it ends in order, which is not timed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bundle } from '../../tools/bundle.ts';
import { bundlePage } from '../../tools/dashboard.ts';
import type { Prepared, WorkDone } from '../harness.ts';

/** `events`: what the directory has; 0: it is a new one at every start. */
export async function preparedStarts(command: 'dev' | 'serve', events: number): Promise<Prepared> {
  const project = await makeProject();
  const data = join(project, 'data');
  if (events > 0) await ended(spawn(process.execPath, ['fill.ts', data, String(events)], { cwd: project }));
  return {
    async run() {
      if (events === 0) rmSync(data, { recursive: true, force: true });
      return start(project, [command, 'app.ts', '--port', '0', '--data', data]);
    },
    close: () => rmSync(project, { recursive: true }),
  };
}

async function makeProject(): Promise<string> {
  const project = mkdtempSync(join(tmpdir(), 'bench-start-'));
  const home = join(project, 'node_modules/lockstep');
  mkdirSync(join(home, 'dist/dashboard'), { recursive: true });
  copyFileSync('package.json', join(home, 'package.json'));
  await bundle(join(home, 'dist/code'));
  writeFileSync(join(home, 'dist/dashboard/index.html'), await bundlePage());
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n');
  for (const file of ['app.ts', 'fill.ts'])
    copyFileSync(join(import.meta.dirname, 'start-app', file), join(project, file));
  return project;
}

async function start(project: string, words: readonly string[]): Promise<WorkDone> {
  const begun = performance.now();
  const program = join(project, 'node_modules/lockstep/dist/code/lockstep.js');
  const child = spawn(process.execPath, [program, ...words], { cwd: project, stdio: ['ignore', 'pipe', 'ignore'] });
  let ms = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.includes('http://')) continue;
    ms = performance.now() - begun;
    break;
  }
  child.kill('SIGTERM');
  await ended(child);
  return { checksum: 1, ms, latenciesMs: Float64Array.of(ms) };
}

async function ended(child: ReturnType<typeof spawn>): Promise<void> {
  const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number | null]) : [child.exitCode];
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code ?? 'a signal'}`);
}
