/**
 * `npm run bench -- SUITE [--json FILE] [--quick]`: measures bench/SUITE.bench.ts and prints a table a row, with the
 * machine and how busy it was before and after. Without a name it lists the suites. Judge by the ratios within one
 * run; figures of two runs, or of two machines, are not comparable.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { measure, type RowResult, type SideResult, type Suite } from './harness.ts';

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
  readonly rows: readonly RowResult[];
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

async function runSuite(name: string, quick: boolean): Promise<Report> {
  const suite = await openSuite(name);
  const sampleMs = quick ? 20 : 1_000;
  const busyBefore = await busyShare(sampleMs);
  console.log(`${name}: ${suite.about}\n`);
  const rows: RowResult[] = [];
  for (const row of await suite.rows({ quick })) {
    const result = await measure(row, { quick });
    console.log(`${printRow(result)}\n`);
    rows.push(result);
  }
  const busyAfter = await busyShare(sampleMs);
  const contended = Math.max(busyBefore, busyAfter) > contendedShare;
  const at = new Date().toISOString();
  return { suite: name, about: suite.about, at, quick, machine: machine(), busyBefore, busyAfter, contended, rows };
}

export function printRow(row: RowResult): string {
  const head = ['', `${row.unit}s/s`, 'slowest – fastest', 'µs each', `× ${row.reference}`, 'survives', 'checksum', ''];
  const table = [head, ...row.sides.map(cells)];
  const widths = head.map((_, column) => Math.max(...table.map((line) => (line[column] ?? '').length)));
  const lines = table.map((line) =>
    line.map((cell, at) => (at === 0 || at >= 5 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))),
  );
  const title = `${row.name} (${count(row.operations)} ${row.unit}s a run, ${row.rounds} runs a side, median)`;
  const goal = row.goal === undefined ? [] : [`  goal: ${row.goal.says}: ${row.goal.met ? 'met' : 'MISSED'}`];
  return [title, ...lines.map((line) => `  ${line.join('  ').trimEnd()}`), ...goal].join('\n');
}

function cells(side: SideResult): string[] {
  return [
    side.name,
    count(side.perSecond),
    `${count(side.perSecondMin)} – ${count(side.perSecondMax)}`,
    side.microseconds >= 100 ? count(side.microseconds) : side.microseconds.toPrecision(3),
    side.ratio.toFixed(2),
    side.durability,
    String(side.checksum),
    Object.entries(side.facts)
      .map(([name, value]) => `${name} ${count(value)}`)
      .join(', '),
  ];
}

function count(value: number): string {
  const rounded = value >= 100 || Number.isInteger(value) ? Math.round(value) : Number(value.toPrecision(3));
  return String(rounded).replace(/\B(?=(\d{3})+$)/g, ',');
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } },
  });
  const [name] = positionals;
  if (name === undefined || !suiteNames().includes(name)) {
    console.log(`npm run bench -- SUITE [--json FILE] [--quick]\nsuites: ${suiteNames().join(', ') || 'none'}`);
    process.exitCode = name === undefined ? 0 : 1;
    return;
  }
  const report = await runSuite(name, values.quick);
  const { cpu, cores, memoryGiB, system, node } = report.machine;
  console.log(`${cores} × ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}; load ${loadavg()[0]?.toFixed(2)}`);
  const busy = `others used ${percent(report.busyBefore)} of the cores before and ${percent(report.busyAfter)} after`;
  console.log(report.contended ? `CONTENDED: ${busy}; measure again on a quiet machine` : busy);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (report.rows.some((row) => row.goal?.met === false)) process.exitCode = 1;
}

if (import.meta.main) await main();
