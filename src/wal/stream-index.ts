/**
 * Where a stream's entries stand in the shared journal: runs of entries that follow each other in both. A run costs
 * two numbers, so a stream that appends in batches, or alone, costs next to nothing.
 */
import { assert } from '../kernel/assert.ts';

export class StreamIndex {
  first: number;
  next: number;
  readonly #indexes: number[] = [];
  readonly #positions: number[] = [];

  constructor(next: number) {
    this.first = next;
    this.next = next;
  }

  /** Nothing of it is known to be there: what is told next may lie ahead, of what older segments told and took along. */
  get empty(): boolean {
    return this.#indexes.length === 0;
  }

  /** It goes on from here. */
  moveTo(next: number): void {
    assert(this.empty && next >= this.next, 'only an empty stream moves, and ahead');
    this.first = next;
    this.next = next;
  }

  add(index: number, position: number): void {
    assert(index === this.next, 'indexes of a stream are dense');
    const last = this.#indexes.length - 1;
    const follows =
      last >= 0 && position - (this.#positions[last] as number) === index - (this.#indexes[last] as number);
    if (!follows) {
      this.#indexes.push(index);
      this.#positions.push(position);
    }
    this.next = index + 1;
  }

  /** In the journal, of an index that is kept. */
  positionOf(index: number): number {
    assert(index >= this.first && index < this.next, 'what is asked for is kept');
    const run = this.#runOf(index);
    return (this.#positions[run] as number) + index - (this.#indexes[run] as number);
  }

  /** Of the oldest entry that is kept; null without one. */
  get oldest(): number | null {
    return this.first < this.next ? this.positionOf(this.first) : null;
  }

  truncateAfter(index: number): void {
    this.next = Math.min(this.next, index + 1);
    this.first = Math.min(this.first, this.next);
    while ((this.#indexes.at(-1) ?? -1) >= this.next) {
      this.#indexes.pop();
      this.#positions.pop();
    }
  }

  truncateBefore(index: number): void {
    this.first = Math.max(this.first, index);
    this.next = Math.max(this.next, index);
    const gone = this.first === this.next ? this.#indexes.length : this.#runOf(this.first);
    this.#indexes.splice(0, gone);
    this.#positions.splice(0, gone);
  }

  #runOf(index: number): number {
    let [low, high] = [0, this.#indexes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#indexes[middle] as number) <= index) low = middle + 1;
      else high = middle;
    }
    assert(low > 0, 'an index that is kept lies in a run');
    return low - 1;
  }
}
