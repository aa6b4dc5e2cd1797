/**
 * One key's operations made ready for the search: those that must be placed as a list of events in order of time, those
 * of unknown outcome as a list of what may be placed, and the model's transitions as integers. Failed operations and
 * unknown reads have no effect and are not in it.
 */
import { assert } from '../kernel/assert.ts';
import type { History, Operation } from './history.ts';
import { Interner } from './intern.ts';
import type { Model } from './model.ts';

export class Problem {
  /** Operations that must be placed, in the order of their invocations; index into the history that was given. */
  readonly must: Int32Array;
  /** Those that may be placed. */
  readonly may: Int32Array;
  readonly mustClass: Int32Array;
  readonly mayClass: Int32Array;
  /** For each that may: the last one before it of the same class, or -1. */
  readonly mayTwin: Int32Array;
  readonly mustReads: Uint8Array;
  /** For each that must: how many that must were invoked no later than it was completed. */
  readonly openedBy: Int32Array;
  /** For each that must: how many that may were invoked no later than it was completed. */
  readonly mayOpenedBy: Int32Array;
  /** Events of those that must: `2 * index` is an invocation, one more its completion; in order of time. */
  readonly events: Int32Array;
  readonly initialState: number;
  readonly #model: Model<unknown, unknown, unknown>;
  readonly #states = new Interner();
  readonly #operations: Operation[] = [];
  readonly #after = new Map<number, readonly number[]>();

  constructor(history: History, model: Model<unknown, unknown, unknown>) {
    this.#model = model;
    const must: number[] = [];
    const may: number[] = [];
    for (const [index, { call, outcome }] of history.entries()) {
      if (outcome.kind === 'ok') must.push(index);
      else if (outcome.kind === 'info' && !model.isRead(call)) may.push(index);
    }
    this.must = Int32Array.from(must);
    this.may = Int32Array.from(may);
    const classes = new Interner();
    const classOf = (index: number): number => {
      const operation = history[index] as Operation;
      const { call, outcome } = operation;
      const id = classes.idOf([call, outcome.kind, outcome.kind === 'ok' ? outcome.result : null]);
      this.#operations[id] ??= operation;
      return id;
    };
    this.mustClass = this.must.map(classOf);
    this.mayClass = this.may.map(classOf);
    this.mayTwin = this.mayClass.map((one, at) => (at === 0 ? -1 : this.mayClass.lastIndexOf(one, at - 1)));
    this.mustReads = Uint8Array.from(must, (index) => (model.isRead((history[index] as Operation).call) ? 1 : 0));
    const begun = (index: number): number => (history[index] as Operation).invokedAt;
    const ended = must.map((index) => (history[index] as Operation).outcome.at as number);
    this.openedBy = countUpTo(must.map(begun), ended);
    this.mayOpenedBy = countUpTo(may.map(begun), ended);
    this.events = inOrder(must.map(begun), ended);
    this.initialState = this.#states.idOf(model.initial);
  }

  /** The states after an operation of this class in this state; for an unknown one only those that it changes. */
  after(state: number, operationClass: number): readonly number[] {
    const key = operationClass * 2 ** 26 + state;
    const known = this.#after.get(key);
    if (known !== undefined) return known;
    const { call, outcome } = this.#operations[operationClass] as Operation;
    const answer = outcome.kind === 'ok' ? { result: outcome.result } : null;
    const states = this.#model.step(this.#states.valueOf(state), call, answer);
    const ids = [...new Set(states.map((one) => this.#states.idOf(one)))];
    assert(this.#states.count < 2 ** 26, 'there are less than 2^26 states');
    const after = outcome.kind === 'ok' ? ids : ids.filter((id) => id !== state);
    this.#after.set(key, after);
    return after;
  }

  stateOf(id: number): unknown {
    return this.#states.valueOf(id);
  }

  /** Roughly, of what grows while it is searched. */
  get bytes(): number {
    return this.#states.bytes + this.#after.size * 120;
  }
}

/** For each end, how many of the beginnings, which are in order, are no later. */
function countUpTo(begun: readonly number[], ends: readonly number[]): Int32Array {
  return Int32Array.from(ends, (end) => {
    let [low, high] = [0, begun.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((begun[middle] as number) <= end) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/** At one moment invocations come first: operations that only touch are concurrent. */
function inOrder(begun: readonly number[], ended: readonly number[]): Int32Array {
  const timeOf = (event: number): number => ((event & 1) === 0 ? begun : ended)[event >> 1] as number;
  return Int32Array.from({ length: begun.length * 2 }, (_, event) => event).sort(
    (left, right) => timeOf(left) - timeOf(right) || (left & 1) - (right & 1) || left - right,
  );
}
