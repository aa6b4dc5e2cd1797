/**
 * What is due, ordered by time and then by sequence, so that ties have an order: a binary heap. A cancelled event
 * stays until it comes up, and is then passed over.
 */
export class DueEvent {
  readonly dueMs: number;
  readonly sequence: number;
  #run: (() => void) | null;

  constructor(dueMs: number, sequence: number, run: () => void) {
    this.dueMs = dueMs;
    this.sequence = sequence;
    this.#run = run;
  }

  get cancelled(): boolean {
    return this.#run === null;
  }

  cancel(): void {
    this.#run = null;
  }

  /** Once at most. */
  run(): void {
    const run = this.#run;
    this.#run = null;
    run?.();
  }
}

const before = (a: DueEvent, b: DueEvent): boolean =>
  a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);

export class EventQueue {
  readonly #heap: DueEvent[] = [];

  get count(): number {
    return this.#heap.length;
  }

  push(event: DueEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] as DueEvent;
      if (before(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  /** The next event that is not cancelled, or undefined. */
  pop(): DueEvent | undefined {
    for (;;) {
      const top = this.#popAny();
      if (top === undefined || !top.cancelled) return top;
    }
  }

  #popAny(): DueEvent | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as DueEvent, heap[child] as DueEvent)) child++;
      if (before(last, heap[child] as DueEvent)) break;
      heap[at] = heap[child] as DueEvent;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
