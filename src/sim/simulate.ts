import { LockstepError } from '../kernel/errors.ts';
import { SeededRandom } from '../kernel/random.ts';
import { durationMs, type Duration } from '../kernel/time.ts';
import type { App } from '../machine/app.ts';
import type { AppOptions, AppWorld, NoApp, WorldOf } from './cluster/app-world.ts';
import { Cluster } from './cluster/cluster.ts';
import { drive, type Limits } from './drive.ts';
import { printEvent, SimulationFailure, type FailureFacts } from './failure.ts';
import { Run } from './run.ts';
import { hostTurn, type Turn } from './turn.ts';
import type { TraceEvent } from './trace.ts';
import { chooseWeather, type Weather, type WeatherChoice } from './weather.ts';
import type { World } from './world.ts';

/** What a simulation may be told. Every seed runs in a world of its own. */
export interface SimulateOptions {
  /** How many seeds, or one alone as `{ only }`. Of a number `LOCKSTEP_SEED=n` in the environment makes n alone, and `LOCKSTEP_SEEDS=n` n of them. */
  readonly seeds: number | { readonly only: number };
  /** The first of them. Default 1, so that a test is the same test tomorrow; CI passes a number of its own. */
  readonly firstSeed?: number;
  /** Default `stormy`: each seed draws its own. */
  readonly weather?: WeatherChoice;
  /**
   * Runs each seed twice and compares, which finds what reaches around `env`. Default true; false halves the time. With an
   * app the default is some: the first 20 seeds, and every tenth after them.
   */
  readonly twice?: boolean;
  /** A scenario that goes on for longer than this, in time of the world, fails. Default '1h'. */
  readonly within?: Duration;
  /** The command that a failure tells to run. Default: the seed in the environment, before whatever was run. */
  readonly command?: (seed: number) => string;
  /** Told after each seed. */
  readonly onSeed?: (result: SeedResult) => void;
}

export interface SeedResult {
  readonly seed: number;
  readonly fingerprint: string;
  /** What the seed chose. */
  readonly weather: Weather;
  readonly eventCount: number;
  /** How long the run took in the world. */
  readonly worldMs: number;
  /** The newest events. */
  readonly events: readonly TraceEvent[];
}

export interface SimulationReport {
  readonly seedCount: number;
  /** Of all seeds; a seed that ran twice counts once. */
  readonly eventCount: number;
  readonly worldMs: number;
}

const eventCountMax = 20_000_000;
const traceCountMax = 400;
const comparedCountMax = 2_000_000;

/**
 * Runs the scenario in a world of its own for each seed. One seed chooses the weather and everything that happens in
 * it; what happens is a function of the seed and the code alone.
 *
 * With an `app` the scenario gets the world of its nodes (`AppWorld`); without one it gets the bare `World`.
 *
 * First safety under any fault, then, after `World.heal` or `World.settle`, liveness within a bound.
 * @throws SimulationFailure at the first seed that finds something, with the command that replays it.
 */
export async function simulate<Missing = NoApp>(
  options: SimulateOptions & AppOptions<Missing>,
  scenario: (world: WorldOf<Missing>) => Promise<void>,
): Promise<SimulationReport> {
  const { app, nodes = 1, partitions = 1 } = options;
  if (app === undefined)
    return simulateWorld(options, () => options.twice !== false, scenario as (world: World) => Promise<void>); // `Missing` is `NoApp`
  if (!(Number.isSafeInteger(nodes) && nodes > 0))
    throw new LockstepError('misuse', 'an app runs on at least one node', { values: { nodes } });
  const made = typeof app === 'function' ? app : (): App<unknown> => app;
  const isTwice = (index: number): boolean => options.twice ?? isSampled(index);
  return simulateWorld(options, isTwice, (run) =>
    scenario(new Cluster(run, { app: made, nodes, partitions }) as AppWorld as WorldOf<Missing>),
  );
}

const alwaysTwiceCount = 20;

/** Whether the seed at this place is run twice where some are: what reaches around `env` does so in most seeds. */
export const isSampled = (index: number): boolean => index < alwaysTwiceCount || index % 10 === 0;

async function simulateWorld(
  options: SimulateOptions,
  isTwice: (index: number) => boolean,
  scenario: (world: Run) => Promise<void>,
): Promise<SimulationReport> {
  const seeds = seedsOf(options, environment());
  const turn = hostTurn();
  let eventCount = 0;
  let worldMs = 0;
  for (const [index, seed] of seeds.entries()) {
    const first = await runSeed(seed, options, scenario, turn, traceCountMax);
    if (isTwice(index)) await compare(first, options, scenario, turn);
    eventCount += first.eventCount;
    worldMs += first.worldMs;
    options.onSeed?.(first);
  }
  return { seedCount: seeds.length, eventCount, worldMs };
}

