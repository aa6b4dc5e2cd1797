/**
 * The log against the raw disk and Redis Streams: fsync before every acknowledgement on all sides. Callers that come
 * at once are gathered into one record, as a partition does it; what is counted are their entries.
 */
import { fileEngine } from '../src/log/file.ts';
import { memoryEngine } from '../src/log/memory.ts';
import type { Row, Side, Suite } from './harness.ts';
import { journal } from './log/journal-subject.ts';
import type { Load } from './log/load.ts';
import { logSubject } from './log/log-subject.ts';
import { rawDisk, rawName } from './log/raw-disk.ts';
import { redisName, redisSides } from './log/redis-streams.ts';
import { appending, growingName, MemoryMeter, opening, readingBack, type Reopened, type Subject } from './log/sides.ts';
import type { Ratio } from './ratios.ts';

const [KiB, MiB] = [1_024, 1_024 * 1_024];
const ours = logSubject('file log', 'machine', (host) => fileEngine(host, 'logs'));
const subjects: readonly Reopened[] = [ours, journal];
/** What the log costs without a disk. */
const inMemory = logSubject('log in memory', 'none', (host) => memoryEngine(host, { bytesMax: 1_024 * MiB }));
const smallBytes = 256;
const largeBytes = 4 * KiB;
const callers = 256;
/** The callers' connections. Redis reads 16 KiB of one at a time and syncs once a turn: with 2 to 4 it answers most on 2 cores. */
const connectionCounts = [1, 2, 4];

const names = {
  one: 'one appender, entries of 256 B, one at a time',
  small: '256 in flight, entries of 256 B',
  large: '256 in flight, entries of 4 KiB',
  read: 'reading back, entries of 256 B, written by groups of 256',
  open: 'opening a log of 1 GiB, groups of 256 entries of 256 B',
  memory: '256 in flight, 12 M entries of 256 B in all: what the process grows by',
} as const;

export const suite: Suite = {
  about:
    'Appends that are on the disk when they are acknowledged. The log runs in this process; Redis is a process of its ' +
    'own behind the loopback, which costs it a round trip that matters one at a time and little with 256 in flight. A ' +
    'log in use is trimmed, as checkpoints do it, and writes over the files that it let go of; one that was never ' +
    'trimmed has a row of its own.',
  rows: ({ quick }) => [
    oneRow(quick),
    smallRow(quick),
    largeRow(quick),
    readRow(quick),
    openRow(quick),
    memoryRow(quick),
  ],
  ratios: ratios(),
};

function ratios(): readonly Ratio[] {
  const of = ours.name;
  const redis = connectionCounts.map(redisName);
  return [
    {
      name: 'log-one-p50-vs-raw',
      row: names.one,
      of: growingName(of),
      to: [rawName('growing', 4 * KiB)],
      figure: 'p50Ms',
      bar: { atMost: 1 },
    },
    { name: 'log-256-vs-redis', row: names.small, of, to: redis, figure: 'perSecond', bar: { atLeast: 4 }, aim: 6 },
    {
      name: 'log-4k-vs-raw',
      row: names.large,
      of,
      to: [rawName('growing', MiB)],
      figure: 'bytesPerSecond',
      bar: { atLeast: 1 },
    },
    { name: 'log-read-per-second', row: names.read, of, figure: 'perSecond', bar: { atLeast: 2_000_000 } },
    { name: 'log-open-1gib-ms', row: names.open, of, figure: 'p50Ms', bar: { atMost: 1_000 } },
    { name: 'log-memory-growth-mib', row: names.memory, of, figure: { fact: 'grown MiB' }, bar: { atMost: 32 } },
  ];
}

function oneRow(quick: boolean): Row {
  const load: Load = { callers: 1, entries: quick ? 4 : 1_000, entryBytes: smallBytes };
  const raw = (['growing', 'growing, blocking', 'preallocated'] as const).map((manner) => rawDisk(manner, 4 * KiB));
  const sides = [...appendings(subjects, load, quick), ...raw, ...redisSides(load, [1])];
  return row(names.one, load, rawName('growing', 4 * KiB), sides);
}

function smallRow(quick: boolean): Row {
  const load: Load = { callers, entries: quick ? 512 : 100_000, entryBytes: smallBytes };
  const own = appendings([...subjects, inMemory], load, quick);
  const sides = [...own, ...redisSides(load, connectionCounts)];
  return row(names.small, load, ours.name, sides);
}

function largeRow(quick: boolean): Row {
  const load: Load = { callers, entries: quick ? 512 : 32_768, entryBytes: largeBytes };
  const manners = ['growing', 'growing, blocking', 'preallocated'] as const;
  const raw = manners.map((manner) => rawDisk(manner, MiB, largeBytes));
  return row(names.large, load, rawName('growing', MiB), [...appendings(subjects, load, quick), ...raw]);
}

function readRow(quick: boolean): Row {
  const load: Load = { callers, entries: quick ? 512 : 1_000_000, entryBytes: smallBytes };
  return row(
    names.read,
    load,
    ours.name,
    [...subjects, inMemory].map((subject) => readingBack(subject, load)),
  );
}

function openRow(quick: boolean): Row {
  const load: Load = { callers, entries: quick ? 512 : (1_024 * MiB) / smallBytes, entryBytes: smallBytes };
  const sides = subjects.map((subject) => opening(subject, load));
  return { name: names.open, unit: 'opening', operations: 1, reference: ours.name, sides };
}

function memoryRow(quick: boolean): Row {
  const load: Load = { callers, entries: quick ? 512 : 2_000_000, entryBytes: smallBytes };
  return row(names.memory, load, ours.name, [
    appending(ours, load, { age: 'in-use', quick, memory: new MemoryMeter() }),
  ]);
}

/** Each in use; and ours as it is at the beginning, while nothing was ever trimmed. */
const appendings = (subjects: readonly Subject[], load: Load, quick: boolean): readonly Side[] => [
  ...subjects.map((subject) => appending(subject, load, { age: 'in-use', quick })),
  appending(ours, load, { age: 'growing', quick }),
];

const row = (name: string, { entries }: Load, reference: string, sides: Row['sides']): Row => {
  return { name, unit: 'record', operations: entries, reference, sides };
};
