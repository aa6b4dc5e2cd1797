/** The tester is tested: right services pass whatever the weather, and each planted bug is found, told, and shown again. */
import { simulate, SimulationFailure, type SimulateOptions, type Verdict } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Scenario } from './scenario.ts';

/** So many that all of this takes about a minute on two cores; `npm run sim` runs more. */
export const seedCounts: Readonly<Record<string, number>> = {
  echo: 40,
  counter: 40,
  mail: 150,
  leader: 30,
  journal: 100,
  shipping: 50,
  claims: 25,
  wal: 50,
  log: 25,
  storage: 12,
  leases: 6,
  isolation: 10,
  partition: 6,
  channels: 8,
  checkpoints: 4,
  machine: 3,
};
const seedsToFind = 200;
/** Where to look first for what takes long to find: from seed 1 on it is found too, within as many. */
const lookFrom: Readonly<Record<string, number>> = {
  'takes-an-old-grant-for-a-new-one': 125,
  'confirms-by-itself': 28,
  'forgets-commands-early': 10,
  'releases-rejections-early': 16,
  'tells-tokens-of-before': 5,
  'ignores-holds': 12,
  'trims-what-is-needed': 10,
  'leader-counts-by-the-wall-clock': 106,
  'holder-counts-by-the-wall-clock': 16,
  'reads-what-it-has': 11,
  'sends-after-the-commit': 71,
  'follows-from-now-on': 6,
  'acknowledges-before-it-sends': 6,
  'requires-none-from-now-on': 5,
  'archives-in-two-transactions': 5,
  'moves-a-position-outside': 4,
};

export const verdictOf: Readonly<Record<string, Verdict>> = {
  'global-clock': 'nondeterminism',
  'unordered-set': 'nondeterminism',
  'state-outlives-run': 'nondeterminism',
  'lost-update': 'safety',
  'missing-retry': 'liveness',
  'split-brain-by-timeout': 'safety',
  'acts-on-unsynced-data': 'safety',
  'forgets-directory-sync': 'safety',
  'ignores-backpressure': 'safety',
  'conflict-means-fenced': 'safety',
  'append-without-condition': 'safety',
  'skips-the-sync': 'safety',
  'acknowledges-early': 'safety',
  'forgets-the-directory-sync': 'safety',
  'checks-before-the-write': 'safety',
  'trusts-what-it-claims-from': 'safety',
  'cuts-marked-damage': 'safety',
  'replicas-called-linearizable': 'safety',
  'drops-tombstones-early': 'safety',
  'installs-before-the-sync': 'safety',
  'reuses-live-names': 'safety',
  'misplaces-a-restart-point': 'safety',
  'flushes-what-is-not-durable': 'safety',
  'forgets-the-names': 'safety',
  'releases-a-table-in-use': 'threw',
  'leaves-ranges-uncut': 'safety',
  'validates-keys-alone': 'safety',
  'validates-ranges-alone': 'safety',
  'ignores-absent-keys': 'safety',
  'ignores-phantoms': 'safety',
  'forgets-the-newest-flushed': 'safety',
  'ignores-its-age': 'safety',
  'forgets-deleted-ranges': 'safety',
  'reads-the-newest': 'safety',
  'answers-before-durable': 'safety',
  'releases-reads-before-durable': 'safety',
  'trims-under-readers': 'safety',
  'runs-at-snapshot': 'safety',
  'lets-the-last-writer-win': 'safety',
  'releases-rejections-early': 'safety',
  'confirms-by-itself': 'safety',
  'keeps-its-cache': 'safety',
  'forgets-commands-early': 'safety',
  'trims-what-is-needed': 'threw',
  'tells-tokens-of-before': 'safety',
  'followers-drop-ranges': 'safety',
  'before-images-of-after': 'safety',
  'ignores-holds': 'safety',
  'moves-the-inbox-outside': 'safety',
  'acknowledges-before-it-is-durable': 'safety',
  'remembers-what-it-took-in-memory': 'safety',
  'resends-from-the-wrong-number': 'safety',
  'lets-go-unasked': 'safety',
  'sends-what-is-not-durable': 'safety',
  'drops-what-fails': 'safety',
  'reuses-tokens-after-release': 'safety',
  'gives-to-the-last-who-asked': 'safety',
  'leader-counts-by-the-wall-clock': 'safety',
  'holder-counts-by-the-wall-clock': 'safety',
  'takes-an-old-grant-for-a-new-one': 'safety',
  'forgets-to-require-the-token': 'safety',
  'fires-again-after-a-failover': 'safety',
  'does-not-hear-of-new-timers': 'liveness',
  'fires-by-its-own-idea-of-time': 'safety',
  'trusts-a-jump': 'safety',
  'trims-past-the-checkpoints': 'liveness',
  'restores-one-generation-twice': 'safety',
  'removes-what-is-needed': 'liveness',
  'evolves-impurely': 'safety',
  'evolves-by-the-clock': 'safety',
  'runs-again-what-it-ran': 'safety',
  'ignores-the-expected-version': 'safety',
  'sends-after-the-commit': 'safety',
  'follows-from-now-on': 'safety',
  'reads-what-it-has': 'safety',
  'acknowledges-before-it-sends': 'safety',
  'merges-as-they-come': 'safety',
  'requires-none-from-now-on': 'safety',
  'archives-in-two-transactions': 'threw',
  'moves-a-position-outside': 'safety',
  'switches-before-it-has-all': 'safety',
  'keeps-half-of-what-a-handler-wrote': 'safety',
};

/** The failure that these seeds find. */
async function find(scenario: Scenario, bug: string, options: SimulateOptions): Promise<SimulationFailure> {
  try {
    await simulate(options, (world) => scenario.run(world, bug));
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
  throw new Error(`${scenario.name} with ${bug} planted was run, and nothing was found`);
}

/** The tests of some scenarios. */
export function judge(scenarios: readonly Scenario[]): void {
  // A seed of the environment is for whoever runs one test; here it would leave nothing to be found.
  beforeAll(() => {
    vi.stubEnv('LOCKSTEP_SEED', undefined);
    vi.stubEnv('LOCKSTEP_SEEDS', undefined);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  describe.each(scenarios)('$name', (scenario) => {
    const { name, bugs } = scenario;
    const seeds = seedCounts[name] ?? 0;

    test(`the right version passes in ${seeds} storms, and every seed is the same twice`, async () => {
      const report = await simulate({ seeds }, (world) => scenario.run(world, null));
      expect(report).toMatchObject({ seedCount: seeds });
      expect(report.eventCount).toBeGreaterThan(seeds * 40);
    });

    test('the right version passes in calm weather', async () => {
      await expect(
        simulate({ seeds: 3, weather: 'calm' }, (world) => scenario.run(world, null)),
      ).resolves.toMatchObject({
        seedCount: 3,
      });
    });

    test.each(bugs)(`%s is found within ${seedsToFind} seeds, and found again from its seed`, async (bug) => {
      const failure = await find(scenario, bug, {
        seeds: seedsToFind,
        firstSeed: lookFrom[bug] ?? 1,
        twice: verdictOf[bug] === 'nondeterminism',
      });
      expect(failure.verdict).toBe(verdictOf[bug]);
      expect(failure.message).toContain(failure.replay);
      const again = await find(scenario, bug, { seeds: { only: failure.seed } });
      expect(again.verdict).toBe(failure.verdict);
      if (failure.verdict === 'nondeterminism') return; // each run of it is another: that is what was found
      expect(again.message).toBe(failure.message); // seed, time, count of events, waits and the newest events
      expect(again.events).toEqual(failure.events);
    });
  });
}
