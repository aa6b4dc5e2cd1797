/** The scenario `log` is not hollow: what it is about comes about. That it finds bugs is shown in scenarios.test.ts. */
import { simulate } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { play } from './scenarios/log.ts';
import { situations, type Situation } from './services/log-promises.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
  vi.stubEnv('LOCKSTEP_SEEDS', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

test('in 60 seeds every situation comes about that the log must stand', async () => {
  const counts = new Map<Situation, number>();
  await simulate({ seeds: 60, twice: false }, async (world) => {
    for (const [what, count] of (await play(world, null)).counts) counts.set(what, (counts.get(what) ?? 0) + count);
  });
  expect(situations.filter((what) => !counts.has(what))).toEqual([]);
});
