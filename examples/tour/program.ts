/** Processes of the tour, and the directory that they share: all of it is gone when the tour ends, however it ends. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export type Program = ChildProcessByStdio<null, Readable, null>;

/** Runs a program that stands beside this file; what it says on its standard output is text. */
export function startProgram(file: string, ...args: readonly string[]): Program {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=lockstep-source', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8');
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('close', () => process.off('exit', end));
  return child;
}

export const ended = (child: Program): Promise<unknown> => new Promise((resolve) => child.once('close', resolve));

/** Gives the work a directory of its own. */
export async function withDirectory<T>(work: (data: string) => Promise<T>): Promise<T> {
  const data = mkdtempSync(join(tmpdir(), 'lockstep-tour-'));
  const remove = (): void => rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  try {
    return await work(data);
  } finally {
    process.off('exit', remove);
    remove();
  }
}
