import fc from 'fast-check';
import { expect, test } from 'vitest';
import { circleOf } from './circle.ts';
import { HashRing } from './hash-ring.ts';
import type { RingNode } from './ring-node.ts';
import { slotOf } from './slot.ts';
import { textHash } from './text-hash.ts';

const named = (count: number, from = 0): readonly RingNode[] =>
  Array.from({ length: count }, (_, at) => ({ name: `node-${from + at}` }));
const keys: readonly string[] = Array.from({ length: 100_000 }, (_, at) => `session-${at}`);
const invalid = expect.objectContaining({ kind: 'invalid' }) as Error;
const misuse = expect.objectContaining({ kind: 'misuse' }) as Error;

const ringNode: fc.Arbitrary<RingNode> = fc.record({
  name: fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  weight: fc.constantFrom(1, 0.3, 2.5, 7),
});
const ringNodes = (minLength: number): fc.Arbitrary<RingNode[]> =>
  fc.uniqueArray(ringNode, { minLength, maxLength: 8, selector: ({ name }) => name });
const manyKeys = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 50 });

// Computed by an independent program from the definition in docs/ring.md.
test('placement is frozen: processes of two versions must agree', () => {
  const ring = HashRing.of([{ name: 'a' }, { name: 'b', weight: 2 }, { name: 'Zürich' }]);
  expect(['', 'a', 'session-81', 'Zürich', '😀'].map((key) => ring.nodeOf(key))).toEqual([
    'Zürich',
    'a',
    'b',
    'a',
    'a',
  ]);
  const counts = ring.nodes.map(({ name }) => keys.filter((key) => ring.nodeOf(key) === name).length);
  expect([ring.nodes.map(({ name }) => name), counts]).toEqual([
    ['Zürich', 'a', 'b'],
    [24_710, 25_534, 49_756],
  ]);
});

test('it depends on the nodes alone, not on who came first, and a join is undone by a leave', () => {
  fc.assert(
    fc.property(ringNodes(1), manyKeys, (nodes, keys) => {
      const ring = HashRing.of(nodes, { vnodes: 8 });
      let grown = HashRing.of([], { vnodes: 8 });
      for (const node of nodes.toReversed()) grown = grown.join(node);
      const away = ring.leave((nodes[0] as RingNode).name).join(nodes[0] as RingNode);
      for (const other of [grown, away]) {
        expect(other.nodes).toEqual(ring.nodes);
        for (const key of keys) expect(other.nodesOf(key, 9)).toEqual(ring.nodesOf(key, 9));
      }
    }),
  );
});

test('where two nodes have one point the first by name has it, whoever came first', () => {
  const nodes = named(200); // among 819,200 points some 78 pairs are the same
  const ring = HashRing.of(nodes, { vnodes: 4_096 });
  const late = [...nodes.slice(0, 3), ...nodes.slice(91, 100)]; // the first and the last by name
  let grown = HashRing.of(
    nodes.filter((node) => !late.includes(node)),
    { vnodes: 4_096 },
  );
  for (const node of late) grown = grown.join(node);
  expect(grown.shares()).toEqual(ring.shares());
  expect(grown.leave('node-7').shares()).toEqual(
    HashRing.of(
      nodes.filter(({ name }) => name !== 'node-7'),
      { vnodes: 4_096 },
    ).shares(),
  );
});

test('a key that lies on a point belongs to it, and one between two points to the second', () => {
  const nodes = named(200).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const [ring, circle] = [HashRing.of(nodes), circleOf(nodes.map(({ name }) => ({ name, pointCount: 1_024 })))];
  const owners = new Map<number, string>();
  for (let at = circle.length - 2; at >= 0; at -= 2)
    owners.set(circle[at] as number, (nodes[circle[at + 1] as number] as RingNode).name);
  const points = [...owners.keys()].toReversed();
  let hitCount = 0;
  for (const key of keys) {
    const hash = textHash(key, 0x72696e67) >>> 0;
    const hit = owners.get(hash);
    if (hit === undefined) continue;
    hitCount++;
    expect(ring.nodeOf(key)).toBe(hit);
  }
  expect(hitCount).toBeGreaterThan(0);
  for (const key of keys.slice(0, 100)) {
    const hash = textHash(key, 0x72696e67) >>> 0;
    const next = points.find((point) => point >= hash) ?? points[0];
    expect(ring.nodeOf(key)).toBe(owners.get(next as number));
  }
});

test('a key moves to a node that joins, or stays; and the preference lists keep their order', () => {
  fc.assert(
    fc.property(ringNodes(1), ringNode, manyKeys, (nodes, node, keys) => {
      const before = HashRing.of(nodes, { vnodes: 8 }).leave(node.name);
      const after = before.join(node);
      for (const key of keys) {
        expect([before.nodeOf(key), node.name]).toContain(after.nodeOf(key));
        const rest = after.nodesOf(key, 9).filter((name) => name !== node.name);
        expect(rest).toEqual(before.nodesOf(key, 9));
      }
    }),
  );
});

