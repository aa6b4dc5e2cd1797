/** What a service of an epoch is given. */
import { calm, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { LockstepError } from '../kernel/errors.ts';
import { memoryEngine } from '../log/memory.ts';
import { openPartition } from './open-partition.ts';
import type { EpochServiceMaker, Leading } from './transaction.ts';

test('a service knows its partition, and one that cannot go on stops it with its error', async () => {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env);
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      const epochs: Leading[] = [];
      const service: EpochServiceMaker = () => ({
        start: (leading) => void epochs.push(leading),
        stop: () => Promise.resolve(),
      });
      const about = { log, payloadBytesMax: 1_000_000, directory: 'state', owner: 'node', name: 'stock' };
      const partition = await openPartition(env, { ...about, services: [service] });
      await partition.leading();
      const [leading = expect.unreachable()] = epochs;
      expect(leading.name).toBe('stock');
      const error = new LockstepError('corrupt', 'the service has found what nobody wrote');
      const waiting = partition.transact('apple', (tx) => tx.set(['count'], 1));
      leading.fail(error);
      expect(await waiting).toMatchObject({ kind: 'not-leader' });
      expect(await partition.stopped).toBe(error);
      expect(partition.status).toMatchObject({ kind: 'failed', failure: error });
      await partition.close();
      await engine.close();
    });
  });
});
