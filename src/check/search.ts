/**
 * The search for a linearization: J. Wing and C. Gong, "Testing and verifying concurrent objects" (1993), with the
 * memory of configurations of G. Lowe, "Testing for linearizability" (2017). Depth first: place an operation whose
 * invocation stands before the first completion that is left, in a state that allows its answer; when that completion
 * cannot be reached, take the last one back. Four prunings are ours, and each keeps every verdict: a read that fits is
 * placed at once (it changes nothing, so a later place is no better); of equal calls of unknown outcome the earliest
 * goes first (they cannot be told apart); none of them is placed that the next one makes useless (`#isDetour`); and see
 * `memo.ts`.
 */
import { Memo } from './memo.ts';
import type { Problem } from './problem.ts';

/** What a search may use. It counts its own work, so that its end is the same on every machine. */
export interface SearchLimits {
  readonly stepCountMax: number;
  readonly bytesMax: number;
  /** Asked now and then; true ends the search as unknown. */
  readonly isOver: () => boolean;
}

export interface Placed {
  /** Index into the history. */
  readonly operation: number;
  /** The state after it. */
  readonly state: unknown;
}

/** The furthest that any order came, in time. */
export interface Furthest {
  readonly placed: readonly Placed[];
  /** The operation whose completion no order could reach, and the others that could not be placed either. */
  readonly stuck: number;
  readonly blocked: readonly number[];
}

export type LimitReached = 'steps' | 'memory' | 'time';

export type SearchEnd =
  | { readonly kind: 'ok'; readonly placed: readonly Placed[] }
  | { readonly kind: 'violation'; readonly furthest: Furthest }
  | { readonly kind: 'unknown'; readonly limit: LimitReached };

const stepsBetweenAsking = 4_096;

export class Search {
  readonly #problem: Problem;
  readonly #limits: SearchLimits;
  readonly #memo: Memo;
  /** A circle of the events that are left, from `#head`. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #head: number;
  readonly #done: Uint8Array;
  readonly #mayDone: Int32Array;
  readonly #window: Int32Array;
  #left: number;
  #state: number;
  #limit: LimitReached | null = null;
  // The path: what was placed (those that may as their complement), the state before, and how to go on after it.
  readonly #path: number[] = [];
  readonly #before: number[] = [];
  readonly #cursors: number[] = [];
  readonly #choices: number[] = [];
  /** The next candidate of this configuration: an invocation plus one, or the complement of one that may; 0: the first. */
  #cursor = 0;
  /** Which of the states after that candidate. */
  #choice = 0;
  #askAt = 0;
  #furthest: { rank: number; left: number; path: number[]; states: number[]; stuck: number } | null = null;
  readonly #rank: Int32Array;
  stepCount = 0;

  constructor(problem: Problem, limits: SearchLimits) {
    this.#problem = problem;
    this.#limits = limits;
    const { events, must, may } = problem;
    this.#head = events.length;
    this.#next = new Int32Array(events.length + 1);
    this.#previous = new Int32Array(events.length + 1);
    this.#rank = new Int32Array(events.length);
    let last = this.#head;
    for (const [rank, event] of events.entries()) {
      this.#rank[event] = rank;
      this.#next[last] = event;
      this.#previous[event] = last;
      last = event;
    }
    this.#next[last] = this.#head;
    this.#previous[this.#head] = last;
    this.#done = new Uint8Array(must.length);
    const mayWords = (may.length + 31) >>> 5;
    this.#mayDone = new Int32Array(mayWords);
    this.#window = new Int32Array((must.length >>> 5) + 2);
    this.#memo = new Memo(mayWords, limits.bytesMax);
    this.#left = must.length;
    this.#state = problem.initialState;
  }

  get bytes(): number {
    return this.#memo.bytes + this.#problem.bytes;
  }

  get configurationCount(): number {
    return this.#memo.count;
  }