async function runSeed(
  seed: number,
  options: SimulateOptions,
  scenario: (world: Run) => Promise<void>,
  turn: Turn,
  traceMax: number,
): Promise<SeedResult> {
  const weather = chooseWeather(options.weather ?? 'stormy', new SeededRandom(seed).fork('weather'));
  const run = new Run(seed, weather, traceMax);
  const limits: Limits = { worldMsMax: durationMs(options.within ?? '1h'), eventCountMax };
  let [waits, fingerprint]: [readonly string[], string] = [[], ''];
  await drive(run, scenario, turn, limits, () => {
    waits = run.waits();
    fingerprint = run.fingerprint();
  });
  const { timeline, found } = run;
  const facts = {
    seed,
    weather,
    atMs: timeline.nowMs,
    events: timeline.trace.events(),
    eventCount: timeline.performedCount,
  };
  if (found !== null) throw failure({ ...found, ...facts, waits }, options);
  return {
    seed,
    weather,
    fingerprint,
    eventCount: facts.eventCount,
    worldMs: facts.atMs,
    events: facts.events,
  };
}

/** Runs the seed again. When it went another way, both ways are run once more with all events kept, to name the first difference. */
async function compare(
  first: SeedResult,
  options: SimulateOptions,
  scenario: (world: Run) => Promise<void>,
  turn: Turn,
): Promise<void> {
  const { seed } = first;
  const again = await runSeed(seed, options, scenario, turn, traceCountMax).catch((error: unknown) => error);
  if (isResult(again) && again.fingerprint === first.fingerprint) return;
  const full = () =>
    runSeed(seed, options, scenario, turn, comparedCountMax).then(
      ({ events }) => events,
      (error: unknown) => (error instanceof SimulationFailure ? error.events : Promise.reject(error)),
    );
  const [one, other] = [await full(), await full()];
  const at = one.findIndex(
    (event, index) => other[index] === undefined || printEvent(event) !== printEvent(other[index]),
  );
  const what =
    at === -1
      ? 'two runs of one seed sent or wrote different bytes'
      : `two runs of one seed differ, first here:\n  once      ${printEvent(one[at] as TraceEvent).trim()}\n  again     ${other[at] === undefined ? 'nothing' : printEvent(other[at]).trim()}`;
  const advice = `${what}\n  Something reaches around env: a clock, chance, an order that is not fixed, state that outlives the run`;
  throw failure(
    {
      verdict: 'nondeterminism',
      what: advice,
      seed,
      weather: first.weather,
      atMs: at === -1 ? first.worldMs : (one[at] as TraceEvent).atMs,
      events: one.slice(Math.max(0, at - traceCountMax), at === -1 ? undefined : at + 1),
      eventCount: first.eventCount,
      waits: [],
      cause: undefined,
    },
    options,
  );
}

const isResult = (value: unknown): value is SeedResult =>
  typeof value === 'object' && value !== null && 'fingerprint' in value;

const failure = (facts: FailureFacts, { command }: SimulateOptions): SimulationFailure =>
  new SimulationFailure(facts, command?.(facts.seed) ?? `LOCKSTEP_SEED=${facts.seed} npm test`);

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment's say, where there is one: a failing seed must be replayable without a change of code. */
const environment = (): Environment => (globalThis as { process?: { env?: Environment } }).process?.env ?? {}; // tidy: globals: how a test is told its seed

/** @throws LockstepError `misuse` when a number of seeds is not one. */
function seedsOf({ seeds, firstSeed = 1 }: SimulateOptions, environment: Environment): readonly number[] {
  const { LOCKSTEP_SEED: only, LOCKSTEP_SEEDS: many } = environment;
  if (typeof seeds !== 'number') return [whole(seeds.only, 'seeds.only')];
  if (only !== undefined) return [whole(only, 'LOCKSTEP_SEED')];
  const count = many === undefined ? whole(seeds, 'seeds') : whole(many, 'LOCKSTEP_SEEDS');
  return Array.from({ length: count }, (_, index) => firstSeed + index);
}

function whole(value: number | string, name: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new LockstepError('misuse', 'a seed is a whole number', { values: { [name]: value } });
}
