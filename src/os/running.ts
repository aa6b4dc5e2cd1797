/**
 * Where a node that is served can be found: a file in its data directory says the address, the process and the command.
 * `lockstep dev` and `lockstep serve` write it; other commands, `connect('./dir')` and the error of a second `open` read it.
 * It tells nothing secret.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '../kernel/errors.ts';
import { diskError } from './disk-errors.ts';
import { codeOf } from './system-code.ts';

export interface RunningNode {
  /** Without an end: `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Of the process that listens there. */
  readonly pid: number;
  /** As it was typed: `lockstep dev account.ts`. */
  readonly command: string;
  /** When it began, in ISO 8601. */
  readonly since: string;
}

const fileName = 'running.json';

/** Whole or not at all: who reads it meanwhile sees the old one or the new one. */
export function writeRunning(data: string, running: RunningNode): void {
  const file = join(data, fileName);
  const next = `${file}.${process.pid}`;
  try {
    writeFileSync(next, `${JSON.stringify(running, null, 2)}\n`);
    renameSync(next, file);
  } catch (error) {
    throw diskError(error, 'write', file);
  }
}

/** Where it is still that of this process. */
export function removeRunning(data: string): void {
  if (readRunning(data)?.pid === process.pid) rmSync(join(data, fileName), { force: true });
}

/** Null: none is there, or its process has ended, as with `kill -9`. @throws LockstepError `invalid` for a file that is none. */
export function readRunning(data: string): RunningNode | null {
  const file = join(data, fileName);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw diskError(error, 'read', file);
  }
  const running = parsed(text, file);
  return isRunning(running.pid) ? running : null;
}

function parsed(text: string, file: string): RunningNode {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LockstepError('invalid', 'the file that tells of a running node is no JSON', { values: { file }, cause });
  }
  const { url, pid, command, since } = Object(value) as Readonly<Record<string, unknown>>;
  if (typeof url === 'string' && typeof pid === 'number' && typeof command === 'string' && typeof since === 'string')
    return { url, pid, command, since };
  throw new LockstepError('invalid', 'the file that tells of a running node lacks something', { values: { file } });
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** What a process was started with, where the system tells; null elsewhere. */
export function commandOf(pid: number): string | null {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.join(' ').trim() || null;
  } catch {
    return null; // no such process, or a system that does not tell
  }
}
