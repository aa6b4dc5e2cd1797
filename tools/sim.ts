/**
 * `npm run sim -- SCENARIO`: runs a scenario of test/sim over many seeds, or one seed again, in its right version or
 * with a bug planted in it. `all` runs every right version. Exit code: 0 nothing found, 1 something found, 2 wrong usage.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { htmlDiagram, simulate, SimulationFailure, svgDiagram, type SeedResult } from 'lockstep/sim';
import { catalogue } from '../test/sim/catalogue.ts';
import type { Scenario } from '../test/sim/scenario.ts';

const usage = `npm run sim -- SCENARIO [options]     SCENARIO is one of these, or \`all\`

  --seeds N        run N seeds (default 100)
  --first N        the first of them (default 1)
  --seed S         run seed S alone
  --bug NAME       plant this bug
  --weather W      calm or stormy (default stormy: each seed draws its own)
  --diagram FILE   write a space-time diagram of what was found, or of --seed, to FILE.svg or FILE.html
  --once           run each seed once: twice as fast, and finds no nondeterminism`;

interface Order {
  readonly scenarios: readonly Scenario[];
  readonly bug: string | null;
  readonly weather: 'calm' | 'stormy';
  readonly seeds: number | { readonly only: number };
  readonly firstSeed: number;
  readonly diagram: string | null;
  readonly twice: boolean;
}

class UsageError extends Error {}

function readOrder(args: readonly string[]): Order | 'nothing asked' {
  const { values, positionals } = parseWords(args);
  const [name, ...rest] = positionals;
  if (name === undefined) {
    if (args.length > 0) throw new UsageError('which scenario?');
    return 'nothing asked';
  }
  if (rest.length > 0) throw new UsageError(`one scenario at a time, or \`all\`: what is ${rest.join(' ')}?`);
  const scenarios = name === 'all' ? catalogue : catalogue.filter((scenario) => scenario.name === name);
  if (scenarios.length === 0) throw new UsageError(`there is no scenario '${name}'`);
  const { bug = null, weather = 'stormy', diagram = null } = values;
  if (bug !== null && !scenarios.every(({ bugs }) => bugs.includes(bug)))
    throw new UsageError(`'${bug}' cannot be planted in ${name}`);
  if (weather !== 'calm' && weather !== 'stormy') throw new UsageError(`weather is calm or stormy, not '${weather}'`);
  if (diagram !== null && !/\.(svg|html)$/.test(diagram)) throw new UsageError('a diagram is FILE.svg or FILE.html');
  if (values.seed !== undefined && values.seeds !== undefined) throw new UsageError('--seed is one, --seeds are many');
  const seeds =
    values.seed === undefined ? whole('seeds', values.seeds ?? '100') : { only: whole('seed', values.seed) };
  return {
    scenarios,
    bug,
    weather,
    seeds,
    firstSeed: whole('first', values.first ?? '1'),
    diagram,
    twice: values.once !== true,
  };
}

function parseWords(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seeds: { type: 'string' },
        first: { type: 'string' },
        seed: { type: 'string' },
        bug: { type: 'string' },
        weather: { type: 'string' },
        diagram: { type: 'string' },
        once: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function whole(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--${option} is a whole number, not '${text}'`);
}

/** Whether nothing was found. */
async function runOne(scenario: Scenario, order: Order): Promise<boolean> {
  const { name } = scenario;
  const { bug, weather, seeds, firstSeed, twice, diagram } = order;
  const planted = bug === null ? '' : ` --bug ${bug}`;
  const weatherWords = weather === 'stormy' ? '' : ` --weather ${weather}`;
  const command = (seed: number): string => `npm run sim -- ${name} --seed ${seed}${planted}${weatherWords}`;
  const progress = new Progress(name, typeof seeds === 'number' ? seeds : 1);
  const startedAt = performance.now();
  let last: SeedResult | null = null;
  const onSeed = (result: SeedResult): void => {
    last = result;
    progress.seed();
  };
  try {
    const report = await simulate({ seeds, firstSeed, weather, twice, command, onSeed }, (world) =>
      scenario.run(world, bug),
    );
    progress.clear();
    console.log(line(`${name}${bug === null ? '' : ` with ${bug}`}`, report, performance.now() - startedAt, twice));
    const { events } = last ?? { events: [] };
    if (diagram !== null && typeof seeds !== 'number') draw(diagram, `${name}, seed ${seeds.only}`, events);
    return true;
  } catch (error) {
    progress.clear();
    if (!(error instanceof SimulationFailure)) throw error;
    console.log(
      `${name}${bug === null ? '' : ` with ${bug} planted`}: found at seed ${error.seed}; ${progress.count} before it had nothing\n`,
    );
    console.log(error.message);
    if (error.cause instanceof Error && error.cause.stack !== undefined) console.log(`\n${error.cause.stack}`);
    if (diagram !== null) draw(diagram, `${name}, seed ${error.seed}: ${error.verdict}`, error.events);
    return false;
  }
}

