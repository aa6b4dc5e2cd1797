/**
 * `npm run tour`: a tour of what there is so far. A small cluster runs through a storm that a seed chooses, faults and
 * verdict are shown; then a bug is planted, found, and shown again from its seed; then real processes append to a log
 * and are killed; then three contend for serving a counter, and whoever leads is killed.
 *
 *     npm run tour                          the tour
 *     npm run tour -- --seed 7              with another storm
 *     npm run tour -- --bug --seed 7        the planted bug in the storm of seed 7 alone
 */
import { parseArgs, styleText } from 'node:util';
import { simulate, SimulationFailure, textDiagram, type SeedResult, type TraceEvent } from 'lockstep/sim';
import { replicate } from './replicate.ts';
import { survive } from './survive.ts';
import { cluster, kindWeather, roughWeather } from './scenario.ts';

const width = 80;
const color = process.stdout.isTTY && process.stdout.hasColors();
const heading = (text: string): void => console.log(`\n${styleText(['bold'], text)}\n`);
const indent = (text: string): string => text.replace(/^(?=.)/gm, '   ');
const say = (text: string): void => console.log(indent(text));

async function storm(number: number): Promise<void> {
  heading('1  Three echo servers and two clients, half a second of storm');
  say(
    [
      'The services are ordinary async functions (examples/tour/echo.ts). Machines,',
      'network, disks and clocks are simulated, and every fault comes from one seed:',
      `here ${number}. \`npm run tour -- --seed ${number + 1}\` is another storm.`,
    ].join('\n'),
  );
  const startedAt = performance.now();
  const runs: SeedResult[] = [];
  const options = { seeds: { only: number }, weather: roughWeather, onSeed: (run: SeedResult) => void runs.push(run) };
  const { eventCount, worldMs } = await simulate(options, (world) => cluster(world, 'right'));
  const wallMs = performance.now() - startedAt;
  const { events, fingerprint } = runs[0] as SeedResult;

  console.log('');
  say('What the weather did:\n');
  for (const line of faultLines(events)) say(`  ${line}`);
  console.log('');
  say('The events around one of these faults, time running down:\n');
  console.log(indent(textDiagram(aroundAFault(events), { width: width - 3, color })));
  say(`${styleText(['bold', 'green'], 'Nothing found.')} Every question was answered, and answered right.`);
  say(
    [
      `${eventCount} events, ${(worldMs / 1_000).toFixed(2)} s in the simulated world, ${wallMs.toFixed(0)} ms on this machine. The seed`,
      `was run twice and went the same way to the last bit: fingerprint ${fingerprint.slice(0, 8)}…`,
    ].join('\n'),
  );
}

async function hunt(seeds: number | { readonly only: number }): Promise<void> {
  heading('2  The same cluster with a bug: clients that never ask twice');
  say('The weather is kind now, but for one frame in 1,000 that is lost.\n');
  let passed = 0;
  const startedAt = performance.now();
  const options = {
    seeds,
    weather: kindWeather,
    onSeed: () => void passed++,
    command: (number: number) => `npm run tour -- --bug --seed ${number}`,
  };
  try {
    await simulate(options, (world) => cluster(world, 'without retry'));
    say(`Nothing found in ${passed === 1 ? 'this storm' : `${passed} storms`}: the weather was too kind.`);
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    const before = typeof seeds === 'number' ? `, after ${passed} that showed nothing` : '';
    const wallMs = performance.now() - startedAt;
    say(`${styleText(['bold', 'red'], 'Found')} with seed ${error.seed}${before}, in ${wallMs.toFixed(0)} ms:\n`);
    const [what = '', where = '', replay = ''] = error.message.split('\n');
    say([what, where, styleText(['bold'], replay)].join('\n'));
    console.log('');
    say('The events around the loss, time running down:\n');
    console.log(indent(textDiagram(aroundAFault(error.events), { width: width - 3, color })));
    say(`The command above shows this failure again, event by event, on any machine.`);
  }
}

async function killWriters(): Promise<void> {
  heading('3  A log in a directory, and kill -9');
  say('A real process appends lines to a log and is killed in the middle, three\ntimes.\n');
  const { kills, acknowledged, missing, unsaid, epochs } = await survive(3, 200);
  say(`${acknowledged} lines were acknowledged, each after its sync, by ${kills} writers in turn.`);
  const verdict =
    missing === 0 ? styleText(['bold', 'green'], 'All are there') : styleText(['bold', 'red'], `${missing} are lost`);
  const beside = unsaid === 0 ? '' : `, and ${unsaid} whose writer was killed before it could say so`;
  say(`${verdict}${beside}.`);
  say(`Each writer led in an epoch of its own: ${epochs}.`);
  if (missing > 0) process.exitCode = 1;
}

