/** Logs in a directory of this machine, for programs that need no more of it: a file engine with its env and its owner. */
import { resolve } from 'node:path';
import { closingEngine } from '../log/closing-engine.ts';
import { openFileEngine, type OwnedFileEngineOptions } from '../log/file-owner.ts';
import type { LogEngine } from '../log/port.ts';
import { openHostEnv } from './env.ts';

export interface FileLogs extends LogEngine {
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The logs in `directory`, which is made if it is not there and is this process' alone until `close`, or until its end in
 * whatever way. The same as `openFileEngine` over an env of its own.
 * @throws LockstepError `in-use` when another process has it: values `pid`, `host`, `since`. `invalid` on a network
 * file system. `disk-failed`, `disk-full`, `misuse`.
 */
export async function openFileLogs(directory: string, options: OwnedFileEngineOptions = {}): Promise<FileLogs> {
  const env = await openHostEnv({ data: directory });
  let engine: LogEngine;
  try {
    engine = await openFileEngine(env, '', { calledDirectory: resolve(directory), ...options });
  } catch (error) {
    await env.close();
    throw error;
  }
  const logs = closingEngine(engine, env);
  return { ...logs, [Symbol.asyncDispose]: () => logs.close() };
}
