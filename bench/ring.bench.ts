/**
 * Lookups of the ring: keys of about 16 characters, each asked once, so that no answer is remembered. The other sides
 * are what a project would otherwise write: a binary search over a sorted array of points, a hash of node:crypto.
 */
import { createHash } from 'node:crypto';
import { BoundedLoad } from '../src/ring/bounded-load.ts';
import { HashRing } from '../src/ring/hash-ring.ts';
import { jumpBucketOf } from '../src/ring/jump.ts';
import { Rendezvous } from '../src/ring/rendezvous.ts';
import { ShardMap } from '../src/ring/shard-map.ts';
import { slotOf, slotOfKey } from '../src/ring/slot.ts';
import type { Ratio } from './ratios.ts';
import type { Row, Side, Suite } from './harness.ts';

const perSecondBar = 5_000_000;
const lookupRow = 'find the owner of a key';
const barred = (name: string, of: string): Ratio => ({
  name,
  row: lookupRow,
  of,
  figure: 'perSecond',
  bar: { atLeast: perSecondBar },
});

export const suite: Suite = {
  about:
    'Lookups of slots, rings, rendezvous and jump hashing over keys of 16 characters, and what it takes to change a ring. ' +
    'The keys are in memory and recently made; what a lookup costs among other work, with cold caches, is more.',
  rows: ({ quick }) => [lookups(quick), textRow(quick), changes(quick)],
  ratios: [
    barred('slot-of-key', 'slotOfKey and partition'),
    barred('ring-100', 'ring, 100 nodes'),
    barred('ring-1000', 'ring, 1,000 nodes'),
    barred('bounded-100', 'bounded load, 100 nodes'),
    barred('rendezvous-10', 'rendezvous, 10 nodes'),
    barred('rendezvous-10-weighted', 'rendezvous, 10 nodes, weighted'),
    barred('jump-100', 'jump, 100 buckets'),
  ],
};

const nodesOf = (count: number, isWeighted = false): readonly { name: string; weight: number }[] =>
  Array.from({ length: count }, (_, at) => ({ name: `node-${at}`, weight: isWeighted ? 1 + (at % 4) / 2 : 1 }));

/** Of 16 characters, half of them with a path. Flat strings: a key that was put together is flattened by its first use. */
function keysOf(count: number): readonly string[] {
  return JSON.parse(
    JSON.stringify(
      Array.from({ length: count }, (_, at) =>
        at % 2 === 0 ? `account-${at}`.padEnd(16, 'x') : `user-${at}/orders/1`.slice(0, 16),
      ),
    ),
  ) as readonly string[];
}

/** Asks for every key, and sums up a number of each answer. */
function asks(name: string, open: () => (key: string) => number): Side {
  return {
    name,
    prepare: (operations) => {
      const [find, keys] = [open(), keysOf(operations)];
      return () => {
        let sum = 0;
        for (const key of keys) sum += find(key);
        return sum;
      };
    },
  };
}

function lookups(quick: boolean): Row {
  const ring = (count: number) => (): ((key: string) => number) => {
    const ring = HashRing.of(nodesOf(count));
    return (key) => (ring.nodeOf(key) as string).length;
  };
  const rendezvous = (count: number, isWeighted: boolean) => (): ((key: string) => number) => {
    const chosen = Rendezvous.of(nodesOf(count, isWeighted));
    return (key) => (chosen.nodeOf(key) as string).length;
  };
  const sides: readonly Side[] = [
    asks('slotOfKey and partition', () => {
      const map = ShardMap.even(16);
      return (key) => map.partitionOf(slotOfKey(key));
    }),
    asks('ring, 100 nodes', ring(100)),
    asks('ring, 1,000 nodes', ring(quick ? 100 : 1_000)),
    asks('bounded load, 100 nodes', boundedLoad),
    asks('rendezvous, 10 nodes', rendezvous(10, false)),
    asks('rendezvous, 10 nodes, weighted', rendezvous(10, true)),
    asks('rendezvous, 100 nodes', rendezvous(100, false)),
    asks('jump, 100 buckets', () => (key) => jumpBucketOf(key, 100)),
    asks('binary search, 100 nodes', binarySearch),
    asks('sha1 and binary search, 100 nodes', sha1Search),
  ];
  return { name: lookupRow, unit: 'lookup', operations: quick ? 100 : 500_000, reference: 'ring, 100 nodes', sides };
}

