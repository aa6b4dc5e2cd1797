/**
 * Our log on JetStream and on PostgreSQL against the same servers used through their own clients. All sides are
 * processes away over the loopback; PostgreSQL syncs before it answers, JetStream does not.
 */
import { lagging } from './engines/lag.ts';
import { grouped, oneAtATime, oursInMemory, oursOnNats, oursOnPostgres } from './engines/ours.ts';
import { rawNats, rawNatsName } from './engines/raw-nats.ts';
import { batches, perRow, perRowName } from './engines/raw-postgres.ts';
import { hasNats, hasPostgres } from './engines/servers.ts';
import type { Row, Suite } from './harness.ts';
import type { Load } from './log/load.ts';
import type { Ratio } from './ratios.ts';

const entryBytes = 400;
const callers = 256;
const rowConnections = 64;

const names = {
  memory: 'no engine: 256 in flight, 400 B',
  nats: 'JetStream: 256 in flight, 400 B',
  postgres: 'PostgreSQL: 400 B; raw with 64 connections, ours with 256 callers',
  natsOne: 'JetStream, one at a time, 400 B',
  postgresOne: 'PostgreSQL, one at a time, 400 B',
  natsLag: 'JetStream: a live reader in another process while 256 callers append 400 B each',
  postgresLag: 'PostgreSQL: a live reader in another process while 256 callers append 400 B each',
} as const;

export const suite: Suite = {
  about:
    'Entries of 400 B on real servers on this machine. Ours groups what comes while an append is under way into one ' +
    'record, as a partition does; raw is a message or a row each. JetStream acknowledges before it syncs (R3: a ' +
    'majority of three has it), PostgreSQL after; compare within a row.',
  rows: ({ quick }) => [
    memoryRow(quick),
    ...(hasNats ? [natsRow(quick), natsOneRow(quick), natsLagRow(quick)] : []),
    ...(hasPostgres ? [postgresRow(quick), postgresOneRow(quick), postgresLagRow(quick)] : []),
  ],
  ratios: [...(hasNats ? natsRatios() : []), ...(hasPostgres ? postgresRatios() : [])],
};

function natsRatios(): readonly Ratio[] {
  const [one, three] = [oursOnNats(1).name, oursOnNats(3).name];
  const bar = { atMost: 1.2 };
  const [lag, lagBar] = ['engines-nats-lag-p99-ms', { atMost: 20 }];
  return [
    {
      name: 'engines-nats-grouped-vs-raw-r3',
      row: names.nats,
      of: three,
      to: [rawNatsName(3)],
      figure: 'perSecond',
      bar: { atLeast: 4 },
    },
    { name: 'engines-nats-r1-one-p50-vs-raw', row: names.natsOne, of: one, to: [rawNatsName(1)], figure: 'p50Ms', bar },
    {
      name: 'engines-nats-r3-one-p50-vs-raw',
      row: names.natsOne,
      of: three,
      to: [rawNatsName(3)],
      figure: 'p50Ms',
      bar,
    },
    { name: lag, row: names.natsLag, of: three, figure: 'p99Ms', bar: lagBar },
  ];
}

function postgresRatios(): readonly Ratio[] {
  const of = oursOnPostgres.name;
  const [many, one] = [[perRowName(rowConnections)], [perRowName(1)]];
  const [grouped, single] = ['engines-postgres-grouped-vs-rows', 'engines-postgres-one-p50-vs-raw'];
  const lag = 'engines-postgres-lag-p99-ms';
  return [
    { name: grouped, row: names.postgres, of, to: many, figure: 'perSecond', bar: { atLeast: 10 } },
    { name: single, row: names.postgresOne, of, to: one, figure: 'p50Ms', bar: { atMost: 1.2 } },
    { name: lag, row: names.postgresLag, of, figure: 'p99Ms', bar: { atMost: 20 } },
  ];
}

/** What our side of the work costs without an engine. */
function memoryRow(quick: boolean): Row {
  const load: Load = { callers, entries: quick ? 512 : 100_000, entryBytes };
  return row(names.memory, load, oursInMemory.name, [grouped(oursInMemory, load)]);
}

function natsRow(quick: boolean): Row {
  const load: Load = { callers, entries: quick ? 512 : 20_000, entryBytes };
  const sides = [rawNats(1, load), rawNats(3, load), grouped(oursOnNats(1), load), grouped(oursOnNats(3), load)];
  return row(names.nats, load, rawNatsName(3), sides);
}

function natsOneRow(quick: boolean): Row {
  const load: Load = { callers: 1, entries: quick ? 4 : 500, entryBytes };
  const raw = [rawNats(1, load), rawNats(3, load)];
  const ours = [oneAtATime(oursOnNats(1), load), oneAtATime(oursOnNats(3), load)];
  return row(names.natsOne, load, rawNatsName(3), [...raw, ...ours]);
}

function postgresRow(quick: boolean): Row {
  const load: Load = { callers, entries: quick ? 512 : 20_000, entryBytes };
  const rows: Load = { ...load, callers: rowConnections };
  const sides = [perRow(rowConnections, rows), batches(256, load), grouped(oursOnPostgres, load)];
  return row(names.postgres, load, perRowName(rowConnections), sides);
}

function postgresOneRow(quick: boolean): Row {
  const load: Load = { callers: 1, entries: quick ? 4 : 500, entryBytes };
  return row(names.postgresOne, load, perRowName(1), [perRow(1, load), oneAtATime(oursOnPostgres, load)]);
}

const lagLoad = (quick: boolean): Load => ({ callers, entries: quick ? 512 : 100_000, entryBytes });

function natsLagRow(quick: boolean): Row {
  const load = lagLoad(quick);
  return row(names.natsLag, load, oursOnNats(3).name, [lagging(oursOnNats(3), load)]);
}

function postgresLagRow(quick: boolean): Row {
  const load = lagLoad(quick);
  return row(names.postgresLag, load, oursOnPostgres.name, [lagging(oursOnPostgres, load)]);
}

const row = (name: string, { entries }: Load, reference: string, sides: Row['sides']): Row => {
  return { name, unit: 'message', operations: entries, reference, sides };
};
