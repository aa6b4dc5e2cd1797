/**
 * `npm run sim -- SCENARIO`: runs a scenario of test/sim over many seeds, or one seed again, in its right version or
 * with a bug planted in it. `all` runs every right version. Exit code: 0 nothing found, 1 something found, 2 wrong usage.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { htmlDiagram, svgDiagram } from 'lockstep/sim';
import { catalogue } from '../test/sim/catalogue.ts';
import { runSeeds, type SeedRange } from './sim-pool.ts';
import type { SeedRan } from './sim-seeds.ts';

/** Up to so many seeds all run twice; who runs more looks for what is rare, which nondeterminism is not. */
const twiceCountMax = 200;
const againEveryOfMany = 10;

const usage = `npm run sim -- SCENARIO [options]     SCENARIO is one of these, or \`all\`

  --seeds N        run N seeds (default 100)
  --first N        the first of them (default 1)
  --seed S         run seed S alone
  --bug NAME       plant this bug
  --weather W      calm or stormy (default stormy: each seed draws its own)
  --diagram FILE   write a space-time diagram of what was found, or of --seed, to FILE.svg or FILE.html
  --twice          run every seed a second time and compare: finds what reaches around env (as it is, all of up to
                   ${twiceCountMax} seeds are, and of more every ${againEveryOfMany}th)
  --once           run none a second time
  --threads N      use so many threads (default: one for each core, where there are seeds enough)`;

interface Order {
  readonly scenarios: readonly string[];
  readonly bug: string | null;
  readonly weather: 'calm' | 'stormy';
  readonly range: SeedRange;
  /** Null: as many as there are cores. */
  readonly threads: number | null;
  /** Of so many seeds one is run a second time; 0: none. */
  readonly againEvery: number;
  readonly diagram: string | null;
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
  if (values.once === true && values.twice === true) throw new UsageError('--once and --twice exclude each other');
  const range =
    values.seed === undefined
      ? { first: whole('first', values.first ?? '1'), count: whole('seeds', values.seeds ?? '100') }
      : { first: whole('seed', values.seed), count: 1 };
  const again = values.twice === true || range.count <= twiceCountMax ? 1 : againEveryOfMany;
  return {
    scenarios: scenarios.map((scenario) => scenario.name),
    bug,
    weather,
    range,
    threads: values.threads === undefined ? null : whole('threads', values.threads),
    againEvery: values.once === true ? 0 : again,
    diagram,
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
        twice: { type: 'boolean' },
        threads: { type: 'string' },
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
async function runOne(scenario: string, order: Order): Promise<boolean> {
  const { bug, weather, range, threads, againEvery, diagram } = order;
  const progress = new Progress(scenario, range.count);
  const [startedAt, startedCpu] = [performance.now(), process.cpuUsage()];
  const total: Total = { seedCount: 0, twiceCount: 0, eventCount: 0, performedCount: 0, worldMs: 0 };
  let last: SeedRan | null = null;
  const found = await runSeeds({ scenario, bug, weather, againEvery }, range, threads, (ran) => {
    last = ran;
    add(total, ran);
    progress.seed();
  });
  progress.clear();
  if (found === null) {
    const [wallMs, cpu] = [performance.now() - startedAt, process.cpuUsage(startedCpu)];
    console.log(
      line(`${scenario}${bug === null ? '' : ` with ${bug}`}`, total, wallMs, (cpu.user + cpu.system) / 1_000),
    );
    const { events } = last ?? { events: [] };
    if (diagram !== null && range.count === 1) draw(diagram, `${scenario}, seed ${range.first}`, events);
    return true;
  }
  const before = found.seed - range.first;
  console.log(
    `${scenario}${bug === null ? '' : ` with ${bug} planted`}: found at seed ${found.seed}; ${before} before it had nothing\n`,
  );
  console.log(found.message);
  if (found.causeStack !== null) console.log(`\n${found.causeStack}`);
  if (diagram !== null) draw(diagram, `${scenario}, seed ${found.seed}: ${found.verdict}`, found.events);
  return false;
}

function draw(file: string, title: string, events: SeedRan['events']): void {
  const picture = file.endsWith('.svg') ? svgDiagram : htmlDiagram;
  writeFileSync(file, picture(events, { title }));
  console.log(`\ndiagram of the last events: ${file}`);
}

interface Total {
  seedCount: number;
  /** Seeds that were run a second time. */
  twiceCount: number;
  /** Of seeds that ran twice once. */
  eventCount: number;
  performedCount: number;
  worldMs: number;
}

function add(total: Total, { eventCount, worldMs, isTwice }: SeedRan): void {
  total.seedCount++;
  total.eventCount += eventCount;
  total.performedCount += isTwice ? eventCount * 2 : eventCount;
  total.worldMs += worldMs;
  if (isTwice) total.twiceCount++;
}

function line(name: string, total: Total, wallMs: number, cpuMs: number): string {
  const { seedCount, twiceCount, eventCount, performedCount, worldMs } = total;
  const twice = twiceCount === 0 ? '' : twiceCount === seedCount ? ' twice' : ` (${count(twiceCount)} twice)`;
  return [
    name.padEnd(10),
    `${count(seedCount)} ${seedCount === 1 ? 'seed' : 'seeds'}${twice}`,
    `${count(eventCount)} events`,
    `${count(worldMs / 1_000)} s simulated`,
    `${(wallMs / 1_000).toFixed(1)} s (${(cpuMs / 1_000).toFixed(1)} s of CPU)`,
    `${count(performedCount / (wallMs / 1_000))} events/s`,
  ].join(' · ');
}

const count = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');

/** One line on a terminal that is rewritten; anywhere else a line a minute, so that a long run shows life. */
class Progress {
  readonly #name: string;
  readonly #total: number;
  readonly #startedAt = performance.now();
  #shownAt = this.#startedAt;
  #count = 0;

  constructor(name: string, total: number) {
    this.#name = name;
    this.#total = total;
  }

  seed(): void {
    this.#count++;
    const now = performance.now();
    if (now - this.#shownAt < (process.stderr.isTTY ? 200 : 60_000)) return;
    this.#shownAt = now;
    const leftS = ((now - this.#startedAt) / this.#count / 1_000) * (this.#total - this.#count);
    const text = `${this.#name}: ${count(this.#count)} of ${count(this.#total)} seeds, ${leftS.toFixed(0)} s left`;
    process.stderr.write(process.stderr.isTTY ? `\r${text}\u001b[K` : `${text}\n`);
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
    'npm run sim -- log --seeds 10000',
    'npm run sim -- journal --weather calm --seeds 20',
    'npm run sim -- counter --bug lost-update --diagram lost-update.html',
  ];
  return `${usage}\n\nscenarios, and the bugs that can be planted in them\n${lines.join('\n')}\n\nfor example\n${examples.map((one) => `  ${one}`).join('\n')}`;
}

/** Answers the exit code. */
export async function simCommand(args: readonly string[]): Promise<number> {
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
