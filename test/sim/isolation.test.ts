/** What the isolation scenario sees of the two levels over many seeds: what it must see, and what it must not. */
import { simulate } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Isolation } from '../../src/storage/transaction/transaction.ts';
import { play } from './scenarios/isolation.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

/** How many runs show each anomaly that the level allows, and what the clients were told in all. */
async function seenOf(mode: Isolation, seeds: number) {
  const shown = new Map<string, number>();
  const told = { ok: 0, fail: 0, info: 0, changed: 0, tooOld: 0, expired: 0 };
  await simulate({ seeds, twice: false }, async (world) => {
    const { verdict, known } = await play(world, { mode });
    for (const name of new Set(verdict.tolerated.map(({ kind, name: called }) => `${kind} ${called}`)))
      shown.set(name, (shown.get(name) ?? 0) + 1);
    for (const { outcome } of known.history()) told[outcome.kind]++;
    told.changed += known.conflicts.changed;
    told.tooOld += known.conflicts['too-old'];
    told.expired += known.expired;
  });
  return { shown, told };
}

test('snapshot isolation shows write skew, and nothing but cycles of adjacent anti-dependencies', async () => {
  const { shown, told } = await seenOf('snapshot', 20);
  expect([...shown.keys()].filter((name) => !name.startsWith('G2 '))).toEqual([]);
  expect(shown.get('G2 write skew')).toBeGreaterThan(1);
  expect(told.changed).toBeGreaterThan(10);
});

test('serializable transactions show nothing at all, and the scenario is no quiet one', async () => {
  const { shown, told } = await seenOf('serializable', 20);
  expect([...shown]).toEqual([]);
  expect(told.changed).toBeGreaterThan(30);
  expect(told.tooOld).toBeGreaterThan(0);
  expect(told.expired).toBeGreaterThan(3);
  expect(told.info).toBeGreaterThan(20);
  expect(told.ok).toBeGreaterThan(500);
});
