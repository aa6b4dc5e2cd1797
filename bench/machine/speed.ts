/** The rows of machines over a partition: commands, reads, rebuilding, many instances, starting; and what they are held to. */
import { perRow } from '../engines/raw-postgres.ts';
import { hasPostgres } from '../engines/servers.ts';
import type { Row } from '../harness.ts';
import { bareAppends, bareName } from '../partition/bare-log.ts';
import { restartFacts } from '../partition/measurements.ts';
import { steadyFacts } from '../partition/steady.ts';
import type { Ratio } from '../ratios.ts';
import type { Work } from './bank.ts';
import { emmettCommands, emmettName, emmettReads, findEmmett } from './emmett.ts';
import { sqliteInserts } from './inserts.ts';
import { commanding, holdingCommands, oursName, readingStreams, replaying } from './ours.ts';
import { payloadBytesOfCommand } from './payload.ts';
import { restartingNode } from './restart.ts';

const callers = 256;
const names = {
  one: 'one command at a time, with an inline projection',
  many: 'commands, 256 in flight, with an inline projection',
  steady: 'commands, 256 in flight, over more than ten flushes a run',
  read: 'read of a stream of 100 events, 16 in flight',
  replay: 'a fresh projection from all events',
  growth: 'commands, 256 in flight, few instances and many',
  restart: 'leading again with 1 M events, in a new process',
} as const;
const [few, million] = ['10 k instances', '1 M instances'];
/** Of each of two sides: the server as it is installed takes 100. */
const rowConnections = 40;

export async function speedRows({
  quick,
  large,
}: {
  readonly quick: boolean;
  readonly large: boolean;
}): Promise<Row[]> {
  const entryBytes = await payloadBytesOfCommand();
  // A quick run starts no server: the engines' suite does.
  const emmett = quick ? null : await findEmmett();
  return [
    oneRow(quick, entryBytes, emmett),
    manyRow(quick, entryBytes, emmett),
    steadyRow(quick),
    readRow(quick, emmett),
    replayRow(quick),
    // Both load a million first, and the other one is of processes.
    ...(large ? [growthRow()] : []),
    ...(quick ? [] : [restartRow()]),
  ];
}

export const speedRatios: readonly Ratio[] = ratios();

function ratios(): readonly Ratio[] {
  const of = oursName;
  const [perSecond, p50Ms] = ['perSecond', 'p50Ms'] as const;
  const steady = { row: names.steady, of };
  const restart = { row: names.restart, of, bar: { atMost: 1_000 }, isOptional: true };
  return [
    { name: 'machine-one-p50-vs-log', row: names.one, of, to: [bareName], figure: p50Ms, bar: { atMost: 1.5 } },
    { name: 'machine-256-per-second', row: names.many, of, figure: perSecond, bar: { atLeast: 25_000 }, aim: 50_000 },
    {
      name: 'machine-256-vs-emmett',
      row: names.many,
      of,
      to: [emmettName],
      figure: perSecond,
      bar: { atLeast: 10 },
      aim: 20,
    },
    { name: 'machine-slowest-tenth', ...steady, figure: { fact: steadyFacts.slowest }, bar: { atLeast: 0.7 } },
    { name: 'machine-pause-p999-ms', ...steady, figure: { fact: steadyFacts.pause }, bar: { atMost: 20 } },
    {
      name: 'machine-read-100-per-second',
      row: names.read,
      of,
      figure: perSecond,
      bar: { atLeast: 4_000 },
      aim: 8_000,
    },
    {
      name: 'machine-replay-per-second',
      row: names.replay,
      of,
      figure: perSecond,
      bar: { atLeast: 120_000 },
      aim: 250_000,
    },
    {
      name: 'machine-1m-cost',
      row: names.growth,
      of: few,
      to: [million],
      figure: perSecond,
      bar: { atMost: 2 },
      isOptional: true,
    },
    { name: 'machine-restart-after-close-ms', ...restart, figure: { fact: restartFacts.close } },
    { name: 'machine-restart-after-kill-ms', ...restart, figure: { fact: restartFacts.kill } },
  ];
}

type Peer = Awaited<ReturnType<typeof findEmmett>>;

/** A run of a peer that takes many times as long: rates are compared, not counts. */
const fewer = (work: Work): Work => ({ ...work, commands: work.commands / 8 });

function oneRow(quick: boolean, entryBytes: number, emmett: Peer): Row {
  const work: Work = { callers: 1, commands: quick ? 4 : 2_000, accounts: quick ? 10 : 1_000 };
  const { commands } = work;
  const load = { callers: 1, entries: commands, entryBytes };
  const sides = [
    commanding(work),
    bareAppends(commands, entryBytes),
    sqliteInserts(commands, entryBytes, 1),
    ...(hasPostgres && !quick ? [perRow(1, load)] : []),
    ...(emmett === null ? [] : [emmettCommands(emmett, 1, fewer(work))]),
  ];
  return { name: names.one, unit: 'command', operations: commands, reference: bareName, sides };
}

function manyRow(quick: boolean, entryBytes: number, emmett: Peer): Row {
  const work: Work = { callers, commands: quick ? 512 : 30_720, accounts: quick ? 512 : 10_000 };
  const { commands } = work;
  const load = { callers, entries: commands, entryBytes };
  const sides = [
    commanding(work),
    sqliteInserts(commands, entryBytes, 64),
    ...(hasPostgres && !quick ? [perRow(rowConnections, load)] : []),
    ...(emmett === null ? [] : [emmettCommands(emmett, rowConnections, fewer(work))]),
  ];
  return { name: names.many, unit: 'command', operations: commands, reference: oursName, sides };
}

function steadyRow(quick: boolean): Row {
  const work: Work = { callers, commands: quick ? 512 : 110_000, accounts: quick ? 512 : 10_000 };
  const { commands: operations } = work;
  return { name: names.steady, unit: 'command', operations, reference: oursName, sides: [holdingCommands(work)] };
}

function readRow(quick: boolean, emmett: Peer): Row {
  const [streams, reads] = quick ? [2, 4] : [100, 4_000];
  const load = { streams, events: 100, reads, callers: 16 };
  const sides = [
    readingStreams(load),
    ...(emmett === null ? [] : [emmettReads(emmett, { ...load, reads: reads / 8 })]),
  ];
  return { name: names.read, unit: 'read', operations: reads, reference: oursName, sides };
}

function replayRow(quick: boolean): Row {
  const [events, accounts] = quick ? [64, 4] : [200_000, 10_000];
  const sides = [replaying(events, accounts)];
  return { name: names.replay, unit: 'event', operations: events, reference: oursName, sides };
}

function growthRow(): Row {
  const commands = 30_000;
  const sides = [
    commanding({ callers, commands, accounts: 10_000 }, few),
    commanding({ callers, commands, accounts: 1_000_000 }, million),
  ];
  return { name: names.growth, unit: 'command', operations: commands, reference: few, sides };
}

function restartRow(): Row {
  const sides = [restartingNode(1_000_000)];
  return { name: names.restart, unit: 'restart', operations: 1, reference: oursName, sides };
}
