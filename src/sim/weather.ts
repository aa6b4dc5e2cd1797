import type { SeededRandom } from '../kernel/random.ts';

/**
 * What the simulated world does to its machines, as plain numbers: times in milliseconds of the world, ranges from
 * the first number to the second, chances per event. `calm` delays and nothing else; `stormy` draws from the seed
 * which kinds of fault there are and how hard each blows (swarm testing: Groce et al., ISSTA 2012), because a world
 * with all faults at once hides the bugs that need one of them alone.
 */
export type Range = readonly [number, number];

export interface Weather {
  /** One way, per frame. */
  readonly latencyMs: Range;
  /** Chance that a frame takes ten times as long. */
  readonly slowFrameChance: number;
  /** Chance per frame that it and the stream are lost. */
  readonly lossChance: number;
  /** After how long without progress a stream breaks. */
  readonly breakAfterMs: Range;
  /** How many bytes a stream takes before its sender hears `full`. */
  readonly windowBytes: number;
  /** Mean time between cuts of links (one way, both ways, a machine from all others), over the whole world; Infinity: none. */
  readonly cutEveryMs: number;
  readonly cutForMs: Range;
  /** Mean time between crashes of a machine, over the whole world. */
  readonly crashEveryMs: number;
  readonly restartAfterMs: Range;
  /** Share of crashes that lose power; the rest kill the process. */
  readonly powerShare: number;
  /** Chance that a disk change, a sync or a send is struck by a crash, right before or right after it. */
  readonly strikeChance: number;
  readonly pauseEveryMs: number;
  readonly pauseForMs: Range;
  /** What a sync costs. */
  readonly syncMs: Range;
  /** What removing a name costs. */
  readonly nameMs: Range;
  /** What a cold read costs. */
  readonly readMs: Range;
  /** Mean time between spells of a disk that is `slowDiskFactor` times slower. */
  readonly slowDiskEveryMs: number;
  readonly slowDiskForMs: Range;
  readonly slowDiskFactor: number;
  /** Chance that a sync fails. */
  readonly syncFailChance: number;
  readonly diskFullEveryMs: number;
  readonly diskFullForMs: Range;
  /** Mean time between flips of a stored bit. Never drawn by `stormy`: only what has replicas survives it. */
  readonly rotEveryMs: number;
  /** How far a machine's wall clock is off at its start, either way. */
  readonly clockOffMsMax: number;
  /** How much faster or slower than the world a machine's clocks may run: 0.001 is 1 ms a second. */
  readonly clockDriftMax: number;
  readonly clockJumpEveryMs: number;
  readonly clockJumpMsMax: number;
  /** What a job costs. */
  readonly jobMs: Range;
}

export const calm: Weather = Object.freeze<Weather>({
  latencyMs: [0.1, 1],
  slowFrameChance: 0,
  lossChance: 0,
  breakAfterMs: [2_000, 4_000],
  windowBytes: 1_048_576,
  cutEveryMs: Infinity,
  cutForMs: [50, 2_000],
  crashEveryMs: Infinity,
  restartAfterMs: [10, 1_000],
  powerShare: 0.5,
  strikeChance: 0,
  pauseEveryMs: Infinity,
  pauseForMs: [20, 2_000],
  syncMs: [0.2, 2],
  nameMs: [0.05, 0.5],
  readMs: [0.05, 0.5],
  slowDiskEveryMs: Infinity,
  slowDiskForMs: [100, 2_000],
  slowDiskFactor: 100,
  syncFailChance: 0,
  diskFullEveryMs: Infinity,
  diskFullForMs: [100, 2_000],
  rotEveryMs: Infinity,
  clockOffMsMax: 0,
  clockDriftMax: 0,
  clockJumpEveryMs: Infinity,
  clockJumpMsMax: 5_000,
  jobMs: [1, 50],
});

/** A storm drawn from the seed: each kind of fault is there in about half of all storms. */
export function stormy(random: SeededRandom): Weather {
  const often = (lowMs: number, highMs: number) =>
    random.chance(0.5) ? Math.round(lowMs * (highMs / lowMs) ** random.float()) : Infinity;
  const rarely = (low: number, high: number) => (random.chance(0.5) ? low * (high / low) ** random.float() : 0);
  const latencyMs = 0.1 * 100 ** random.float();
  return Object.freeze<Weather>({
    ...calm,
    latencyMs: [latencyMs / 4, latencyMs * 2],
    slowFrameChance: rarely(0.001, 0.1),
    lossChance: rarely(0.000_1, 0.02),
    breakAfterMs: random.chance(0.5) ? [200, 1_000] : [2_000, 6_000],
    windowBytes: random.pick([1_024, 65_536, 1_048_576]),
    cutEveryMs: often(300, 10_000),
    cutForMs: random.chance(0.5) ? [50, 500] : [500, 5_000],
    crashEveryMs: often(500, 20_000),
    powerShare: random.pick([0, 0.5, 1]),
    strikeChance: rarely(0.000_1, 0.01),
    pauseEveryMs: often(500, 20_000),
    syncMs: random.chance(0.5) ? [0.2, 2] : [2, 20],
    slowDiskEveryMs: often(1_000, 20_000),
    syncFailChance: rarely(0.000_1, 0.01),
    diskFullEveryMs: often(2_000, 40_000),
    clockOffMsMax: rarely(1, 500),
    clockDriftMax: rarely(0.000_05, 0.05),
    clockJumpEveryMs: often(1_000, 20_000),
  });
}

/** What users may give: a preset by name, or one with changes. */
export type WeatherChoice = 'calm' | 'stormy' | (Partial<Weather> & { readonly base?: 'calm' | 'stormy' });

export function chooseWeather(choice: WeatherChoice, random: SeededRandom): Weather {
  if (choice === 'calm') return calm;
  if (choice === 'stormy') return stormy(random);
  const { base, ...changes } = choice;
  return Object.freeze({ ...(base === 'stormy' ? stormy(random) : calm), ...changes });
}