function draw(file: string, title: string, events: SeedResult['events']): void {
  const picture = file.endsWith('.svg') ? svgDiagram : htmlDiagram;
  writeFileSync(file, picture(events, { title }));
  console.log(`\ndiagram of the last events: ${file}`);
}

interface Ran {
  readonly seedCount: number;
  readonly eventCount: number;
  readonly worldMs: number;
}

function line(name: string, { seedCount, eventCount, worldMs }: Ran, wallMs: number, twice: boolean): string {
  const performed = twice ? eventCount * 2 : eventCount;
  return [
    name.padEnd(10),
    `${count(seedCount)} ${seedCount === 1 ? 'seed' : 'seeds'}${twice ? ' twice' : ''}`,
    `${count(eventCount)} events`,
    `${count(worldMs / 1_000)} s simulated`,
    `${(wallMs / 1_000).toFixed(1)} s`,
    `${count(performed / (wallMs / 1_000))} events/s`,
  ].join(' · ');
}

const count = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');

/** One line on a terminal that is rewritten; nothing anywhere else. */
class Progress {
  readonly #name: string;
  readonly #total: number;
  readonly #startedAt = performance.now();
  #shownAt = this.#startedAt;
  count = 0;

  constructor(name: string, total: number) {
    this.#name = name;
    this.#total = total;
  }

  seed(): void {
    this.count++;
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.#shownAt < 200) return;
    this.#shownAt = now;
    const leftS = ((now - this.#startedAt) / this.count / 1_000) * (this.#total - this.count);
    process.stderr.write(
      `\r${this.#name}: ${count(this.count)} of ${count(this.#total)} seeds, ${leftS.toFixed(0)} s left\u001b[K`,
    );
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  }
}

function list(): string {
  const lines = catalogue.flatMap(({ name, about, bugs }) => [
    `  ${name.padEnd(16)} ${about}`,
    ...bugs.map((bug) => `${''.padEnd(20)} --bug ${bug}`),
  ]);
  const examples = [
    'npm run sim -- all --seeds 1000',
    'npm run sim -- journal --weather calm --seeds 20',
    'npm run sim -- counter --bug lost-update --diagram lost-update.html',
  ];
  return `${usage}\n\nscenarios, and the bugs that can be planted in them\n${lines.join('\n')}\n\nfor example\n${examples.map((one) => `  ${one}`).join('\n')}`;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const order = readOrder(args);
    if (order === 'nothing asked') {
      console.log(list());
      return 0;
    }
    let found = false;
    for (const scenario of order.scenarios) found = !(await runOne(scenario, order)) || found;
    return found ? 1 : 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${list()}`);
    return 2;
  }
}

// The arguments say which seeds; what a shell still holds from a failed test must not.
delete process.env['LOCKSTEP_SEED'];
delete process.env['LOCKSTEP_SEEDS'];
process.exitCode = await main(process.argv.slice(2));
