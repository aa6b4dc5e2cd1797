/** A log that others share, opened as soon as whoever keeps it can be reached. */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { Log, LogEngine } from '../../../src/log/port.ts';

export async function openedLog(env: Env, engine: LogEngine, name = 'log'): Promise<Log> {
  for (;;) {
    try {
      const log = await engine.open(name, { create: true });
      if (log !== null) return log;
    } catch (error) {
      if (!isLockstepError(error, 'unavailable') && !isLockstepError(error, 'unknown')) throw error;
    }
    await env.sleep('20ms');
  }
}
