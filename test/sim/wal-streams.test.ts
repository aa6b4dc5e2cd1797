/** Many streams over one journal, in storms. */
import { simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { Model, service } from './wal-streams.ts';

test('streams keep what was answered for in any weather, and their segments go', async () => {
  let segmentCountMax = 0;
  await simulate({ seeds: 120 }, async (world) => {
    const model = new Model();
    const done = world.run('node', (env) => service(world, env, model, 120));
    await world.sleep('3s');
    world.heal();
    await done;
    world.crash('node', { kind: 'power', restart: '10ms' });
    segmentCountMax = Math.max(
      segmentCountMax,
      await world.run('judge', (env) => service(world, env, model, 160), { on: 'node' }),
    );
  });
  // Of some 20 that were written.
  expect(segmentCountMax).toBeLessThan(16);
});
