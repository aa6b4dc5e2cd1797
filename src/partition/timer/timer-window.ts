/**
 * The timers that come next, in order: all that are due before `endMs`, and no more of them than there is room for. The
 * rest is in the state alone.
 */
import { assert } from '../../kernel/assert.ts';
import type { NearTimer } from './timer-state.ts';

export class TimerWindow {
  readonly #countMax: number;
  #timers: NearTimer[] = [];
  /** Those before it have been taken: the array is cut now and then, not at every step. */
  #start = 0;
  #endMs = -Infinity;

  constructor(countMax: number) {
    assert(countMax >= 2, 'a window has room for two timers');
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#timers.length - this.#start;
  }

  /** All that are due before this are here. */
  get endMs(): number {
    return this.#endMs;
  }

  get first(): NearTimer | null {
    return this.#timers[this.#start] ?? null;
  }

  /** In order, from `endMs` on, and all of them that are due before `endMs` next. */
  extend(timers: Iterable<NearTimer>, endMs: number): void {
    for (const timer of timers) this.#insert(timer);
    this.#endMs = endMs;
    this.#cut();
  }

  /** One that was set now. */
  add(timer: NearTimer): void {
    if (timer.dueMs >= this.#endMs) return;
    this.#insert(timer);
    this.#cut();
  }

  /** One that is to be tried again though it lies before all that is here. */
  addAgain(timer: NearTimer): void {
    this.#insert(timer);
  }

  remove(timer: NearTimer): void {
    const at = this.#place(timer);
    const found = this.#timers[at];
    if (found === undefined || compare(found, timer) !== 0) return;
    if (at === this.#start) this.shift();
    else this.#timers.splice(at, 1);
  }

  shift(): NearTimer | null {
    const { first } = this;
    if (first === null) return null;
    this.#start++;
    if (this.#start < 1_000 && this.#start < this.#timers.length) return first;
    this.#timers = this.#timers.slice(this.#start);
    this.#start = 0;
    return first;
  }

  #insert(timer: NearTimer): void {
    const at = this.#place(timer);
    const found = this.#timers[at];
    if (found === undefined) this.#timers.push(timer);
    else if (compare(found, timer) !== 0) this.#timers.splice(at, 0, timer);
  }

  /** What is too much is left to the state, from a due time on. */
  #cut(): void {
    if (this.count <= this.#countMax) return;
    const keep = Math.max(1, Math.floor((this.#countMax * 3) / 4));
    this.#endMs = (this.#timers[this.#start + keep] as NearTimer).dueMs;
    this.#timers.length = this.#start + keep;
  }

  /** Where it is, or belongs. */
  #place(timer: NearTimer): number {
    let [low, high] = [this.#start, this.#timers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#timers[middle] as NearTimer, timer) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** By due time; among equals in any fixed order. */
function compare(a: NearTimer, b: NearTimer): number {
  if (a.dueMs !== b.dueMs) return a.dueMs - b.dueMs;
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.place === b.place) return 0;
  return (a.place ?? '') < (b.place ?? '') || a.place === null ? -1 : 1;
}
