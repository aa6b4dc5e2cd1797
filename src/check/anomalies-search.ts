/**
 * The cycles of a dependency graph, one of each kind for each strongly connected component, the shortest that the
 * budget allows. Whether there are any is decided by the components alone, in linear time; the budget is only about
 * finding the shortest. In every component the first search is made whatever the budget says.
 */
import { cycleAnomaly, shownMax, type Anomaly } from './anomalies.ts';
import { anyOf, components, CycleSearch, noTwoInARow, SearchBudget, type Automaton } from './cycles.ts';
import { edgeKinds, type Dependency, type DependencyGraph } from './dependencies.ts';

export interface CyclesFound {
  readonly anomalies: readonly Anomaly[];
  /** The component of each node, -1 for a node on no cycle. */
  readonly componentOf: Int32Array;
  readonly isAcyclic: boolean;
  /** What was left out, in words: components not shown, and searches that the budget ended. */
  readonly notSearched: readonly string[];
}

/** The calls of `each` below; they share the budget evenly. */
const kindsSearched = 4;

/** `ordered` says whether process and real-time edges count. */
export function findCycles(graph: DependencyGraph, budgetEdges: number, ordered: boolean): CyclesFound {
  const { ww, wr, rw, via } = edgeKinds;
  const order = ordered ? edgeKinds.process | edgeKinds['real-time'] : 0;
  const forward = ww | wr | via | order;
  const finder = new CycleFinder(graph, budgetEdges);
  const all = components(graph, anyOf(forward | rw));
  const componentOf = new Int32Array(graph.nodesCount).fill(-1);
  for (const [index, members] of all.entries()) for (const node of members) componentOf[node] = index;
  if (all.length > 0) {
    const writes = anyOf(ww | via | order);
    finder.each('G0', components(graph, writes, componentOf), writes, [{ start: ww, walk: writes }]);
    const reads = anyOf(forward);
    finder.each('G1c', components(graph, reads, componentOf), reads, [{ start: wr, walk: reads }]);
    const apart = noTwoInARow(forward | rw);
    const apartWalks = [
      { start: rw, walk: noTwoInARow(forward) },
      { start: rw, walk: apart },
    ];
    finder.each('G-single', components(graph, apart, componentOf), apart, apartWalks);
    const any = anyOf(forward | rw);
    finder.each('G2', all, any, [
      { start: rw, walk: twoInARow(forward | rw) },
      { start: rw, walk: any },
    ]);
  }
  return { anomalies: finder.anomalies(), componentOf, isAcyclic: all.length === 0, notSearched: finder.notSearched() };
}

/** Walks after an rw edge that go on with another one: state 0 has taken one, state 1 two. */
function twoInARow(kinds: number): Automaton {
  const { rw, via } = edgeKinds;
  return {
    statesCount: 2,
    next: (state, kind) => {
      if ((kinds & kind) === 0) return -1;
      return state === 1 || kind === via ? state : kind === rw ? 1 : -1;
    },
  };
}

interface Walk {
  /** The kind of edge that the cycle begins with. */
  readonly start: number;
  /** What the rest of it may be. */
  readonly walk: Automaton;
}

class CycleFinder {
  readonly #graph: DependencyGraph;
  readonly #search: CycleSearch;
  readonly #found = new Map<string, Anomaly>();
  #cutCount = 0;
  #hiddenCount = 0;

  constructor(graph: DependencyGraph, budgetEdges: number) {
    this.#graph = graph;
    this.#search = new CycleSearch(graph, new SearchBudget(budgetEdges / kindsSearched));
  }

  /** Tries the walks in their order in each component. Those after the first are for where it found nothing. */
  each(kind: string, found: readonly (readonly number[])[], automaton: Automaton, walks: readonly Walk[]): void {
    this.#search.budget.renew(); // so that a kind with long cycles leaves the others theirs
    const small = found.toSorted((left, right) => left.length - right.length);
    let shownCount = 0;
    for (const members of small) {
      if (shownCount === shownMax) {
        this.#hiddenCount++;
        continue;
      }
      for (const walk of walks) {
        const cycle = this.#shortestOf(new Set(members), automaton.statesCount, walk);
        if (cycle === null) continue;
        const anomaly = cycleAnomaly(cycle);
        const name = `${anomaly.kind} ${anomaly.transactions.toSorted((left, right) => left - right).join(' ')}`;
        if (!this.#found.has(name) && (anomaly.kind === kind || !this.#hasWithin(members, automaton.statesCount))) {
          this.#found.set(name, anomaly);
          shownCount++;
        }
        break;
      }
    }
  }

