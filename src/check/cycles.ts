/**
 * Cycles in a dependency graph: strongly connected components (Tarjan 1972, without recursion), and the shortest walk
 * from one state to another by breadth-first search. Both walk a product of the graph with a small automaton, which
 * says what kinds of edges may follow each other: that is how "no two anti-dependencies in a row" is searched for.
 * Nothing here knows what a cycle means; that is in anomalies.ts.
 */
import { edgeKinds, type Dependency, type DependencyGraph } from './dependencies.ts';

/** The states of a walk: `next(state, kind)` after an edge of that kind, or -1 where it may not follow. */
export interface Automaton {
  readonly statesCount: number;
  next(state: number, kind: number): number;
}

/** Any walk over edges of these kinds. */
export function anyOf(kinds: number): Automaton {
  return { statesCount: 1, next: (_, kind) => ((kinds & kind) === 0 ? -1 : 0) };
}

/** Walks in which no rw edge follows another: state 1 has just taken one. `via` belongs to the edge before it. */
export function noTwoInARow(kinds: number): Automaton {
  return {
    statesCount: 2,
    next: (state, kind) => {
      if ((kinds & kind) === 0) return -1;
      if (kind === edgeKinds.via) return state;
      if (kind !== edgeKinds.rw) return 0;
      return state === 0 ? 1 : -1;
    },
  };
}

/** How many edges searches may still follow. Components ignore it: they are what the verdict rests on. */
export class SearchBudget {
  readonly max: number;
  #left: number;

  constructor(max: number) {
    this.max = max;
    this.#left = max;
  }

  spend(count: number): void {
    this.#left -= count;
  }

  renew(): void {
    this.#left = this.max;
  }

  get exhausted(): boolean {
    return this.#left <= 0;
  }
}

/**
 * The strongly connected components with more than one state, as lists of states: node × statesCount + state. `within`
 * limits the walk to edges between nodes of one number; -1 leaves a node out.
 */
export function components(
  graph: DependencyGraph,
  automaton: Automaton,
  within: Int32Array | null = null,
): readonly (readonly number[])[] {
  const { statesCount } = automaton;
  const total = graph.nodesCount * statesCount;
  const order = new Int32Array(total); // 0: not seen
  const low = new Int32Array(total);
  const done = new Uint8Array(total);
  const cursor = new Int32Array(total);
  const path: number[] = [];
  const open: number[] = [];
  const found: number[][] = [];
  let count = 0;
  const enter = (at: number): void => {
    order[at] = low[at] = ++count;
    cursor[at] = graph.first[Math.floor(at / statesCount)] ?? 0;
    path.push(at);
    open.push(at);
  };
  const close = (root: number): void => {
    const size = open.length - open.lastIndexOf(root);
    const members = open.splice(open.length - size, size);
    for (const member of members) done[member] = 1;
    if (size > 1) found.push(members);
  };
  for (let root = 0; root < total; root++) {
    if (order[root] !== 0 || within?.[Math.floor(root / statesCount)] === -1) continue;
    enter(root);
    while (path.length > 0) {
      const at = path.at(-1) ?? 0;
      const node = Math.floor(at / statesCount);
      const edge = cursor[at] ?? 0;
      if (edge < (graph.first[node + 1] ?? 0)) {
        cursor[at] = edge + 1;
        const target = graph.targets[edge] ?? 0;
        if (within !== null && within[target] !== within[node]) continue;
        const state = automaton.next(at % statesCount, graph.kinds[edge] ?? 0);
        if (state === -1) continue;
        const to = target * statesCount + state;
        if (order[to] === 0) enter(to);
        else if (done[to] === 0) low[at] = Math.min(low[at] ?? 0, order[to] ?? 0);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[at] ?? 0);
      if (low[at] === order[at]) close(at);
    }
  }
  return found;
}

/** What a search needs again and again, so that a small component in a large graph costs little. */
export class CycleSearch {
  readonly graph: DependencyGraph;
  readonly budget: SearchBudget;
  readonly #reachedBy = new Map<number, { readonly from: number; readonly edge: number }>();

  #isCut = false;

  constructor(graph: DependencyGraph, budget: SearchBudget) {
    this.graph = graph;
    this.budget = budget;
  }

  /**
   * The shortest walk from one state to the first of another node's states that `arrived` accepts, as edges; null if
   * there is none within `member`s. Junctions cost nothing: a deque holds what is as near as the present in front.
   * Walks of more than `lengthMax` edges are not followed; `isCut` then says that there were such.
   */
  shortest(
    automaton: Automaton,
    from: number,
    member: (state: number) => boolean,
    arrived: (state: number) => boolean,
    lengthMax: number,
  ): readonly number[] | null {
    const { graph } = this;
    const { statesCount } = automaton;
    const reached = this.#reachedBy;
    reached.clear();
    let near = [from];
    let far: number[] = [];
    let arrival: { readonly at: number; readonly edge: number } | null = null;
    const settled = new Set<number>();
    let length = 0;
    this.#isCut = false;
    for (;;) {
      const at = near.pop();
      if (at === undefined) {
        if (arrival !== null) return [...this.#walkTo(arrival.at, from), arrival.edge];
        if (far.length === 0) return null;
        near = far.toReversed(); // so that those found first are looked at first
        far = [];
        length++;
        continue;
      }
      if (settled.has(at)) continue;
      settled.add(at);
      const node = Math.floor(at / statesCount);
      const [begin, end] = [graph.first[node] ?? 0, graph.first[node + 1] ?? 0];
      this.budget.spend(end - begin + 1);
      for (let edge = begin; edge < end; edge++) {
        const state = automaton.next(at % statesCount, graph.kinds[edge] ?? 0);
        if (state === -1) continue;
        const to = (graph.targets[edge] ?? 0) * statesCount + state;
        if (!member(to) || (to !== from && settled.has(to))) continue;
        const free = graph.kinds[edge] === edgeKinds.via;
        if (!free && length === lengthMax) {
          this.#isCut = true;
          continue;
        }
        if (arrived(to)) {
          if (free) return [...this.#walkTo(at, from), edge];
          arrival ??= { at, edge };
        }
        if (to === from) continue;
        if (free || !reached.has(to)) reached.set(to, { from: at, edge });
        (free ? near : far).push(to);
      }
    }
  }

  /** Whether the last search left walks that were too long. */
  get isCut(): boolean {
    return this.#isCut;
  }

  #walkTo(last: number, from: number): readonly number[] {
    const edges: number[] = [];
    for (let at = last; at !== from;) {
      const step = this.#reachedBy.get(at);
      if (step === undefined) break;
      edges.push(step.edge);
      at = step.from;
    }
    return edges.reverse();
  }

  /** Edges that close a circle, with junctions taken out. It begins at a transaction. */
  describe(edges: readonly number[], start: number): readonly Dependency[] {
    const steps: { from: number; to: number; edge: number }[] = [];
    let at = start;
    for (const edge of edges) {
      const to = this.graph.targets[edge] ?? 0;
      steps.push({ from: at, to, edge });
      at = to;
    }
    const beginning = steps.findIndex(({ from }) => from < this.graph.transactionsCount);
    const circle = [...steps.slice(beginning), ...steps.slice(0, beginning)];
    const found: Dependency[] = [];
    let head = circle[0];
    for (const step of circle) {
      if (step.from < this.graph.transactionsCount) head = step;
      if (head !== undefined && step.to < this.graph.transactionsCount) {
        found.push(this.graph.describe(head.from, step.to, head.edge, step.edge));
      }
    }
    return found;
  }
}
