/** Programs that are run as processes of their own and say one line of numbers behind a word. */
import { spawn, type ChildProcess } from 'node:child_process';

/** `program`: the address of its file. */
export function start(program: string, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [new URL(program).pathname, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The numbers behind the word, once the process has ended; `kills` ends it by kill -9 as soon as it says the word. */
export async function said(child: ChildProcess, word: string, kills = false): Promise<readonly number[]> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    if (kills && text.includes(word)) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  const line = text.split('\n').find((one) => one.startsWith(word));
  if (line === undefined) throw new Error(`a process ended and never said '${word}': ${text}`);
  return line.split(' ').slice(1).map(Number);
}
