/**
 * A process that takes a log in its data directory, appends numbered records under its own name, and reports each that
 * is acknowledged (`position name:number`) or denied (`denied name:number`). Ends when it leads no more. With `owned` it
 * takes the directory first, as programs do, and reports `refused PID` when another process has it.
 */
import { writeSync } from 'node:fs';
import { fileEngine } from '../../src/log/file.ts';
import { openFileEngine } from '../../src/log/file-owner.ts';
import { isLockstepError } from '../../src/kernel/errors.ts';
import type { LogEngine, LogWriter } from '../../src/log/port.ts';
import { openHostEnv } from '../../src/os/env.ts';

const [data = '.', name = 'writer', owns = 'not owned'] = process.argv.slice(2);
const env = await openHostEnv({ data });

async function engineOf(): Promise<LogEngine | null> {
  if (owns === 'not owned') return fileEngine(env, 'logs');
  try {
    return await openFileEngine(env, 'logs', { takeOver: owns === 'takes over' });
  } catch (error) {
    if (!isLockstepError(error, 'in-use')) throw error;
    writeSync(1, `refused ${String(error.values['pid'])}\n`);
    return null;
  }
}

/** Whoever is overtaken while it takes the log tries again. */
async function lead(engine: LogEngine): Promise<LogWriter> {
  for (;;) {
    try {
      const log = await engine.open('log', { create: true });
      if (log !== null) return await log.acquire({ owner: name });
    } catch (error) {
      if (!isLockstepError(error, 'unavailable')) throw error;
    }
  }
}

async function write(writer: LogWriter): Promise<void> {
  for (let number = 1; ; number++) {
    const payload = new TextEncoder().encode(`${name}:${number}`);
    const outcome = await writer.append({ payload, firstRevision: 0, revisionCount: 1 });
    if (outcome.kind === 'fenced') {
      writeSync(1, `denied ${name}:${number}\n`);
      return;
    }
    writeSync(1, `${outcome.position} ${name}:${number}\n`);
  }
}

const engine = await engineOf();
if (engine !== null) await write(await lead(engine));
await env.close();
