/**
 * `npm run bench -- SUITE [--only ROW] [--json FILE] [--quick] [--large]`: measures bench/SUITE.bench.ts, each row in a process of its
 * own, and prints a table a row, with the machine and how busy it was before and after. Without a name it lists the suites. Judge by the ratios within one
 * run; figures of two runs, or of two machines, are not comparable.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { type Durability, measure, type RowResult, type SideResult, type Suite } from './harness.ts';
import { judge, type Judged, printJudged } from './ratios.ts';

const here = import.meta.dirname;

export function suiteNames(): readonly string[] {
  const files = globSync('*.bench.ts', { cwd: here });
  return files.map((file) => basename(file, '.bench.ts')).toSorted();
}

export async function openSuite(name: string): Promise<Suite> {
  const module = (await import(`./${name}.bench.ts`)) as { readonly suite?: Suite };
  if (module.suite === undefined) throw new Error(`bench/${name}.bench.ts exports no 'suite'`);
  return module.suite;
}

/** What `--json` writes. */
export interface Report {
  readonly suite: string;
  readonly about: string;
  readonly at: string;
  readonly quick: boolean;
  readonly machine: Machine;
  /** Shares of all cores, 0 to 1, that others used while this process was idle. */
  readonly busyBefore: number;
  readonly busyAfter: number;
  readonly contended: boolean;
  /** One a row and side. */
  readonly rows: readonly ReportRow[];
  /** The named numbers that bars quote; null where a side was missing, or no figure of it. */
  readonly ratios: Readonly<Record<string, number | null>>;
  /** The same with their bars. */
  readonly bars: readonly Judged[];
  readonly goals: readonly { readonly name: string; readonly says: string; readonly met: boolean }[];
}

export interface ReportRow {
  readonly suite: string;
  readonly name: string;
  readonly subject: string;
  /** What an operation is. */
  readonly unit: string;
  readonly durability: Durability;
  readonly opsPerSec: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly bytesPerSec: number | null;
  /** How many runs the figures are the median of. */
  readonly medianOf: number;
  /** Operations a second: the slowest run and the fastest. */
  readonly spread: readonly [slowest: number, fastest: number];
  readonly checksum: number;
  readonly facts: Readonly<Record<string, number>>;
}

