import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Rendezvous } from './rendezvous.ts';
import type { RingNode } from './ring-node.ts';

const named = (count: number): readonly RingNode[] =>
  Array.from({ length: count }, (_, at) => ({ name: `node-${at}` }));
const keys: readonly string[] = Array.from({ length: 100_000 }, (_, at) => `session-${at}`);

function countsOf(chosen: Rendezvous): readonly number[] {
  const counts = new Map<string | null, number>();
  for (const key of keys) counts.set(chosen.nodeOf(key), (counts.get(chosen.nodeOf(key)) ?? 0) + 1);
  return chosen.nodes.map(({ name }) => counts.get(name) ?? 0);
}

const ringNode: fc.Arbitrary<RingNode> = fc.record({
  name: fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  weight: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 100, noNaN: true })),
});
const ringNodes = fc.uniqueArray(ringNode, { minLength: 1, maxLength: 8, selector: ({ name }) => name });
const manyKeys = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 50 });

// Computed by an independent program from the definition in docs/ring.md.
test('placement is frozen: processes of two versions must agree', () => {
  const nodes: readonly RingNode[] = [{ name: 'a' }, { name: 'b', weight: 2 }, { name: 'Zürich' }];
  for (const [chosen, frozen] of [
    [Rendezvous.of(nodes), ['Zürich', 'Zürich', 'Zürich', 'b', 'Zürich', 24_853, 24_913, 50_234]],
    [
      Rendezvous.of(nodes.map(({ name }) => ({ name }))),
      ['Zürich', 'Zürich', 'Zürich', 'b', 'Zürich', 33_189, 33_346, 33_465],
    ],
  ] as const) {
    expect([...['', 'a', 'session-81', 'Zürich', '😀'].map((key) => chosen.nodeOf(key)), ...countsOf(chosen)]).toEqual(
      frozen,
    );
  }
});

test('the owner is the first of the list, whatever the weights: nobody with a higher score was left out early', () => {
  fc.assert(
    fc.property(ringNodes, manyKeys, (nodes, keys) => {
      const chosen = Rendezvous.of(nodes);
      for (const key of keys) {
        const list = chosen.nodesOf(key, nodes.length + 1);
        expect(list[0]).toBe(chosen.nodeOf(key));
        expect(list.toSorted()).toEqual(nodes.map(({ name }) => name).toSorted());
        expect(chosen.nodesOf(key, 2)).toEqual(list.slice(0, 2));
      }
    }),
    { numRuns: 300 },
  );
});

test('a join or another weight moves keys to that node or from it alone; a leave keeps the order of the others', () => {
  fc.assert(
    fc.property(ringNodes, ringNode, manyKeys, (nodes, node, keys) => {
      const before = Rendezvous.of(nodes).leave(node.name);
      const after = before.join(node);
      const heavier = after.join({ name: node.name, weight: (node.weight ?? 1) * 1.7 });
      for (const key of keys) {
        expect([before.nodeOf(key), node.name]).toContain(after.nodeOf(key));
        expect([after.nodeOf(key), node.name]).toContain(heavier.nodeOf(key));
        expect(after.nodesOf(key, 9).filter((name) => name !== node.name)).toEqual(before.nodesOf(key, 9));
      }
      expect(after.leave(node.name).nodes).toEqual(before.nodes);
    }),
    { numRuns: 300 },
  );
});

test('loads follow weights as evenly as chance allows', () => {
  const uneven = [0.2, 1, 1, 3, 4.8].map((weight, at) => ({ name: `w-${at}`, weight }));
  for (const nodes of [named(5), named(30), uneven]) {
    const chosen = Rendezvous.of(nodes);
    const sum = nodes.reduce((total, { weight = 1 }) => total + weight, 0);
    const counts = countsOf(chosen);
    for (const [at, { weight }] of chosen.nodes.entries()) {
      const expected = (keys.length * weight) / sum;
      expect(Math.abs((counts[at] as number) - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  }
});

test('a join and a leave move 1/n of the keys within 10 %', () => {
  const chosen = Rendezvous.of(named(20));
  for (const [other, n] of [
    [chosen.join({ name: 'another' }), 21],
    [chosen.leave('node-3'), 20],
  ] as const) {
    const movedCount = keys.filter((key) => chosen.nodeOf(key) !== other.nodeOf(key)).length;
    expect(Math.abs((movedCount / keys.length) * n - 1)).toBeLessThan(0.1);
  }
});

test('without nodes there is nobody; who is not there leaves nothing behind; bad nodes are refused', () => {
  const empty = Rendezvous.of([]);
  expect([empty.nodeOf('a'), empty.nodesOf('a', 2), empty.leave('a')]).toEqual([null, [], empty]);
  expect(() => Rendezvous.of([{ name: 'a', weight: 0 }])).toThrow(expect.objectContaining({ kind: 'invalid' }));
});
