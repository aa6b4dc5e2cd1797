/**
 * A partition: transactions of 2 reads and 3 writes of 100 B over a log that syncs before it answers, alone and with 256
 * callers, on files and on servers; messages between two partitions; and whether the rates hold.
 */
import { oursOnNats, oursOnPostgres } from './engines/ours.ts';
import { hasNats, hasPostgres } from './engines/servers.ts';
import type { Row, Side, Suite } from './harness.ts';
import { bareAppends, bareName } from './partition/bare-log.ts';
import { inMemory, type LogPlace, onFile, onServers } from './partition/grounds.ts';
import { leasing, restarting, restartFacts, timerFacts, timing } from './partition/measurements.ts';
import { messaging, messagesName } from './partition/messages.ts';
import { transacting } from './partition/ours.ts';
import { sqliteGrouped, sqliteName } from './partition/sqlite.ts';
import { holding, steadyFacts } from './partition/steady.ts';
import type { Work } from './partition/workload.ts';
import type { Ratio } from './ratios.ts';

const callers = 256;
const names = {
  one: 'one transaction at a time',
  many: '256 in flight',
  nats: '256 in flight, on JetStream R3',
  postgres: '256 in flight, on PostgreSQL',
  messages: 'messages between two partitions, 256 in flight',
  steady: '256 in flight, over more than ten flushes a run',
  growth: '256 in flight, few keys and many',
  leases: 'claim and release of a lease, 64 in flight',
  timers: '1 M timers pending, 1,000 due a second',
  restart: 'leading again with 1 M keys, in a new process',
} as const;
const [few, million, tenMillion] = ['10 k keys', '1 M keys', '10 M keys'];
const [nats, postgres] = [onServers(oursOnNats(3)), onServers(oursOnPostgres)];

export const suite: Suite = {
  about:
    'Transactions of 2 reads and 3 writes of 100 B at one place. Ours and SQLite are in this process; a transaction of ' +
    'ours is told when a group of them was synced, SQLite has 64 in each commit. JetStream answers before it syncs. ' +
    '`--large` adds ten million keys.',
  rows: ({ quick, large = false }) => [
    oneRow(quick),
    manyRow(quick),
    messagesRow(quick),
    steadyRow(quick),
    growthRow(quick, large),
    leasesRow(quick),
    // Processes take long to start, and the engines' suite starts the servers in a quick run: once is enough.
    ...(quick ? [] : [timersRow(), restartRow()]),
    ...(hasNats && !quick ? [serverRow(names.nats, nats)] : []),
    ...(hasPostgres && !quick ? [serverRow(names.postgres, postgres)] : []),
  ],
  ratios: ratios(),
};

function ratios(): readonly Ratio[] {
  const of = onFile.name;
  const [perSecond, p50Ms] = ['perSecond', 'p50Ms'] as const;
  const steady = { row: names.steady, of };
  const restart = { row: names.restart, of, bar: { atMost: 1_000 }, isOptional: true };
  const onServer = { figure: perSecond, bar: { atLeast: 20_000 }, isOptional: true };
  return [
    { name: 'partition-one-p50-vs-log', row: names.one, of, to: [bareName], figure: p50Ms, bar: { atMost: 1.2 } },
    { name: 'partition-256-per-second', row: names.many, of, figure: perSecond, bar: { atLeast: 60_000 } },
    { name: 'partition-256-vs-sqlite', row: names.many, of, to: [sqliteName], figure: perSecond, bar: { atLeast: 3 } },
    {
      name: 'partition-messages-per-second',
      row: names.messages,
      of: messagesName,
      figure: perSecond,
      bar: { atLeast: 20_000 },
    },
    {
      name: 'partition-slowest-tenth',
      ...steady,
      figure: { fact: steadyFacts.slowest },
      bar: { atLeast: 0.7 },
    },
    { name: 'partition-pause-p999-ms', ...steady, figure: { fact: steadyFacts.pause }, bar: { atMost: 20 } },
    { name: 'partition-1m-cost', row: names.growth, of: few, to: [million], figure: perSecond, bar: { atMost: 2 } },
    { name: 'partition-10m-cost', row: names.growth, of: few, to: [tenMillion], figure: perSecond, bar: { atMost: 2 } },
    {
      name: 'partition-leases-per-second',
      row: names.leases,
      of,
      figure: perSecond,
      bar: { atLeast: 20_000 },
    },
    {
      name: 'partition-timers-late-p99-ms',
      row: names.timers,
      of,
      figure: { fact: timerFacts.late },
      bar: { atMost: 50 },
      isOptional: true,
    },
    { name: 'partition-restart-after-close-ms', ...restart, figure: { fact: restartFacts.close } },
    { name: 'partition-restart-after-kill-ms', ...restart, figure: { fact: restartFacts.kill } },
    { name: 'partition-nats-per-second', row: names.nats, of: nats.name, ...onServer },
    { name: 'partition-postgres-per-second', row: names.postgres, of: postgres.name, ...onServer },
  ];
}

