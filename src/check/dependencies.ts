/**
 * The dependency graph of a history of transactions (Adya, "Weak Consistency", 1999): who must come before whom, why,
 * and by which key. Nodes are numbers: transactions first, then junctions, which stand for many edges at once so that
 * the graph stays linear in the history. An edge out of a junction is `via`: it has no meaning of its own, and a path
 * through junctions is one edge of the kind that leads into the first of them.
 */
import { assert } from '../kernel/assert.ts';
import type { TransactionValue } from './transactions-history.ts';

/** Bits, so that a set of kinds is a number. */
export const edgeKinds: Readonly<Record<EdgeKind | 'via', number>> = Object.freeze({
  /** Overwrote or appended after: write, then write. */
  ww: 1,
  /** Read what the other wrote. */
  wr: 2,
  /** Read the state before the other wrote: read, then write. */
  rw: 4,
  /** Came later in the same process. */
  process: 8,
  /** Began after the other was complete. */
  'real-time': 16,
  via: 32,
});
export type EdgeKind = 'ww' | 'wr' | 'rw' | 'process' | 'real-time';

/** One step of a cycle: `from` comes before `to`. */
export interface Dependency {
  /** Indexes into the history. */
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  /** Null for `process` and `real-time`. */
  readonly key: string | null;
  /** ww: what `from` wrote. wr: what was written and read. rw: what `from` read, null for nothing yet. */
  readonly before: TransactionValue | null;
  /** ww and rw: what `to` wrote. */
  readonly after: TransactionValue | null;
}

/** What a set of sources has to say about a set of targets; see `fanOut`. */
export interface Source {
  readonly node: number;
  readonly kind: EdgeKind;
  readonly before: TransactionValue | null;
}
export interface Target {
  readonly node: number;
  readonly after: TransactionValue | null;
}

/** Edges as they are added; `graph()` makes them searchable. */
export class DependencyBuilder {
  readonly transactionsCount: number;
  #nodesCount: number;
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #kind: number[] = [];
  readonly #key: (string | null)[] = [];
  readonly #before: (TransactionValue | null)[] = [];
  readonly #after: (TransactionValue | null)[] = [];

  constructor(transactionsCount: number) {
    this.transactionsCount = transactionsCount;
    this.#nodesCount = transactionsCount;
  }

  junction(): number {
    return this.#nodesCount++;
  }

  /** Does nothing when both ends are one: nobody depends on itself. */
  add(
    from: number,
    to: number,
    kind: EdgeKind | 'via',
    key: string | null = null,
    before: TransactionValue | null = null,
    after: TransactionValue | null = null,
  ): void {
    if (from === to) return;
    this.#from.push(from);
    this.#to.push(to);
    this.#kind.push(edgeKinds[kind]);
    this.#key.push(key);
    this.#before.push(before);
    this.#after.push(after);
  }

  /**
   * Every source before every target except itself. Where that would be many edges, junctions for the beginnings and
   * the ends of the row of targets keep it linear: a source that is itself target i goes to the beginning before i and
   * to the end after i. Targets are distinct.
   */
  fanOut(key: string, sources: readonly Source[], targets: readonly Target[]): void {
    if (sources.length * targets.length <= 4 * (sources.length + targets.length)) {
      for (const { node, kind, before } of sources) {
        for (const target of targets) this.add(node, target.node, kind, key, before, target.after);
      }
      return;
    }
    const place = new Map(targets.map(({ node }, index) => [node, index]));
    const beginnings = targets.map(() => this.junction());
    const ends = targets.map(() => this.junction());
    for (const [index, { node, after }] of targets.entries()) {
      for (const junctions of [beginnings, ends]) this.add(at(junctions, index), node, 'via', key, null, after);
      if (index > 0) this.add(at(beginnings, index), at(beginnings, index - 1), 'via');
      if (index > 0) this.add(at(ends, index - 1), at(ends, index), 'via');
    }
    for (const { node, kind, before } of sources) {
      const own = place.get(node);
      if (own === undefined) this.add(node, at(ends, 0), kind, key, before);
      else {
        if (own > 0) this.add(node, at(beginnings, own - 1), kind, key, before);
        if (own + 1 < targets.length) this.add(node, at(ends, own + 1), kind, key, before);
      }
    }
  }

  graph(): DependencyGraph {
    const first = new Int32Array(this.#nodesCount + 1);
    for (const from of this.#from) first[from + 1] = (first[from + 1] ?? 0) + 1;
    for (let node = 0; node < this.#nodesCount; node++) first[node + 1] = (first[node + 1] ?? 0) + (first[node] ?? 0);
    const next = first.slice();
    const targets = new Int32Array(this.#to.length);
    const kinds = new Uint8Array(this.#to.length);
    const added = new Int32Array(this.#to.length);
    for (const [index, from] of this.#from.entries()) {
      const slot = next[from] ?? 0;
      next[from] = slot + 1;
      targets[slot] = this.#to[index] ?? 0;
      kinds[slot] = this.#kind[index] ?? 0;
      added[slot] = index;
    }
    const describe = (from: number, to: number, first: number, last: number): Dependency => {
      const [head, tail] = [added[first] ?? 0, added[last] ?? 0];
      const kind = kindOf(kinds[first] ?? 0);
      const key = this.#key[head] ?? null;
      return { from, to, kind, key, before: this.#before[head] ?? null, after: this.#after[tail] ?? null };
    };
    return {
      nodesCount: this.#nodesCount,
      transactionsCount: this.transactionsCount,
      first,
      targets,
      kinds,
      describe,
    };
  }
}

/** Edges of node n are those from `first[n]` to `first[n + 1]` - 1. */
export interface DependencyGraph {
  readonly nodesCount: number;
  /** Nodes below this are transactions, the others junctions. */
  readonly transactionsCount: number;
  readonly first: Int32Array;
  readonly targets: Int32Array;
  readonly kinds: Uint8Array;
  /** What a path between two transactions says: its first edge has the kind, its last one the end. */
  describe(from: number, to: number, firstEdge: number, lastEdge: number): Dependency;
}

function kindOf(bit: number): EdgeKind {
  for (const kind of ['ww', 'wr', 'rw', 'process', 'real-time'] as const) if (edgeKinds[kind] === bit) return kind;
  return assertNever();
}

function assertNever(): never {
  assert(false, 'an edge between transactions has a kind of its own');
}

function at(nodes: readonly number[], index: number): number {
  const node = nodes[index];
  assert(node !== undefined, 'a junction is made for every target');
  return node;
}
