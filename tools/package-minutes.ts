/** The first minutes of the package as it is published: what a newcomer types, by the program that is installed. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const startMsMax = 20_000;

/** In a project that has the package. False, and says so: something did not go as it should. */
export async function firstMinutes(project: string): Promise<boolean> {
  const home = join(project, 'node_modules/lockstep');
  const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { bin: { lockstep: string } };
  const program = resolve(home, bin.lockstep);
  const app = join(project, 'bank');
  const typed = (words: readonly string[], code: number, printed: RegExp): boolean =>
    says(program, words, { cwd: words[0] === 'init' ? project : app, code, printed });
  if (!typed(['init', 'bank'], 0, /now {10}cd bank/)) return false;
  const dev = spawn(process.execPath, [program, 'dev', 'app.ts', '--port', '0'], { cwd: app, timeout: startMsMax });
  try {
    const url = await urlIn(dev.stdout);
    const page = await fetch(url);
    return (
      is('the page', (await page.text()).startsWith('<!doctype html>')) &&
      typed(['send', 'seat', 'A/1', 'Take', '{"by":"ann"}'], 0, /committed {4}version 1 · Taken \{"by":"ann"\}/) &&
      typed(['send', 'seat', 'A/1', 'Take', '{"by":"bob"}'], 2, /rejected {5}taken \{"takenBy":"ann"\}/) &&
      typed(['state', 'seat', 'A/1'], 0, /\{"takenBy":"ann"\} {4}version 1/) &&
      typed(['events', 'seat'], 0, /A\/1 {2}1 {2}Taken/) &&
      is('dev ends in order', await endsInOrder(dev))
    );
  } finally {
    dev.kill('SIGKILL');
  }
}

interface Said {
  readonly cwd: string;
  readonly code: number;
  readonly printed: RegExp;
}

function says(program: string, words: readonly string[], { cwd, code, printed }: Said): boolean {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], { cwd, encoding: 'utf8' });
  if (status === code && printed.test(stdout)) return true;
  console.log(`lockstep ${words.join(' ')} ended with ${status}, not ${code}, or did not print ${printed}:`);
  console.log(`${stdout}${stderr}`);
  return false;
}

function is(what: string, holds: boolean): boolean {
  if (!holds) console.log(`not as it should be: ${what}`);
  return holds;
}

async function urlIn(output: NodeJS.ReadableStream): Promise<string> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: output })) {
    const [url] = /http:\S+/.exec(line) ?? [];
    if (url !== undefined) return url;
    lines.push(line);
  }
  throw new Error(`lockstep dev did not say where it is:\n${lines.join('\n')}`);
}

async function endsInOrder(child: ReturnType<typeof spawn>): Promise<boolean> {
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  const [code] = (await exit) as [number | null];
  return code === 0;
}
