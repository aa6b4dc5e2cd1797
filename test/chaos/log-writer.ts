/**
 * A process that takes a log in its data directory, appends numbered records under its own name, and reports each that
 * is acknowledged (`position name:number`) or denied (`denied name:number`). Ends when it leads no more.
 */
import { writeSync } from 'node:fs';
import { fileEngine } from '../../src/log/file.ts';
import { isLockstepError } from '../../src/kernel/errors.ts';
import type { LogWriter } from '../../src/log/port.ts';
import { openHostEnv } from '../../src/os/env.ts';

const [data = '.', name = 'writer'] = process.argv.slice(2);
const env = await openHostEnv({ data });
const engine = fileEngine(env, 'logs');

/** Whoever is overtaken while it takes the log tries again. */
async function lead(): Promise<LogWriter> {
  for (;;) {
    try {
      const log = await engine.open('log', { create: true });
      if (log !== null) return await log.acquire({ owner: name });
    } catch (error) {
      if (!isLockstepError(error, 'unavailable')) throw error;
    }
  }
}

const writer = await lead();
for (let number = 1; ; number++) {
  const payload = new TextEncoder().encode(`${name}:${number}`);
  const outcome = await writer.append({ payload, firstRevision: 0, revisionCount: 1 });
  if (outcome.kind === 'fenced') {
    writeSync(1, `denied ${name}:${number}\n`);
    break;
  }
  writeSync(1, `${outcome.position} ${name}:${number}\n`);
}
await env.close();
