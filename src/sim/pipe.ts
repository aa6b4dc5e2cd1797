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
  /** In the order of their sending. Whatever comes due delivers the oldest, so that none overtakes another. */
  #underWay: Item[] = [];
  /** Of those under way, how many came due on a cut link and set out again when it is mended. */
  #heldCount = 0;
  #generation = 0;

  constructor(fabric: Fabric, from: string, to: string, deliver: (item: Item) => void, giveUp: () => void) {
    this.#fabric = fabric;
    this.from = from;
    this.to = to;
    this.#deliver = deliver;
    this.#giveUp = giveUp;
  }

  push(item: Item): void {
    this.#underWay.push(item);
    this.#setOut();
  }

  /** Forgets what has not arrived. */
  drop(): void {
    this.#generation++;
    this.#underWay = [];
    this.#heldCount = 0;
  }

  /** The link is mended: what was held sets out again. */
  resume(): void {
    const count = this.#heldCount;
    this.#heldCount = 0;
    for (let index = 0; index < count; index++) this.#setOut();
  }

  #setOut(): void {
    const { timeline } = this.#fabric;
    const dueMs = Math.max(this.#lastDueMs, timeline.nowMs + this.#fabric.latencyMs());
    this.#lastDueMs = dueMs;
    const generation = this.#generation;
    timeline.after(dueMs - timeline.nowMs, () => {
      if (generation === this.#generation) this.#comeDue();
    });
  }

  #comeDue(): void {
    if (this.#fabric.isCut(this.from, this.to)) return this.#hold();
    const item = this.#underWay.shift();
    if (item !== undefined) this.#deliver(item);
  }

  #hold(): void {
    this.#heldCount++;
    if (this.#heldCount > 1) return;
    this.#fabric.park(this);
    const [oldest] = this.#underWay;
    if (oldest?.kind === 'reset') return; // nobody waits for an answer to it
    const generation = this.#generation;
    this.#fabric.timeline.after(this.#fabric.breakAfterMs(), () => {
      if (generation === this.#generation && this.#heldCount > 0 && this.#underWay[0] === oldest) this.#giveUp();
    });
  }
}
