/**
 * Parts of Markdown pages that are printed from the code, between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
 * `npm run fix` writes them, tools/generated.test.ts compares, so none can go stale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { commandGroups } from '../src/cli/commands.ts';
import { synopsis } from '../src/cli/help.ts';
import { errorKinds } from '../src/kernel/errors.ts';
import { fileGuarantees } from '../src/log/file.ts';
import { memoryGuarantees } from '../src/log/memory.ts';
import { natsGuarantees } from '../src/log/nats/guarantees.ts';
import type { Guarantees } from '../src/log/port.ts';
import { postgresGuarantees, serverVersionMin, type ServerSettings } from '../src/log/postgres/settings.ts';
import { layers, type Room } from './layers.ts';
import { suites } from './suites.ts';

export interface Printed {
  readonly page: string;
  readonly name: string;
  readonly print: () => string;
}

export const printed: readonly Printed[] = [
  { page: 'CONTRIBUTING.md', name: 'map', print: printMap },
  { page: 'CONTRIBUTING.md', name: 'suites', print: printSuites },
  { page: 'docs/errors.md', name: 'errors', print: printErrors },
  { page: 'docs/engines.md', name: 'engines', print: printEngines },
  { page: 'docs/cli.md', name: 'commands', print: printCommands },
];

/** The page with what the code says between its markers; null where it has none. */
export function withPrinted(text: string, { name, print }: Printed): string | null {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) return null;
  return `${text.slice(0, from)}${begin}\n${print()}\n${text.slice(to)}`;
}

export function writePrinted(): void {
  for (const one of printed) {
    if (!existsSync(one.page)) continue;
    const text = readFileSync(one.page, 'utf8');
    const next = withPrinted(text, one);
    if (next !== null && next !== text) writeFileSync(one.page, next);
  }
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function printMap(): string {
  const cells = ({ name, holds, open }: Room): readonly string[] => [
    `\`${name}\``,
    open ? `\`lockstep/${name}\`` : '',
    holds,
  ];
  const rows = layers.flatMap((row, at) => row.map((room) => [String(at + 1), ...cells(room)]));
  return table(['row', 'room', 'imported as', 'what lives there'], rows);
}

function printSuites(): string {
  const rows = suites.map(({ name, holds, include, budgetSeconds }) => [
    `\`${name}\``,
    include === null ? '' : include.map((glob) => `\`${glob}\``).join(' '),
    String(budgetSeconds),
    holds,
  ]);
  return table(['suite', 'files', 'budget, s', 'what is in it'], rows);
}

function printCommands(): string {
  const rows = commandGroups.flatMap(({ heading, commands }) => [
    [`**${heading}**`, ''],
    ...commands.map((one) => [`\`${synopsis(one)}\``, one.summary]),
  ]);
  return table(['command', 'what it does'], rows);
}

function printErrors(): string {
  const rows = Object.entries(errorKinds).map(([kind, { meaning, happened, retry, advice }]) => [
    `[\`${kind}\`](#${kind})`,
    meaning,
    happened === 'no' ? 'certainly not' : 'unknown',
    retry ? 'yes' : 'no',
    advice,
  ]);
  return table(['kind', 'what it means', 'did it happen?', 'can the same call succeed later?', 'what to do'], rows);
}

/** As Debian installs it. */
const postgresAlone: ServerSettings = {
  versionNumber: serverVersionMin,
  inRecovery: false,
  fsync: 'on',
  fullPageWrites: 'on',
  synchronousCommit: 'on',
  synchronousStandbyNames: '',
  standbys: 0,
};

/** One line an engine. */
const engines: readonly (readonly [string, Guarantees])[] = [
  ['memory', memoryGuarantees],
  ['file', fileGuarantees],
  ['postgres', postgresGuarantees(postgresAlone)],
  ['postgres, a standby waited for', postgresGuarantees({ ...postgresAlone, synchronousStandbyNames: 'standby' })],
  ['postgres, fsync off', postgresGuarantees({ ...postgresAlone, fsync: 'off' })],
  ['nats, 1 replica', natsGuarantees(1)],
  ['nats, 3 replicas', natsGuarantees(3)],
  ['nats, 3 replicas, before 2.10.23', natsGuarantees(3, undefined, '2.9.10')],
];

function printEngines(): string {
  const rows = engines.map(([name, { survives, failoverKeepsAcknowledged, payloadBytesMax, because }]) => [
    `\`${name}\``,
    survives,
    failoverKeepsAcknowledged === null ? 'has none' : failoverKeepsAcknowledged ? 'yes' : 'no',
    grouped(payloadBytesMax),
    because,
  ]);
  const head = [
    'engine',
    'an acknowledgement survives',
    'and a failover of the engine',
    'largest payload, bytes',
    'because',
  ];
  return table(head, rows);
}

const grouped = (count: number): string => String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
