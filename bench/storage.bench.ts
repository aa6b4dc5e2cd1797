/**
 * The storage tree against the stores that an engineer of Node would pick. Keys of 16 bytes, values of 100 that differ
 * at every update, the same durability on both sides of a row, each side in a process of its own and, but for loads,
 * opened anew over keys that another process loaded.
 */
import type { Row, Suite } from './harness.ts';
import type { Ratio } from './ratios.ts';
import type { Mix, RunKind } from './storage/runs.ts';
import { Grounds } from './storage/sides.ts';
import type { StoreDurability } from './storage/store.ts';
import type { StoreName } from './storage/worker.ts';

const ours = 'tree';
const sqliteNormal = 'SQLite NORMAL';
const sqliteFull = 'SQLite FULL';
const peers = ['classic-level', 'lmdb', sqliteNormal, 'rocksdb-native'];
const durablePeers = ['classic-level', 'lmdb', sqliteFull];
const storeOf = (name: string): StoreName => (name.startsWith('SQLite') ? 'sqlite' : (name as StoreName));

const mixes: Readonly<Record<Mix, string>> = {
  a: 'half reads, half updates, zipfian',
  b: '95 % reads, 5 % updates, zipfian',
  c: 'reads, zipfian',
  d: '95 % reads of the latest, 5 % inserts',
  e: '95 % scans of 1 to 100, 5 % inserts',
  f: 'half reads, half read-modify-writes, zipfian',
};
const mixName = (mix: Mix): string => `YCSB ${mix.toUpperCase()}: ${mixes[mix]}; 64 in flight, no sync`;

const names = {
  load: 'load in batches of 1,000, random order, no sync',
  read: 'random point read',
  scan: 'scan of 100',
  many: 'durable put, 64 in flight',
  one: 'durable put, one at a time',
  loadLarge: 'load, one million and ten million keys',
  readLarge: 'random point read among one million and ten million keys',
} as const;

const [one, ten] = ['tree, 1 M keys', 'tree, 10 M keys'];

export const suite: Suite = {
  about:
    'An in-process store on both sides. LevelDB, LMDB, RocksDB and SQLite are native and mature; writes of many callers ' +
    'are gathered for those that do not gather by themselves. `--large` adds ten million keys.',
  sharesGround: true,
  rows: ({ quick, large = false }) => rowsOf(quick, large),
  ratios: ratios(),
};

function rowsOf(quick: boolean, large: boolean): readonly Row[] {
  const grounds = new Grounds(quick);
  const million = quick ? 2_000 : 1_000_000;
  const row = (name: string, unit: string, kind: RunKind, operations: number, changes: RowChanges = {}): Row => {
    const { durability = 'process', inFlight = 1, subjects = [ours, ...peers], ...more } = changes;
    const options = {
      durability,
      kind,
      inFlight,
      keys: million,
      operations: quick ? Math.min(operations, 200) : operations,
    };
    const side = (subject: string) => grounds.side(subject, { ...options, store: storeOf(subject) });
    return { name, unit, operations: options.operations, reference: ours, sides: subjects.map(side), ...more };
  };
  const mixed = (mix: Mix, operations: number): Row =>
    row(mixName(mix), 'operation', `ycsb-${mix}`, operations, { inFlight: 64 });
  const durable = { durability: 'machine', subjects: [ours, ...durablePeers] } as const;
  const rows = [
    { ...row(names.load, 'entry', 'load', 1_000_000), operations: million },
    row(names.read, 'read', 'read', 300_000, { inFlight: 64 }),
    row(names.scan, 'scan', 'scan', 10_000, { checksums: 'equal' }),
    row(names.many, 'put', 'put', 50_000, { ...durable, inFlight: 64 }),
    row(names.one, 'put', 'put', 2_000, durable),
    mixed('a', 200_000),
    mixed('b', 200_000),
    mixed('c', 200_000),
    mixed('d', 200_000),
    mixed('e', 10_000),
    mixed('f', 200_000),
  ];
  return large ? [...rows, ...largeRows(grounds, million)] : rows;
}

interface RowChanges {
  readonly durability?: StoreDurability;
  readonly inFlight?: number;
  readonly subjects?: readonly string[];
  readonly checksums?: 'equal';
}

function largeRows(grounds: Grounds, million: number): readonly Row[] {
  const options = { store: 'tree', durability: 'process', inFlight: 1 } as const;
  const sides = (kind: RunKind, operations: number) =>
    (
      [
        [one, million],
        [ten, 10 * million],
      ] as const
    ).map(([name, keys]) => grounds.side(name, { ...options, kind, keys, operations }));
  return [
    { name: names.loadLarge, unit: 'entry', operations: million, reference: one, sides: sides('load', million) },
    { name: names.readLarge, unit: 'read', operations: 300_000, reference: one, sides: sides('read', 300_000) },
  ];
}

function ratios(): readonly Ratio[] {
  const best = { of: ours, figure: 'perSecond' } as const;
  const fact = (row: string, name: string) => ({ of: ours, row, figure: { fact: name } }) as const;
  const mixed = (mix: Mix, bar: number, aim: number): Ratio => ({
    ...best,
    name: `storage-ycsb-${mix}`,
    row: mixName(mix),
    to: peers,
    bar: { atLeast: bar },
    aim,
  });
  return [
    { ...best, name: 'storage-load', row: names.load, to: peers, bar: { atLeast: 1 }, aim: 1.3 },
    { ...best, name: 'storage-read', row: names.read, to: peers, bar: { atLeast: 0.8 }, aim: 1 },
    mixed('a', 2, 3),
    { ...best, name: 'storage-scan-100', row: names.scan, to: peers, bar: { atLeast: 1.2 }, aim: 2 },
    { ...best, name: 'storage-durable-64', row: names.many, to: [sqliteFull], bar: { atLeast: 3 } },
    { ...best, name: 'storage-durable-one', row: names.one, to: durablePeers, bar: { atLeast: 0.65 } },
    { ...fact(names.load, 'disk / raw'), name: 'storage-disk-per-raw', bar: { atMost: 1.15 } },
    { ...fact(names.load, 'peak rss MiB'), name: 'storage-rss-load-mib', bar: { atMost: 300 } },
    { ...fact(names.read, 'peak rss MiB'), name: 'storage-rss-read-mib', bar: { atMost: 300 } },
    { ...fact(names.load, 'pause p99.9 ms'), name: 'storage-load-pause-ms', bar: { atMost: 20 } },
    { ...fact(mixName('a'), 'pause p99.9 ms'), name: 'storage-ycsb-a-pause-ms', bar: { atMost: 20 } },
    largeRatio('storage-load-10m', names.loadLarge, 0.6),
    largeRatio('storage-read-10m', names.readLarge, 0.45),
  ];
}

function largeRatio(name: string, row: string, atLeast: number): Ratio {
  return { name, row, of: ten, to: [one], figure: 'perSecond', bar: { atLeast }, isOptional: true };
}
