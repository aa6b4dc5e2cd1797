import { expect, test } from 'vitest';
import { findCycles } from './anomalies-search.ts';
import { anomalyText, cycleMermaid } from './anomalies.ts';
import { DependencyBuilder, type EdgeKind } from './dependencies.ts';
import { SeededRandom } from '../kernel/random.ts';

type Edge = readonly [from: number, to: number, kind: EdgeKind];
const kindsOf = ['ww', 'wr', 'rw'] as const;

test('a cycle is told step by step, and drawn', () => {
  const builder = new DependencyBuilder(2);
  builder.add(0, 1, 'wr', 'x "1"', 7);
  builder.add(1, 0, 'rw', 'y', null, 8);
  const [anomaly] = findCycles(builder.graph(), 100, false).anomalies;
  if (anomaly === undefined) throw new Error('there is a cycle');
  expect(anomalyText(anomaly)).toBe(
    [
      'G-single (read skew), not allowed from snapshot-isolation on: each of these transactions would have to come before itself',
      '  T1 is before T0: T1 read y without a value, before T0 wrote 8',
      '  T0 is before T1: T0 wrote 7 to x "1", and T1 read it',
    ].join('\n'),
  );
  expect(cycleMermaid(anomaly)).toBe('flowchart LR\n  T1 -->|"rw y"| T0\n  T0 -->|"wr x #34;1#34;"| T1');
  expect(cycleMermaid({ ...anomaly, cycle: [] })).toBeNull();
});

test('junctions are no steps of a cycle, and nobody comes before itself through one', () => {
  const builder = new DependencyBuilder(20);
  const targets = Array.from({ length: 10 }, (_, node) => ({ node, after: node }));
  const sources = Array.from({ length: 20 }, (_, node) => ({ node, kind: 'rw' as const, before: null }));
  builder.fanOut('x', sources, targets);
  const graph = builder.graph();
  expect(graph.nodesCount).toBeGreaterThan(20);
  const { anomalies } = findCycles(graph, 10_000, false);
  expect(anomalies.map(({ kind, transactions }) => [kind, transactions.length])).toEqual([['G2', 2]]);
  const alone = new DependencyBuilder(30);
  alone.fanOut(
    'x',
    Array.from({ length: 29 }, (_, node) => ({ node, kind: 'ww' as const, before: null })),
    [{ node: 29, after: 1 }],
  );
  expect(findCycles(alone.graph(), 10_000, false).isAcyclic).toBe(true);
});

/** All simple cycles of a small graph by trying everything: their kinds and lengths. */
function allCycles(count: number, edges: readonly Edge[]): readonly (readonly EdgeKind[])[] {
  const cycles: EdgeKind[][] = [];
  const walk = (start: number, at: number, seen: ReadonlySet<number>, kinds: readonly EdgeKind[]): void => {
    for (const [from, to, kind] of edges) {
      if (from !== at || to < start) continue;
      if (to === start) cycles.push([...kinds, kind]);
      else if (!seen.has(to)) walk(start, to, new Set([...seen, to]), [...kinds, kind]);
    }
  };
  for (let start = 0; start < count; start++) walk(start, start, new Set([start]), []);
  return cycles;
}

const classOf = (kinds: readonly EdgeKind[]): string => {
  const rwCount = kinds.filter((kind) => kind === 'rw').length;
  if (rwCount === 0) return kinds.includes('wr') ? 'G1c' : 'G0';
  if (rwCount === 1) return 'G-single';
  return kinds.some((kind, index) => kind === 'rw' && kinds.at(index - 1) === 'rw') ? 'G2' : 'G-nonadjacent';
};

test('against all simple cycles of small random graphs: no kind is invented, none that decides a level is missed', () => {
  const shares = new Map<string, number>();
  for (let seed = 0; seed < 2_000; seed++) {
    const random = new SeededRandom(seed);
    const count = 2 + random.below(5);
    const weights = random.pick([['rw'], ['ww', 'rw'], kindsOf, ['wr', 'rw'], ['ww', 'wr']] as const);
    const edges: Edge[] = Array.from({ length: random.below(13) }, () => {
      const from = random.below(count);
      return [from, (from + 1 + random.below(count - 1)) % count, random.pick<EdgeKind>(weights)] as const;
    });
    if (random.chance(0.1) && count > 3) {
      // Anti-dependencies apart from each other are rare by chance.
      for (const [from, kind] of (['rw', 'wr', 'rw', 'ww'] as const).entries())
        edges.push([from, (from + 1) % 4, kind]);
    }
    const builder = new DependencyBuilder(count);
    for (const [from, to, kind] of edges) builder.add(from, to, kind, 'x');
    const right = new Map<string, number>();
    for (const kinds of allCycles(count, edges)) {
      right.set(classOf(kinds), Math.min(right.get(classOf(kinds)) ?? 99, kinds.length));
    }
    for (const budget of [1_000_000, 0]) {
      const { anomalies, isAcyclic } = findCycles(builder.graph(), budget, false);
      const told = new Set(anomalies.map(({ kind }) => kind as string));
      const label = `seed ${seed}, budget ${budget}: ${JSON.stringify(edges)}`;
      expect(isAcyclic, label).toBe(right.size === 0);
      for (const { kind, cycle } of anomalies) {
        expect(right.has(kind), label).toBe(true);
        for (const [index, step] of cycle.entries())
          expect(step.to, label).toBe(cycle[(index + 1) % cycle.length]?.from);
      }
      const has = (...kinds: readonly string[]): boolean => kinds.some((kind) => right.has(kind));
      const tells = (...kinds: readonly string[]): boolean => kinds.some((kind) => told.has(kind));
      expect(tells('G0'), label).toBe(has('G0'));
      expect(tells('G0', 'G1c'), label).toBe(has('G0', 'G1c'));
      expect(tells('G0', 'G1c', 'G-single', 'G-nonadjacent'), label).toBe(
        has('G0', 'G1c', 'G-single', 'G-nonadjacent'),
      );
      expect(anomalies.length > 0, label).toBe(right.size > 0);
      for (const kind of budget > 0 ? (['G0', 'G1c', 'G-single'] as const) : []) {
        const lengths = anomalies.filter((one) => one.kind === kind).map(({ cycle }) => cycle.length);
        if (lengths.length > 0) expect(Math.min(...lengths), `${kind} of ${label}`).toBe(right.get(kind));
      }
      if (budget > 0) for (const kind of right.keys()) shares.set(kind, (shares.get(kind) ?? 0) + 1);
    }
    if (right.size === 0) shares.set('none', (shares.get('none') ?? 0) + 1);
  }
  for (const kind of ['G0', 'G1c', 'G-single', 'G-nonadjacent', 'G2', 'none']) {
    expect(shares.get(kind), kind).toBeGreaterThan(40);
  }
});

test('in a large component the short cycle is found within a budget of a few walks round it', () => {
  const count = 5_000;
  const builder = new DependencyBuilder(count);
  for (let node = 0; node < count; node++) {
    builder.add(node, (node + 1) % count, 'rw', 'x');
    builder.add(node, (node + 17) % count, 'wr', 'y');
  }
  builder.add(3_001, 3_000, 'wr', 'z');
  const { anomalies } = findCycles(builder.graph(), 20 * count, false);
  const single = anomalies.find(({ kind }) => kind === 'G-single');
  expect(single?.transactions.toSorted()).toEqual([3_000, 3_001]);
});
