import type { Fabric } from './fabric.ts';

/** What travels one way of a stream. `acknowledge` frees the sender's window; `reset` breaks the other end. */
export type Item =
  | { readonly kind: 'frame'; readonly bytes: Uint8Array; readonly message: number }
  | { readonly kind: 'acknowledge'; readonly bytes: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'reset' };

/**
 * One way of a stream: items arrive in order, each after a delay of its own. Over a cut link they are held, as a
 * sender's kernel holds and resends them; if that takes too long, the pipe gives up and says so.
 */
export class Pipe {
  readonly from: string;
  readonly to: string;
  readonly #fabric: Fabric;
  readonly #deliver: (item: Item) => void;
  readonly #giveUp: () => void;
  #lastDueMs = 0;
  #held: Item[] = [];
  #generation = 0;

  constructor(fabric: Fabric, from: string, to: string, deliver: (item: Item) => void, giveUp: () => void) {
    this.#fabric = fabric;
    this.from = from;
    this.to = to;
    this.#deliver = deliver;
    this.#giveUp = giveUp;
  }

  push(item: Item): void {
    const { timeline } = this.#fabric;
    const dueMs = Math.max(this.#lastDueMs, timeline.nowMs + this.#fabric.latencyMs());
    this.#lastDueMs = dueMs;
    const generation = this.#generation;
    timeline.after(dueMs - timeline.nowMs, () => {
      if (generation === this.#generation) this.#arrive(item);
    });
  }

  /** Forgets what has not arrived. */
  drop(): void {
    this.#generation++;
    this.#held = [];
  }

  /** The link is mended: what was held sets out again. */
  resume(): void {
    const held = this.#held;
    this.#held = [];
    for (const item of held) this.push(item);
  }

  #arrive(item: Item): void {
    if (this.#held.length === 0 && !this.#fabric.isCut(this.from, this.to)) return this.#deliver(item);
    this.#held.push(item);
    if (this.#held.length > 1) return;
    this.#fabric.park(this);
    if (item.kind === 'reset') return; // nobody waits for an answer to it
    const generation = this.#generation;
    this.#fabric.timeline.after(this.#fabric.breakAfterMs(), () => {
      if (generation === this.#generation && this.#held[0] === item) this.#giveUp();
    });
  }
}
