/** The newest of what was put into it, as many as there is room for: what runs for days holds no more than that. */
export class Ring<T> {
  readonly #room: number;
  readonly #items: T[] = [];
  #at = 0;

  constructor(room: number) {
    this.#room = room;
  }

  push(item: T): void {
    this.#items[this.#at] = item;
    this.#at = (this.#at + 1) % this.#room;
  }

  /** Oldest first. */
  list(): readonly T[] {
    return this.#items.length < this.#room
      ? [...this.#items]
      : [...this.#items.slice(this.#at), ...this.#items.slice(0, this.#at)];
  }
}
