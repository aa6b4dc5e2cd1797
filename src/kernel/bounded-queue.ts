import { assert } from './assert.ts';

/**
 * First in, first out, with a limit it is born with. A ring: constant time at both ends, and memory only for what
 * it has held. Reaching the limit is an answer; shedding, blocking or failing is the caller's choice.
 */
export class BoundedQueue<T> {
  readonly #countMax: number;
  #ring: (T | undefined)[];
  #head = 0;
  #count = 0;

  constructor(countMax: number) {
    assert(Number.isSafeInteger(countMax) && countMax > 0, 'a queue has room for at least one item');
    this.#countMax = countMax;
    this.#ring = new Array<T | undefined>(Math.min(16, countMax));
  }

  get count(): number {
    return this.#count;
  }

  push(item: T): 'queued' | 'full' {
    if (this.#count === this.#countMax) return 'full';
    if (this.#count === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#count) % this.#ring.length] = item;
    this.#count++;
    return 'queued';
  }

  /** The oldest item, or undefined when there is none. */
  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#count--;
    return item;
  }

  #grow(): void {
    const next = new Array<T | undefined>(Math.min(this.#ring.length * 2, this.#countMax));
    for (let index = 0; index < this.#count; index++)
      next[index] = this.#ring[(this.#head + index) % this.#ring.length];
    this.#ring = next;
    this.#head = 0;
  }
}
