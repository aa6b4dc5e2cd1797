/**
 * `lockstep sim`: runs the scenarios that a module exports over many seeds, or one seed of them again. What a test does over
 * twenty seeds is done here over as many as there is time for.
 */
import { writeFile } from 'node:fs/promises';
import { countText } from '../kernel/count-text.ts';
import { LockstepError } from '../kernel/errors.ts';
import { htmlDiagram, svgDiagram } from '../sim/diagram.ts';
import { SimulationFailure } from '../sim/failure.ts';
import type { Scenario } from '../sim/scenario.ts';
import { isSampled, simulate, type SeedResult } from '../sim/simulate.ts';
import type { WeatherChoice } from '../sim/weather.ts';
import { exportsOf } from './app-module.ts';
import { errorText } from './error-text.ts';
import { counted, line, seconds } from './line.ts';
import { jsonText } from './print-json.ts';
import { leftText, Progress } from './progress.ts';

export interface SimArguments {
  readonly file: string;
  /** The name of one export; undefined: all scenarios that there are. */
  readonly name: string | undefined;
  readonly seeds: string | undefined;
  readonly first: string | undefined;
  readonly seed: string | undefined;
  readonly weather: string | undefined;
  readonly twice: boolean;
  readonly diagram: string | undefined;
  readonly json: boolean;
}

const weathers = ['stormy', 'calm'] as const;
const seedsDefault = '100';
const firstDefault = '1';

/** What ran, and what was found, if anything was. */
interface Ran {
  readonly scenario: string;
  readonly seeds: number;
  readonly events: number;
  readonly worldMs: number;
  readonly wallMs: number;
  readonly found: SimulationFailure | null;
  /** The newest events of the last seed, or of the one that found something. */
  readonly trace: SeedResult['events'];
}

/** The exit code: 2 when a scenario found something; those behind it are not run then. */
export async function simulateFile(given: SimArguments): Promise<number> {
  const range = rangeOf(given);
  const weather = weatherOf(given.weather);
  if (given.diagram !== undefined && !/\.(svg|html)$/.test(given.diagram))
    throw new LockstepError('misuse', 'a diagram is FILE.svg or FILE.html', { values: { diagram: given.diagram } });
  const all: Ran[] = [];
  for (const [name, scenario] of await scenariosIn(given.file, given.name)) {
    const ran = await runScenario(name, scenario, { ...given, ...range, weather });
    all.push(ran);
    if (!given.json) console.log(ranText(ran));
    if (ran.found !== null) break;
  }
  const last = all.at(-1);
  if (given.diagram !== undefined && last !== undefined) await draw(given.diagram, last);
  if (given.json) console.log(jsonText(all.map(plainOf)));
  return last?.found === null ? 0 : 2;
}

async function scenariosIn(file: string, name: string | undefined): Promise<[string, Scenario<object>][]> {
  const all = Object.entries(await exportsOf(file)).filter((one): one is [string, Scenario<object>] =>
    isScenario(one[1]),
  );
  const chosen = name === undefined ? all : all.filter(([one]) => one === name);
  if (chosen.length > 0) return chosen;
  throw new LockstepError('misuse', 'the module exports no such scenario', {
    values: { file, scenarios: all.map(([one]) => one).join(', ') },
    advice: ["export const payday = scenario({ app, nodes: 3 }, async (world) => { … }), of 'lockstep/sim'"],
  });
}

/** By its form: the module may have another copy of this package. */
const isScenario = (value: unknown): value is Scenario<object> =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'scenario' && 'run' in value;

interface Range {
  readonly firstSeed: number;
  readonly count: number;
}

function rangeOf({ seeds, first, seed }: SimArguments): Range {
  if (seed !== undefined && (seeds !== undefined || first !== undefined))
    throw new LockstepError('misuse', '--seed is one, --seeds are many');
  if (seed !== undefined) return { firstSeed: wholeOf('seed', seed), count: 1 };
  const count = wholeOf('seeds', seeds ?? seedsDefault);
  if (count > 0) return { firstSeed: wholeOf('first', first ?? firstDefault), count };
  throw new LockstepError('misuse', '--seeds is at least 1');
}

function wholeOf(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new LockstepError('misuse', `--${option} is a whole number`, { values: { [option]: text } });
}

function weatherOf(text: string | undefined): WeatherChoice | undefined {
  if (text === undefined) return undefined;
  const weather = weathers.find((one) => one === text);
  if (weather !== undefined) return weather;
  throw new LockstepError('misuse', `--weather is ${weathers.join(' or ')}`, { values: { weather: text } });
}

interface HowToRun extends Range {
  readonly file: string;
  readonly weather: WeatherChoice | undefined;
  readonly twice: boolean;
}

async function runScenario(name: string, scenario: Scenario<object>, how: HowToRun): Promise<Ran> {
  const { file, firstSeed, count, twice } = how;
  const weather = how.weather ?? scenario.weather ?? 'stormy';
  const begun = performance.now();
  const sum = { seeds: 0, events: 0, worldMs: 0 };
  let events: SeedResult['events'] = [];
  let found: SimulationFailure | null = null;
  using progress = new Progress();
  const onSeed = (seed: SeedResult): void => {
    sum.seeds++;
    sum.events += seed.eventCount;
    sum.worldMs += seed.worldMs;
    events = seed.events;
    const left = leftText(sum.seeds / count, performance.now() - begun);
    progress.tell(name, `${countText(sum.seeds)} of ${counted(count, 'seed')}`, left);
  };
  const command = (seed: number): string =>
    ['lockstep sim', file, name, `--seed ${seed}`, ...(weather === 'calm' ? ['--weather calm'] : [])].join(' ');
  // Each seed by itself, so that what the environment says of seeds has no say here.
  const seeds = (seed: number) => ({ ...scenario, seeds: { only: seed }, weather, command, onSeed });
  try {
    for (let index = 0; index < count; index++)
      await simulate({ ...seeds(firstSeed + index), twice: twice || isSampled(index) }, scenario.run);
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    found = error;
    events = error.events;
  }
  return { scenario: name, ...sum, wallMs: performance.now() - begun, found, trace: events };
}

function ranText({ scenario, seeds, events, worldMs, wallMs, found }: Ran): string {
  const counts = [
    counted(seeds, 'seed'),
    `${countText(events)} events`,
    `${seconds(worldMs)} simulated`,
    seconds(wallMs),
  ];
  if (found === null) return line('nothing', scenario, ...counts);
  const why = found.cause === undefined ? [] : ['', errorText(found.cause)];
  return [line('found', scenario, ...counts), '', found.message, ...why].join('\n');
}

function plainOf({ scenario, seeds, events, worldMs, wallMs, found }: Ran) {
  const ran = { scenario, seeds, events, worldMs, wallMs };
  if (found === null) return { ...ran, found };
  const { verdict, seed, atMs, replay, waits, message } = found;
  return { ...ran, found: { verdict, seed, atMs, replay, waits, message } };
}

async function draw(file: string, { scenario, found, trace }: Ran): Promise<void> {
  const title = found === null ? scenario : `${scenario}, seed ${found.seed}: ${found.verdict}`;
  await writeFile(file, (file.endsWith('.svg') ? svgDiagram : htmlDiagram)(trace, { title }));
}
