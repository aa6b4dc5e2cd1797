/** The contract over a directory of the real disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkpointContract } from '../../test/contracts/checkpoint.ts';
import { flipIn } from '../../test/contracts/checkpoint-damage.ts';
import { openHostEnv } from '../os/env.ts';
import { directoryCheckpoints } from './directory.ts';

checkpointContract('a directory of the real disk', async (body) => {
  const data = mkdtempSync(join(tmpdir(), 'lockstep-checkpoint-'));
  const env = await openHostEnv({ data });
  try {
    await body({
      open: () => directoryCheckpoints(env, 'backup'),
      damage: async (name) => flipIn(env.disk, `backup/files/${name}`),
    });
  } finally {
    await env.close();
    rmSync(data, { recursive: true });
  }
});
