/**
 * A serial order that explains a history, found greedily: a transaction may come next when all that must precede it
 * has come, and when nobody still has to read what it overwrites; of several the one that was complete first. Found, it proves the history serializable, also
 * where the order of a register's versions could not be inferred. Not found, it proves nothing: deciding that is
 * NP-complete in general (Papadimitriou 1979).
 */
import type { DependencyGraph } from './dependencies.ts';
import type { Observations } from './transactions-observed.ts';

/** Whether the greedy search orders all transactions; linear in edges and reads. The graph is without cycles. */
export function hasSerialOrder(graph: DependencyGraph, observed: Observations): boolean {
  const { nodesCount, first, targets } = graph;
  const waitsFor = new Int32Array(nodesCount);
  for (const target of targets) waitsFor[target] = (waitsFor[target] ?? 0) + 1;
  const registers = new Registers(observed);
  const ready = new Ready(momentsOf(graph, observed));
  for (let node = 0; node < nodesCount; node++) if (waitsFor[node] === 0) ready.push(node);
  let doneCount = 0;
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    const blocked = registers.blocks(node);
    if (blocked !== null) {
      blocked.push(node);
      continue;
    }
    doneCount++;
    for (const freed of registers.run(node)) ready.push(freed);
    for (let edge = first[node] ?? 0; edge < (first[node + 1] ?? 0); edge++) {
      const target = targets[edge] ?? 0;
      waitsFor[target] = (waitsFor[target] ?? 0) - 1;
      if (waitsFor[target] === 0) ready.push(target);
    }
  }
  return doneCount === nodesCount;
}

/** When each probably took effect: at its completion; an unknown one just before the first that depends on it. */
function momentsOf({ nodesCount, first, targets }: DependencyGraph, { history }: Observations): Float64Array {
  const moments = new Float64Array(nodesCount).fill(Number.NEGATIVE_INFINITY);
  for (const [index, { outcome }] of history.entries()) moments[index] = outcome.at ?? Number.POSITIVE_INFINITY;
  for (const [index, { outcome, invokedAt }] of history.entries()) {
    if (outcome.kind === 'ok') continue;
    let moment = Number.POSITIVE_INFINITY;
    for (let edge = first[index] ?? 0; edge < (first[index + 1] ?? 0); edge++) {
      moment = Math.min(moment, moments[targets[edge] ?? 0] ?? moment);
    }
    moments[index] = Math.max(invokedAt, Number.isFinite(moment) ? moment : invokedAt);
  }
  return moments;
}

/** The nodes that may come next, the one with the least moment first: a binary heap. */
class Ready {
  readonly #moments: Float64Array;
  readonly #heap: number[] = [];

  constructor(moments: Float64Array) {
    this.#moments = moments;
  }

  #before(left: number, right: number): boolean {
    const [first, second] = [this.#moments[left] ?? 0, this.#moments[right] ?? 0];
    return first < second || (first === second && left < right);
  }

  push(node: number): void {
    const heap = this.#heap;
    let at = heap.length;
    for (; at > 0; at = (at - 1) >> 1) {
      const parent = heap[(at - 1) >> 1] ?? node;
      if (!this.#before(node, parent)) break;
      heap[at] = parent;
    }
    heap[at] = node;
  }

  pop(): number | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      const right = heap[child + 1];
      if (right !== undefined && this.#before(right, heap[child] ?? right)) child++;
      const smaller = heap[child] ?? last;
      if (!this.#before(smaller, last)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

/** A register while the order is played: the version it holds, who has yet to read it, who waits to overwrite it. */
interface Register {
  /** The writer of what it holds; -1 for the initial state. */
  holds: number;
  /** By writer: the transactions that read its version and have not come yet. */
  readonly readersOf: Map<number, Set<number>>;
  waiting: number[];
}

class Registers {
  readonly #writes = new Map<number, Register[]>();
  readonly #reads = new Map<number, { readonly register: Register; readonly version: number }[]>();

  constructor({ keys, committed }: Observations) {
    for (const { kind, writes, reads } of keys.values()) {
      if (kind === 'list') continue;
      const register: Register = { holds: -1, readersOf: new Map(), waiting: [] };
      for (const { transaction, final } of writes.values()) {
        if (final && committed[transaction] === 1) listOf(this.#writes, transaction).push(register);
      }
      for (const { transaction, values } of reads) {
        const value = values[0];
        const version = value === undefined ? -1 : (writes.get(value)?.transaction ?? -1);
        const readers = register.readersOf.get(version) ?? new Set();
        register.readersOf.set(version, readers.add(transaction));
        listOf(this.#reads, transaction).push({ register, version });
      }
    }
  }

  /** Where a transaction has to wait: the list of those who overwrite a version that is not read by all; or null. */
  blocks(transaction: number): number[] | null {
    for (const register of this.#writes.get(transaction) ?? []) {
      const readers = register.readersOf.get(register.holds);
      if (readers !== undefined && readers.size > (readers.has(transaction) ? 1 : 0)) return register.waiting;
    }
    return null;
  }

  /** Plays it, and returns those that need wait no longer. What it read is there: all its readers came before. */
  run(transaction: number): readonly number[] {
    const freed: number[] = [];
    for (const { register, version } of this.#reads.get(transaction) ?? []) {
      const readers = register.readersOf.get(version);
      readers?.delete(transaction);
      if (readers === undefined || readers.size > 1) continue;
      freed.push(...register.waiting); // with one reader left, that reader may be the one who waits to write
      register.waiting = [];
    }
    for (const register of this.#writes.get(transaction) ?? []) {
      register.holds = transaction;
      freed.push(...register.waiting);
      register.waiting = [];
    }
    return freed;
  }
}

function listOf<One>(lists: Map<number, One[]>, key: number): One[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