  /** Whether a cycle in that component is found already: then a further one of a kind not asked for says nothing new. */
  #hasWithin(members: readonly number[], statesCount: number): boolean {
    const nodes = new Set(members.map((member) => Math.floor(member / statesCount)));
    return [...this.#found.values()].some(({ transactions }) => transactions.every((one) => nodes.has(one)));
  }

  /** Members are states of the automaton in which the component was found; a walk's states are matched to them. */
  #shortestOf(
    members: ReadonlySet<number>,
    membersStates: number,
    { start, walk }: Walk,
  ): readonly Dependency[] | null {
    const { first, kinds, targets } = this.#graph;
    const same = membersStates === walk.statesCount && walk.statesCount > 1 && membersStates > 1;
    const isMember = (state: number): boolean =>
      same ? members.has(state) : members.has(Math.floor(state / walk.statesCount) * membersStates);
    const starts: { readonly node: number; readonly edge: number; readonly from: number }[] = [];
    for (const member of members) {
      if (member % membersStates !== 0) continue;
      const node = member / membersStates;
      for (let edge = first[node] ?? 0; edge < (first[node + 1] ?? 0); edge++) {
        const from = (targets[edge] ?? 0) * walk.statesCount + (same ? 1 : 0);
        if (kinds[edge] === start && isMember(from)) starts.push({ node, edge, from });
      }
    }
    const last = walk.statesCount > 1 && !same ? 1 : 0;
    return this.#deepening(starts, ({ node, edge, from }, lengthMax) => {
      const end = node * walk.statesCount + last;
      const path = this.#search.shortest(walk, from, isMember, (state) => state === end, lengthMax);
      return path === null ? null : this.#search.describe([edge, ...path], node);
    });
  }

  /**
   * All starts with short walks first, then with longer ones: in a large component a short cycle is found without
   * walking all of it from anywhere. When the budget is spent, one search without a limit still finds what there is.
   */
  #deepening<Start>(
    starts: readonly Start[],
    cycleFrom: (start: Start, lengthMax: number) => readonly Dependency[] | null,
  ): readonly Dependency[] | null {
    let detour: readonly Dependency[] | null = null;
    for (let depth = 1; ; depth = Math.ceil(depth * 1.5)) {
      let best: readonly Dependency[] | null = null;
      let isCut = false;
      let lengthMax = depth;
      for (const start of starts) {
        if (this.#search.budget.exhausted) {
          this.#cutCount++;
          const found = best ?? detour ?? cycleFrom(start, Number.POSITIVE_INFINITY);
          return found === null ? null : reduced(found);
        }
        const cycle = cycleFrom(start, lengthMax);
        isCut ||= this.#search.isCut;
        if (cycle === null) continue;
        if (reduced(cycle) === cycle) {
          best = cycle;
          lengthMax = cycle.length - 2; // one edge more is the start itself
        } else detour ??= reduced(cycle);
        if (lengthMax === 0) return best;
      }
      if (best !== null || !isCut) return best ?? detour;
    }
  }

  anomalies(): readonly Anomaly[] {
    return [...this.#found.values()];
  }

  notSearched(): readonly string[] {
    const { max } = this.#search.budget;
    return [
      ...(this.#hiddenCount === 0 ? [] : [`${this.#hiddenCount} more components have cycles that are not shown`]),
      ...(this.#cutCount === 0
        ? []
        : [
            `in ${this.#cutCount} searches the budget of ${max * kindsSearched} edges ended the search for the shortest cycle: there may be shorter ones, and other kinds`,
          ]),
    ];
  }
}

/**
 * A closed walk that comes by a transaction twice is two closed walks; one of them is shorter and of a stricter or the
 * same kind. Repeated until none comes by twice.
 */
function reduced(cycle: readonly Dependency[]): readonly Dependency[] {
  const places = new Map<number, number>();
  for (const [index, { from }] of cycle.entries()) {
    const place = places.get(from);
    places.set(from, index);
    if (place === undefined) continue;
    const parts = [cycle.slice(place, index), [...cycle.slice(index), ...cycle.slice(0, place)]];
    const [best = cycle] = parts.toSorted((left, right) => rank(left) - rank(right));
    return reduced(best);
  }
  return cycle;
}

function rank(cycle: readonly Dependency[]): number {
  const isRw = cycle.map(({ kind }) => kind === 'rw');
  if (isRw.some((is, index) => is && isRw.at(index - 1) === true)) return 2;
  return isRw.includes(true) ? 0 : 1;
}
