/** The contract over logs in files on the real disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logContractOf } from '../../test/contracts/log.ts';
import { fileReasons, StoppingDisk } from '../../test/contracts/stopping-disk.ts';
import { openHostEnv } from '../os/env.ts';
import { fileEngine } from './file.ts';

logContractOf('file on the real disk', {
  run: async (body) => {
    const data = mkdtempSync(join(tmpdir(), 'lockstep-file-'));
    const env = await openHostEnv({ data });
    try {
      const { disk, stopWriter, delayAppend } = new StoppingDisk(env.disk);
      const engine = fileEngine({ ...env, disk }, 'logs', {
        config: { silenceMs: 50, pauseMsMax: 10, settleMsMax: 2_000, attemptMsMax: 1_000 },
        limits: { segmentBytes: 24_576, groupBytesMax: 12_288, waitingBytesMax: 65_536 },
        payloadBytesMax: 8_192,
      });
      const faults = { loseAnswer: null, resendAppend: null, rollBack: null, stopWriter, delayAppend };
      await body({ env, engine, other: engine, faults });
      await engine.close();
    } finally {
      await env.close();
      rmSync(data, { recursive: true });
    }
  },
  reasons: fileReasons,
});
