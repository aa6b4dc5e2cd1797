/** Many streams over one journal, in storms. */
import { simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { streamsScenario } from './wal-streams.ts';

test('streams keep what was answered for in any weather, and their segments go', async () => {
  let segmentCountMax = 0;
  await simulate({ seeds: 30, twice: false }, async (world) => {
    segmentCountMax = Math.max(segmentCountMax, await streamsScenario(world));
  });
  // Of some 20 that were written.
  expect(segmentCountMax).toBeLessThan(16);
});
