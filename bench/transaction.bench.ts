/**
 * Transactions of a store in this process: four keys are read and two of them written anew, chosen by Zipf's law among a
 * million, 64 callers at once, nothing synced before the answer. Every side is serializable: LMDB and SQLite have one
 * writer at a time, and so has ours where a function does not wait; where it does, what it read is checked at its end.
 */
import type { Row, Suite } from './harness.ts';
import type { RunKind } from './storage/runs.ts';
import { Grounds } from './storage/sides.ts';
import type { StoreName } from './storage/worker.ts';

const ours = 'tree';
const lmdb = ['lmdb, those of one turn in one', 'lmdb, one by one'] as const;
const sqlite = 'SQLite NORMAL';
const name = '4 reads and 2 writes, zipfian among 1 M keys, 64 in flight, no sync';

const sides: readonly (readonly [name: string, store: StoreName, kind: RunKind])[] = [
  [ours, 'tree', 'transaction'],
  ['tree, async functions', 'tree', 'transaction-otherwise'],
  [lmdb[0], 'lmdb', 'transaction'],
  [lmdb[1], 'lmdb', 'transaction-otherwise'],
  [sqlite, 'sqlite', 'transaction'],
];

export const suite: Suite = {
  about:
    'Read-write transactions of an in-process store. A transaction of ours whose function does not wait runs alone and ' +
    'cannot conflict; async functions are optimistic, and here conflict on the hottest keys and run again.',
  sharesGround: true,
  rows: ({ quick }) => [transactions(quick)],
  ratios: [
    {
      name: 'transaction-vs-sqlite',
      row: name,
      of: ours,
      to: [sqlite],
      figure: 'perSecond',
      bar: { atLeast: 2 },
    },
    { name: 'transaction-vs-lmdb', row: name, of: ours, to: lmdb, figure: 'perSecond', bar: { atLeast: 1 } },
  ],
};

function transactions(quick: boolean): Row {
  const grounds = new Grounds(quick);
  const [keys, operations] = quick ? [2_000, 200] : [1_000_000, 100_000];
  const options = { durability: 'process', keys, operations, inFlight: 64 } as const;
  return {
    name,
    unit: 'transaction',
    operations,
    reference: ours,
    sides: sides.map(([side, store, kind]) => grounds.side(side, { ...options, store, kind })),
  };
}