  run(): SearchEnd {
    let fresh = true;
    for (;;) {
      if (this.#left === 0) return { kind: 'ok', placed: this.#placed(this.#path, this.#states()) };
      if (fresh && this.#placeRead()) continue;
      const open = fresh ? this.#enter() : true;
      if (open && this.#placeNext()) {
        fresh = true;
        continue;
      }
      if (this.#isOver()) return { kind: 'unknown', limit: this.#limit ?? 'steps' };
      if (open) this.#noteFurthest();
      if (!this.#takeBack()) return { kind: 'violation', furthest: this.#explain() };
      fresh = false;
    }
  }

  /** A read that fits here is placed without an alternative. */
  #placeRead(): boolean {
    const { mustReads, mustClass } = this.#problem;
    for (let event = this.#first(); (event & 1) === 0; event = this.#next[event] as number) {
      const index = event >> 1;
      if (mustReads[index] !== 1) continue;
      this.stepCount++;
      if (!this.#problem.after(this.#state, mustClass[index] as number).includes(this.#state)) continue;
      this.#push(index, this.#state, 0, 0);
      return true;
    }
    return false;
  }

  /** Whether this configuration is new; then its candidates begin. */
  #enter(): boolean {
    const base = this.#first() >> 1;
    const count = (this.#problem.openedBy[base] as number) - base;
    const words = (count + 31) >>> 5;
    this.#window.fill(0, 0, words);
    for (let offset = 1; offset < count; offset++) {
      if (this.#done[base + offset] === 1) {
        this.#window[offset >>> 5] = (this.#window[offset >>> 5] as number) | (1 << (offset & 31));
      }
    }
    const added = this.#memo.add(this.#state, base, this.#window, words, this.#mayDone);
    if (added === 'full' || this.bytes > this.#limits.bytesMax) this.#limit = 'memory';
    this.#cursor = 0;
    this.#choice = 0;
    return added === 'new';
  }

  /** Places the next candidate: those that must before those that may. */
  #placeNext(): boolean {
    if (this.#isOver()) return false;
    const { mustClass, mayClass, mayOpenedBy } = this.#problem;
    if (this.#cursor >= 0) {
      let event = this.#cursor === 0 ? this.#first() : this.#cursor - 1;
      for (; (event & 1) === 0; event = this.#next[event] as number, this.#choice = 0) {
        const index = event >> 1;
        if (this.#choose(index, mustClass[index] as number, event + 1)) return true;
      }
    }
    const first = this.#firstCompletion() >> 1;
    const mayCount = mayOpenedBy[first] as number;
    for (let may = this.#cursor < 0 ? ~this.#cursor : 0; may < mayCount; may++, this.#choice = 0) {
      if (this.#isMayDone(may) || this.#hasEarlierTwin(may)) continue;
      if (this.#choose(~may, mayClass[may] as number, ~may)) return true;
    }
    return false;
  }

  #choose(placed: number, operationClass: number, cursor: number): boolean {
    this.stepCount++;
    const states = this.#problem.after(this.#state, operationClass);
    for (; this.#choice < states.length; this.#choice++) {
      const state = states[this.#choice] as number;
      if (this.#isDetour(operationClass, state)) continue;
      this.#push(placed, state, cursor, this.#choice + 1);
      return true;
    }
    return false;
  }

  /**
   * Whether this operation leads to the same state from before one of those placed last, all of unknown outcome: then
   * they were for nothing, and the configuration without them, which is tried as well, can do more.
   */
  #isDetour(operationClass: number, state: number): boolean {
    for (let at = this.#path.length - 1; at >= 0 && (this.#path[at] as number) < 0; at--) {
      this.stepCount++;
      if (this.#problem.after(this.#before[at] as number, operationClass).includes(state)) return true;
    }
    return false;
  }

  /** `choice`: what to try when it is taken back; 0 means that there is no alternative to it. */
  #push(placed: number, state: number, cursor: number, choice: number): void {
    this.#path.push(placed);
    this.#before.push(this.#state);
    this.#cursors.push(cursor);
    this.#choices.push(choice);
    this.#state = state;
    if (placed >= 0) this.#lift(placed);
    else this.#mayDone[~placed >>> 5] = (this.#mayDone[~placed >>> 5] as number) | (1 << (~placed & 31));
  }

  #takeBack(): boolean {
    for (;;) {
      const placed = this.#path.pop();
      if (placed === undefined) return false;
      this.#state = this.#before.pop() as number;
      this.#choice = this.#choices.pop() as number;
      this.#cursor = this.#cursors.pop() as number;
      if (placed >= 0) this.#unlift(placed);
      else this.#mayDone[~placed >>> 5] = (this.#mayDone[~placed >>> 5] as number) & ~(1 << (~placed & 31));
      if (this.#choice > 0) return true;
    }
  }

  #first(): number {
    return this.#next[this.#head] as number;
  }

  #firstCompletion(): number {
    let event = this.#first();
    while ((event & 1) === 0) event = this.#next[event] as number;
    return event;
  }

  #isMayDone(may: number): boolean {
    return (((this.#mayDone[may >>> 5] as number) >>> (may & 31)) & 1) === 1;
  }

  /** Whether an equal call of unknown outcome, invoked earlier, is not placed yet. */
  #hasEarlierTwin(may: number): boolean {
    const twin = this.#problem.mayTwin[may] as number;
    return twin >= 0 && !this.#isMayDone(twin);
  }

  #lift(index: number): void {
    this.#done[index] = 1;
    this.#left--;
    this.#unlink(2 * index);
    this.#unlink(2 * index + 1);
  }

  #unlift(index: number): void {
    this.#done[index] = 0;
    this.#left++;
    this.#relink(2 * index + 1);
    this.#relink(2 * index);
  }

  #unlink(event: number): void {
    this.#next[this.#previous[event] as number] = this.#next[event] as number;
    this.#previous[this.#next[event] as number] = this.#previous[event] as number;
  }

  #relink(event: number): void {
    this.#next[this.#previous[event] as number] = event;
    this.#previous[this.#next[event] as number] = event;
  }

  #isOver(): boolean {
    if (this.#limit !== null) return true;
    const steps = this.stepCount + this.#memo.scannedCount;
    if (steps > this.#limits.stepCountMax) this.#limit = 'steps';
    else if (steps >= this.#askAt) {
      this.#askAt = steps + stepsBetweenAsking;
      if (this.#limits.isOver()) this.#limit = 'time';
    }
    return this.#limit !== null;
  }

  #states(): number[] {
    return [...this.#before.slice(1), this.#state];
  }

  #placed(path: readonly number[], states: readonly number[]): readonly Placed[] {
    const { must, may } = this.#problem;
    return path.map((placed, at) => ({
      operation: (placed >= 0 ? must[placed] : may[~placed]) as number,
      state: this.#problem.stateOf(states[at] as number),
    }));
  }

  /** This configuration is a dead end: further in time than others, with more that must, or with less that may? */
  #noteFurthest(): void {
    const stuck = this.#firstCompletion();
    const rank = this.#rank[stuck] as number;
    const best = this.#furthest;
    if (best !== null) {
      const further = rank - best.rank || best.left - this.#left || best.path.length - this.#path.length;
      if (further <= 0) return;
    }
    const path = [...this.#path];
    this.#furthest = { rank, left: this.#left, path, states: this.#states(), stuck: stuck >> 1 };
  }

  #explain(): Furthest {
    const { must, openedBy } = this.#problem;
    const { path, states, stuck } = this.#furthest ?? { path: [], states: [], stuck: 0 };
    const placed = new Set(path);
    const blocked: number[] = [];
    for (let index = 0; index < (openedBy[stuck] as number); index++) {
      if (index !== stuck && !placed.has(index)) blocked.push(must[index] as number);
    }
    return { placed: this.#placed(path, states), stuck: must[stuck] as number, blocked };
  }
}