async function killLeaders(): Promise<void> {
  heading('4  A counter that three processes serve, and kill -9 again');
  say(
    'Each increment has an id, and is a transaction. Whoever leads is killed in\nthe middle, twice; clients then ask whoever leads, with the same id.\n',
  );
  const { reigns, acknowledged, unanswered, doneBefore, count } = await replicate(75);
  for (const [index, { name, first, last }] of reigns.entries()) {
    const range = `${String(first).padStart(4)} to ${String(last).padStart(3)}`;
    say(`  ${name}  led, and counted from ${range}${index < reigns.length - 1 ? '   kill -9' : ''}`);
  }
  console.log('');
  say(`${acknowledged} increments were acknowledged. ${unanswered} attempts got no answer and were made`);
  say(`again with the same id; ${doneBefore} of these had been done already.`);
  const verdict =
    count === acknowledged
      ? styleText(['bold', 'green'], `The counter says ${count}: nothing lost, nothing done twice`)
      : styleText(['bold', 'red'], `The counter says ${count}`);
  say(`${verdict}.`);
  say(
    [
      'The log is in files, which one process has at a time: the others stand in',
      'line. Over PostgreSQL or NATS they would follow meanwhile, and answer reads.',
    ].join('\n'),
  );
  if (count !== acknowledged) process.exitCode = 1;
}

function whatNext(): void {
  heading('5  What next');
  say(
    [
      'So far there are the simulator, the ports that services are written against,',
      'clocks, metrics, logs, storage, and partitions with timers, leases and',
      'channels. State machines will stand on them.',
      '',
      'npm run sim                a list of scenarios to run over thousands of seeds',
      'npm run sim -- counter --bug lost-update --diagram lost-update.html',
      'npm run chaos -- partition --over file --minutes 1',
      'npm test                   everything, the simulator included',
      '',
      'docs/sim.md                how to put a service of your own into it',
      'docs/log.md                the log, and what it promises',
      'docs/partition.md          partitions: transactions, reads, changes',
      'examples/tour/             what you have just seen, to read and to change',
    ].join('\n'),
  );
  console.log('');
}

const faults: ReadonlySet<string> = new Set([
  'lost',
  'crash',
  'pause',
  'resume',
  'cut',
  'mend',
  'fault',
  'clock',
  'note',
]);

/** What is not as usual, a line each; links that are cut or mended at one moment share a line. */
function faultLines(events: readonly TraceEvent[]): readonly string[] {
  const together = Map.groupBy(
    events.filter(({ kind }) => faults.has(kind)),
    ({ kind, atMs, sequence }) => (kind === 'cut' || kind === 'mend' ? `${kind} ${atMs}` : String(sequence)),
  );
  return [...together.values()].map((group) => {
    const [{ atMs, kind, node, text }] = group as [TraceEvent];
    const what = kind === 'cut' || kind === 'mend' ? linksOf(group) : `${node.padEnd(6)} ${text}`;
    return `${(atMs / 1_000).toFixed(3)} s   ${what}`;
  });
}

/** One link, or all of one machine's, or just how many. */
function linksOf(group: readonly TraceEvent[]): string {
  const cut = group[0]?.kind === 'cut';
  const links = group.map(({ node, peer }) => [node, peer ?? ''] as const);
  const [from, to] = links[0] as readonly [string, string];
  if (links.length === 1) return `${from.padEnd(6)} ${cut ? `no longer reaches ${to}` : `reaches ${to} again`}`;
  const names = [...new Set(links.flat())].toSorted();
  const one = names.find((name) => links.every((link) => link.includes(name)));
  if (one === undefined) return `${'world'.padEnd(6)} ${links.length} links ${cut ? 'cut' : 'whole again'}`;
  const others = names.filter((name) => name !== one).join(', ');
  return `${one.padEnd(6)} ${cut ? `cut off from ${others}` : `together with ${others} again`}`;
}

/** A few events before and after the first lost frame, or the first crash, or just the last ones; without the cuts. */
function aroundAFault(all: readonly TraceEvent[]): readonly TraceEvent[] {
  const events = all.filter(({ kind }) => kind !== 'cut' && kind !== 'mend');
  const places = ['lost', 'crash', 'note'].map((kind) => events.findIndex((event) => event.kind === kind));
  const at = places.find((place) => place !== -1) ?? events.length;
  const from = Math.max(0, at - 10);
  return events.slice(from, from + 20);
}

function readSeed(): { readonly number: number; readonly bug: boolean } | null {
  try {
    const { values } = parseArgs({ options: { seed: { type: 'string' }, bug: { type: 'boolean' } } });
    const { seed: text = '12', bug = false } = values;
    return /^\d{1,15}$/.test(text) ? { number: Number(text), bug } : null;
  } catch {
    return null; // an option that there is not
  }
}

process.once('SIGINT', () => process.exit(130)); // what was started and made goes with this process
const seed = readSeed();
if (seed === null) {
  console.error('npm run tour [-- --seed N] [-- --bug --seed N]     N is a whole number');
  process.exitCode = 2;
} else if (seed.bug) {
  await hunt({ only: seed.number });
} else {
  await storm(seed.number);
  await hunt(500);
  await killWriters();
  await killLeaders();
  whatNext();
}