test('a larger weight takes keys from others and gives none away', () => {
  fc.assert(
    fc.property(ringNodes(2), manyKeys, (nodes, keys) => {
      const ring = HashRing.of(nodes, { vnodes: 8 });
      const [{ name, weight = 1 }] = nodes as [RingNode];
      const heavier = ring.join({ name, weight: weight * 3 });
      for (const key of keys) expect([ring.nodeOf(key), name]).toContain(heavier.nodeOf(key));
    }),
  );
});

test('a preference list begins with the owner and has every node once, or as many as asked for', () => {
  fc.assert(
    fc.property(ringNodes(1), manyKeys, fc.nat({ max: 10 }), (nodes, keys, count) => {
      const ring = HashRing.of(nodes, { vnodes: 4 });
      for (const key of keys) {
        const list = ring.nodesOf(key, count);
        expect(list.length).toBe(Math.min(count, nodes.length));
        expect(new Set(list).size).toBe(list.length);
        if (count > 0) expect(list[0]).toBe(ring.nodeOf(key));
        const last = ring.nodesOf(key, 10).at(-1) ?? null;
        expect(ring.firstWhere(key, ({ name }) => name === last)?.name).toBe(last);
        expect(ring.firstWhere(key, () => false)).toBeNull();
      }
    }),
  );
});

test.each([10, 50, 100])(
  'with 1,024 vnodes a join or a leave moves 1/n of the keys within 10 per cent, n = %i',
  (count) => {
    const ring = HashRing.of(named(count));
    const owners = keys.map((key) => ring.nodeOf(key));
    const movedShare = (other: HashRing): number =>
      keys.filter((key, at) => other.nodeOf(key) !== owners[at]).length / keys.length;
    for (const node of named(5, 1_000)) {
      expect(Math.abs(movedShare(ring.join(node)) * (count + 1) - 1)).toBeLessThan(0.1);
    }
    for (const { name } of named(5)) expect(Math.abs(movedShare(ring.leave(name)) * count - 1)).toBeLessThan(0.1);
  },
);

test.each([
  [64, 0.125],
  [1_024, 0.031],
  [4_096, 0.0156],
])('the load of a node at %i vnodes has a standard deviation of 1/√vnodes', (vnodes, deviation) => {
  const shares = HashRing.of(named(200), { vnodes })
    .shares()
    .map((share) => share * 200);
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(200, 9);
  const variance = shares.reduce((sum, share) => sum + (share - 1) ** 2, 0) / 200;
  // Of 200 values it is known within 5 %: three times that.
  expect(Math.abs(Math.sqrt(variance) / deviation - 1)).toBeLessThan(0.15);
});

test('keys follow weights, and shares say how many', () => {
  const ring = HashRing.of([{ name: 'a', weight: 0.5 }, { name: 'b' }, { name: 'c', weight: 2.5 }]);
  const shares = ring.shares();
  for (const [at, { name, weight }] of ring.nodes.entries()) {
    const share = keys.filter((key) => ring.nodeOf(key) === name).length / keys.length;
    expect(Math.abs(share / (weight / 4) - 1)).toBeLessThan(0.12);
    expect(Math.abs(share - (shares[at] as number))).toBeLessThan(0.005);
  }
});

test('keys of one slot are spread over all nodes', () => {
  const ring = HashRing.of(named(8));
  const oneSlot = Array.from({ length: 400_000 }, (_, at) => `k${at}`).filter((key) => slotOf(key) === 7);
  const owners = new Set(oneSlot.map((key) => ring.nodeOf(key)));
  expect(oneSlot.length).toBeGreaterThan(60);
  expect(owners.size).toBe(8);
});

test('a ring without nodes has nobody, one node has everything, and to leave twice changes nothing', () => {
  const empty = HashRing.of([]);
  expect([empty.nodeOf('a'), empty.nodesOf('a', 3), empty.firstWhere('a', () => true)]).toEqual([null, [], null]);
  expect([empty.shares(), empty.leave('a')]).toEqual([[], empty]);
  const one = empty.join({ name: 'a', weight: 0.0001 });
  expect([one.nodeOf('x'), one.indexOf('a'), one.indexOf('b'), one.shares()]).toEqual(['a', 0, -1, [1]]);
  expect(one.leave('b')).toBe(one);
  expect(one.join({ name: 'a', weight: 3 }).nodes).toEqual([{ name: 'a', weight: 3 }]);
});

test('what cannot be is refused', () => {
  expect(() => HashRing.of([{ name: '' }])).toThrow(invalid);
  expect(() => HashRing.of([{ name: 'a' }, { name: 'b' }, { name: 'a' }])).toThrow(invalid);
  for (const weight of [0, -1, Number.NaN, Infinity, 1e10])
    expect(() => HashRing.of([{ name: 'a', weight }])).toThrow(invalid);
  for (const vnodes of [0, 1.5, Number.NaN]) expect(() => HashRing.of([], { vnodes })).toThrow(misuse);
  expect(() => HashRing.of([{ name: 'a', weight: 5_000 }])).toThrow(misuse);
  expect(() => HashRing.of(named(65_536), { vnodes: 1 })).toThrow(invalid);
});