/** With 256 under way: each lookup also ends the oldest of them. */
function boundedLoad(): (key: string) => number {
  const loads = new BoundedLoad(HashRing.of(nodesOf(100)));
  const underWay = Array.from({ length: 256 }, (_, at) => loads.acquire(`first-${at}`) as string);
  let next = 0;
  return (key) => {
    const place = next++ & 255;
    loads.release(underWay[place] as string);
    const name = loads.acquire(key) as string;
    underWay[place] = name;
    return loads.loadOf(name) > loads.capacityOf(name) ? Number.NaN : 1;
  };
}

function search(points: Uint32Array, hash: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] as number) < hash) low = middle + 1;
    else high = middle;
  }
  return low === points.length ? 0 : low;
}

const sha1Of = (text: string): number => createHash('sha1').update(text).digest().readUInt32LE(0);

function somePoints(): Uint32Array {
  return Uint32Array.from({ length: 100 * 1_024 }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >>> 0).sort();
}

/** FNV-1a, as it is often written. */
function binarySearch(): (key: string) => number {
  const points = somePoints();
  return (key) => {
    let hash = 0x811c9dc5;
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
    return search(points, hash >>> 0) & 7;
  };
}

function sha1Search(): (key: string) => number {
  const points = somePoints();
  return (key) => search(points, sha1Of(key)) & 7;
}

/** The hash alone, over keys that are not 16 characters of ASCII. */
function textRow(quick: boolean): Row {
  const texts: Readonly<Record<string, string>> = {
    '16 characters': 'account-00004711',
    '64 characters': 'account-00004711'.repeat(4),
    '16 characters, one not ASCII': 'account-0000471ü',
    '16 characters, none ASCII': '取引先口座番号取引先口座番号取引',
  };
  const side = ([name, text]: readonly [string, string]): Side => ({
    name,
    prepare: (operations) => {
      const keys = Array.from({ length: 64 }, (_, at) => `${String.fromCharCode(65 + at)}${text.slice(1)}`);
      return () => {
        let sum = 0;
        for (let at = 0; at < operations; at++) sum += slotOf(keys[at & 63] as string);
        return sum;
      };
    },
  });
  const sides = Object.entries(texts).map(side);
  return {
    name: 'hash a place to its slot',
    unit: 'place',
    operations: quick ? 100 : 1_000_000,
    reference: '16 characters',
    sides,
  };
}

/** What joins and leaves cost; they are rare, and hold up the loop that long. */
function changes(quick: boolean): Row {
  const changing = (name: string, change: (at: number) => number): Side => ({
    name,
    prepare: (operations) => () => {
      let sum = 0;
      for (let at = 0; at < operations; at++) sum += change(at);
      return sum;
    },
  });
  const ring = HashRing.of(nodesOf(quick ? 10 : 100));
  const chosen = Rendezvous.of(nodesOf(100));
  const map = ShardMap.even(100);
  const sides = [
    changing('ring, 100 nodes', (at) => ring.join({ name: `new-${at}` }).nodes.length),
    changing('rendezvous, 100 nodes', (at) => chosen.join({ name: `new-${at}` }).nodes.length),
    changing('shard map, 100 partitions', (at) => map.join(100 + at).partitions.length),
  ];
  return { name: 'a node joins', unit: 'join', operations: quick ? 2 : 20, reference: 'ring, 100 nodes', sides };
}