function reportRows(suite: string, { name, unit, rounds, sides }: RowResult): readonly ReportRow[] {
  return sides.map((side) => ({
    suite,
    name,
    subject: side.name,
    unit,
    durability: side.durability,
    opsPerSec: side.perSecond,
    p50Ms: side.p50Ms,
    p99Ms: side.p99Ms,
    bytesPerSec: side.bytesPerSecond,
    medianOf: rounds,
    spread: [side.perSecondMin, side.perSecondMax],
    checksum: side.checksum,
    facts: side.facts,
  }));
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

function machine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}${distribution()}`,
    node: process.version,
  };
}

function distribution(): string {
  try {
    const name = /^PRETTY_NAME="?(.+?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    return name === undefined ? '' : `, ${name}`;
  } catch {
    return ''; // not a Linux that says so
  }
}

/** What share of all cores is in use while this process waits. */
async function busyShare(ms: number): Promise<number> {
  const read = () =>
    cpus().reduce(
      (sum, { times }) => {
        const all = times.user + times.nice + times.sys + times.idle + times.irq;
        return { idle: sum.idle + times.idle, all: sum.all + all };
      },
      { idle: 0, all: 0 },
    );
  const before = read();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const after = read();
  return after.all === before.all ? 0 : 1 - (after.idle - before.idle) / (after.all - before.all);
}

const contendedShare = 0.15;

interface RunOptions {
  readonly quick: boolean;
  readonly large: boolean;
  /** Rows whose names contain this. */
  readonly only: string;
}

async function runSuite(name: string, { quick, large, only }: RunOptions): Promise<Report> {
  const suite = await openSuite(name);
  const sampleMs = quick ? 20 : 1_000;
  const busyBefore = await busyShare(sampleMs);
  console.log(`${name}: ${suite.about}\n`);
  const results: RowResult[] = [];
  for (const [index, row] of (await suite.rows({ quick, large })).entries()) {
    if (!row.name.includes(only)) continue;
    const result =
      quick || suite.sharesGround === true ? await measure(row, { quick }) : await measureApart(name, index, large);
    console.log(`${printRow(result)}\n`);
    results.push(result);
  }
  const bars = judge(
    (suite.ratios ?? []).filter(({ row }) => row.includes(only)),
    results,
  );
  if (bars.length > 0) console.log(`${bars.map((one) => printJudged(one, quick)).join('\n')}\n`);
  const busyAfter = await busyShare(sampleMs);
  const contended = Math.max(busyBefore, busyAfter) > contendedShare;
  const at = new Date().toISOString();
  const rows = results.flatMap((result) => reportRows(name, result));
  const ratios = Object.fromEntries(bars.map((one) => [one.name, one.value]));
  const goals = results.flatMap((row) => (row.goal === undefined ? [] : [{ name: row.name, ...row.goal }]));
  const busy = { busyBefore, busyAfter, contended };
  return { suite: name, about: suite.about, at, quick, machine: machine(), ...busy, rows, ratios, bars, goals };
}

/**
 * A row in a process of its own: what the rows before it have left (a heap, pages to be written, functions that the
 * compiler has seen with other shapes) would else be part of what is measured. Reading a log back came out at 1.7 M
 * entries a second behind the rows with Redis, and at 2.7 M alone.
 */
async function measureApart(name: string, index: number, large: boolean): Promise<RowResult> {
  const given = [name, '--row', String(index), ...(large ? ['--large'] : [])];
  const child = fork(import.meta.filename, given, { serialization: 'advanced' });
  const results: RowResult[] = [];
  child.on('message', (message) => results.push(message as RowResult));
  const [code] = (await once(child, 'exit')) as [number | null];
  const [result] = results;
  if (code !== 0 || result === undefined) throw new Error(`row ${index} of ${name} ended with ${code ?? 'a signal'}`);
  return result;
}

/** What `measureApart` starts. */
async function measureForParent(name: string, index: number, large: boolean): Promise<void> {
  const row = (await (await openSuite(name)).rows({ quick: false, large }))[index];
  if (row === undefined) throw new Error(`the suite '${name}' has no row ${index}`);
  const result = await measure(row, { quick: false });
  process.send?.(result, () => process.exit()); // servers that were started would keep it
}

export function printRow(row: RowResult): string {
  const columns = columnsOf(row);
  const table = [columns.map(({ head }) => head), ...row.sides.map((side) => columns.map(({ cell }) => cell(side)))];
  const lines = table.map((line) =>
    line.map((cell, at) => {
      const width = Math.max(...table.map((other) => (other[at] ?? '').length));
      return columns[at]?.left === true ? cell.padEnd(width) : cell.padStart(width);
    }),
  );
  const title = `${row.name} (${count(row.operations)} ${row.unit}s a run, ${row.rounds} runs a side, median)`;
  const goal = row.goal === undefined ? [] : [`  goal: ${row.goal.says}: ${row.goal.met ? 'met' : 'MISSED'}`];
  return [title, ...lines.map((line) => `  ${line.join('  ').trimEnd()}`), ...goal].join('\n');
}

interface Column {
  readonly head: string;
  readonly left?: true;
  cell(side: SideResult): string;
}

function columnsOf({ unit, reference, sides }: RowResult): readonly Column[] {
  const has = (known: (side: SideResult) => number | null, column: Column): readonly Column[] =>
    sides.some((side) => known(side) !== null) ? [column] : [];
  const orNone = (value: number | null): string => (value === null ? '' : count(value));
  return [
    { head: '', left: true, cell: ({ name }) => name },
    { head: `${unit}s/s`, cell: ({ perSecond }) => count(perSecond) },
    { head: 'slowest – fastest', cell: (side) => `${count(side.perSecondMin)} – ${count(side.perSecondMax)}` },
    { head: 'µs each', cell: ({ microseconds: us }) => (us >= 100 ? count(us) : us.toPrecision(3)) },
    ...has(({ p50Ms }) => p50Ms, { head: 'p50 ms', cell: ({ p50Ms }) => orNone(p50Ms) }),
    ...has(({ p99Ms }) => p99Ms, { head: 'p99 ms', cell: ({ p99Ms }) => orNone(p99Ms) }),
    ...has((side) => side.bytesPerSecond, {
      head: 'MB/s',
      cell: ({ bytesPerSecond }) => orNone(bytesPerSecond === null ? null : bytesPerSecond / 1_000_000),
    }),
    { head: `× ${reference}`, cell: ({ ratio }) => ratio.toFixed(2) },
    { head: 'survives', left: true, cell: ({ durability }) => durability },
    { head: 'checksum', left: true, cell: ({ checksum }) => String(checksum) },
    { head: '', left: true, cell: ({ facts }) => printFacts(facts) },
  ];
}

const printFacts = (facts: Readonly<Record<string, number>>): string =>
  Object.entries(facts)
    .map(([name, value]) => `${name} ${count(value)}`)
    .join(', ');

function count(value: number): string {
  if (Math.abs(value) < 100 && !Number.isInteger(value)) return String(Number(value.toPrecision(3)));
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      large: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      row: { type: 'string' }, // for this file's own use
    },
  });
  const [name] = positionals;
  if (name === undefined || !suiteNames().includes(name)) {
    console.log(
      `npm run bench -- SUITE [--only ROW] [--json FILE] [--quick] [--large]\nsuites: ${suiteNames().join(', ') || 'none'}`,
    );
    process.exitCode = name === undefined ? 0 : 1;
    return;
  }
  if (values.quick && values.only !== '') throw new Error('a quick run is one of all rows');
  if (values.row !== undefined) {
    await measureForParent(name, Number(values.row), values.large);
    return;
  }
  const report = await runSuite(name, values);
  const { cpu, cores, memoryGiB, system, node } = report.machine;
  console.log(`${cores} × ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}; load ${loadavg()[0]?.toFixed(2)}`);
  const busy = `others used ${percent(report.busyBefore)} of the cores before and ${percent(report.busyAfter)} after`;
  console.log(report.contended ? `CONTENDED: ${busy}; measure again on a quiet machine` : busy);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  const missed = report.goals.some(({ met }) => !met) || report.bars.some(({ met }) => met === false);
  if (missed && !report.quick) process.exitCode = 1;
}

if (import.meta.main) await main();
