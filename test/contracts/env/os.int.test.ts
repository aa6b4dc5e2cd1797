/** The real world keeps the contracts of all ports: a temporary folder, loopback, one job thread. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHostEnv } from '../../../src/os/env.ts';
import { envContract } from './env.ts';

envContract('the real world', {
  host: '127.0.0.1',
  async run(body) {
    const data = await mkdtemp(join(tmpdir(), 'lockstep-env-'));
    const env = await openHostEnv({ data, limits: { jobThreadCount: 1 } });
    try {
      await body(env);
    } finally {
      await env.close();
      await rm(data, { recursive: true, force: true });
    }
  },
});