const keysOf = (quick: boolean): number => (quick ? 160 : 160_000);

function oneRow(quick: boolean): Row {
  const work: Work = { callers: 1, transactions: quick ? 4 : 5_000, keys: keysOf(quick) };
  return row(names.one, work, bareName, [transacting(onFile, work), bareAppends(work.transactions)]);
}

function manyRow(quick: boolean): Row {
  const work: Work = { callers, transactions: quick ? 512 : 50_000, keys: keysOf(quick) };
  const sides = [transacting(onFile, work), transacting(inMemory, work), sqliteGrouped(work)];
  return row(names.many, work, onFile.name, sides);
}

function serverRow(name: string, place: LogPlace): Row {
  const work: Work = { callers, transactions: 20_000, keys: keysOf(false) };
  return row(name, work, place.name, [transacting(place, work)]);
}

function leasesRow(quick: boolean): Row {
  const load = { callers: quick ? 8 : 64, pairs: quick ? 64 : 20_000 };
  const sides = [leasing(load)];
  return { name: names.leases, unit: 'pair', operations: load.pairs, reference: onFile.name, sides };
}

function timersRow(): Row {
  const load = { pending: 1_000_000, dueASecond: 1_000, seconds: 5 };
  const operations = load.dueASecond * load.seconds;
  return { name: names.timers, unit: 'timer', operations, reference: onFile.name, sides: [timing(load)] };
}

function restartRow(): Row {
  const sides = [restarting(1_000_000)];
  return { name: names.restart, unit: 'restart', operations: 1, reference: onFile.name, sides };
}

function messagesRow(quick: boolean): Row {
  const load = { callers, entries: quick ? 256 : 20_000, entryBytes: 100 };
  return {
    name: names.messages,
    unit: 'message',
    operations: load.entries,
    reference: messagesName,
    sides: [messaging(load)],
  };
}

function steadyRow(quick: boolean): Row {
  const work: Work = { callers, transactions: quick ? 512 : 110_000, keys: keysOf(quick) };
  return row(names.steady, work, onFile.name, [holding(work)]);
}

function growthRow(quick: boolean, large: boolean): Row {
  const work = { callers, transactions: quick ? 512 : 30_000 };
  const side = (name: string, keys: number): Side => transacting(onFile, { ...work, keys }, name);
  const sides = [side(few, quick ? 160 : 10_000), side(million, quick ? 1_600 : 1_000_000)];
  return row(names.growth, work, few, large ? [...sides, side(tenMillion, 10_000_000)] : sides);
}

const row = (
  name: string,
  { transactions }: Pick<Work, 'transactions'>,
  reference: string,
  sides: readonly Side[],
): Row => {
  return { name, unit: 'transaction', operations: transactions, reference, sides };
};
