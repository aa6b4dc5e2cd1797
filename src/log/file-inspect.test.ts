import { expect, test } from 'vitest';
import { simulate } from '../sim/simulate.ts';
import type { World } from '../sim/world.ts';
import { inspectFileLog, printInspection } from './file-inspect.ts';
import { fileEngine } from './file.ts';
import type { Env } from '../env/env.ts';

async function twoEpochs(env: Env): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const engine = fileEngine(env, 'logs');
    const log = await engine.open('orders', { create: true });
    const writer = await log?.acquire({ owner: 'me' });
    for (let revision = 1; revision <= 3; revision++) {
      await writer?.append({
        payload: new Uint8Array(300).fill(7),
        firstRevision: round * 3 + revision,
        revisionCount: 1,
      });
    }
    await writer?.release();
    await engine.close();
  }
}

const inspected = (spoil: (world: World) => void, look: (env: Env) => Promise<void>) =>
  simulate({ seeds: 3, weather: 'calm' }, async (world) => {
    await world.run('node', twoEpochs);
    spoil(world);
    await world.run('inspector', look, { on: 'node' });
  });

test('epochs, records and segments of a log are told, and nothing is changed', async () => {
  await inspected(
    () => undefined,
    async ({ disk }) => {
      const before = disk.list('logs/orders');
      const log = await inspectFileLog(disk, 'logs/orders');
      expect(log?.id).toMatch(/^[0-9a-f]{32}$/);
      expect(log?.epochs.map(({ epoch, first, last, damage }) => [epoch, first, last, damage])).toEqual([
        [1, 1, 4, null],
        [2, 5, 8, null],
      ]);
      expect(log?.epochs[1]?.before).toEqual({ epoch: 1, upTo: 4 });
      expect(log === null ? '' : printInspection('orders', log)).toContain(
        'epoch 2  records 5 to 8, goes on from epoch 1 after 4',
      );
      expect(disk.list('logs/orders')).toEqual(before);
      expect(await inspectFileLog(disk, 'logs/nothing')).toBeNull();
    },
  );
});

test('damage is named with its place, and what is whole is told beside it', async () => {
  await inspected(
    (world) => {
      const where = world.disk('node').rot('logs/orders/epoch-0000000001-0000000001.seg', 4_096 + 600);
      expect(where).not.toBeNull();
    },
    async ({ disk }) => {
      const log = await inspectFileLog(disk, 'logs/orders');
      expect(log?.epochs[0]?.damage).toMatch(/^corrupt: .*epoch-0000000001-0000000001.seg.* offset=/);
      expect(log?.epochs[1]).toMatchObject({ first: 5, last: 8, damage: null });
      expect(log === null ? '' : printInspection('orders', log)).toContain('corrupt: ');
    },
  );
});
