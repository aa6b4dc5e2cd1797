/**
 * Consistent hashing with bounded loads: Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads",
 * 2016. A node takes at most `loadFactor` times its fair share of what is under way; a key whose node is full goes to the next one
 * clockwise that is not. For requests: it counts what is under way, so a slow worker, whose requests pile up,
 * fills and is passed by, without anybody measuring times. What is placed stays where it is: the paper also moves balls
 * back when room appears, which a request under way cannot do.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { HashRing } from './hash-ring.ts';
import type { WeightedNode } from './ring-node.ts';

export interface BoundedLoadOptions {
  /**
   * The paper's c = 1 + ε: how many times its fair share a node may have. Default 1.25. At least 1.01. Lower is more even and
   * sends more keys past their own node, which costs a cache its hits; higher the reverse.
   */
  readonly loadFactor?: number | undefined;
}

/**
 * One balancer's own view: it counts what went through it. With several balancers each bounds its own part, and so the
 * sum. Choose with `acquire`, and `release` once for each, whatever came of it.
 */
export class BoundedLoad {
  readonly #loadFactor: number;
  #ring: HashRing;
  #weightSum = 0;
  /** Under way at each node of the ring, by its place there. */
  #loads: Uint32Array = new Uint32Array(0);
  #inFlight = 0;
  /** Under way at nodes that have left. */
  readonly #departed = new Map<string, number>();
  /** What a node of weight 1 may have, before rounding up: set by each `acquire` for `#isFree`. */
  #perWeight = 0;
  /** Whom `#isFree` accepted last, by its place in the ring. */
  #chosen = 0;
  readonly #isFree = ({ weight }: WeightedNode, index: number): boolean => {
    if ((this.#loads[index] as number) >= Math.ceil(this.#perWeight * weight)) return false;
    this.#chosen = index;
    return true;
  };

  /** @throws LockstepError `misuse` for a load factor below 1.01 or without end. */
  constructor(ring: HashRing, options: BoundedLoadOptions = {}) {
    this.#loadFactor = options.loadFactor ?? 1.25;
    // From 1.01 on the capacities add up to more than there is, whatever rounding takes off.
    if (!(this.#loadFactor >= 1.01 && this.#loadFactor < Infinity))
      throw new LockstepError('misuse', 'the load factor is at least 1.01', {
        values: { loadFactor: this.#loadFactor },
      });
    this.#ring = ring;
    this.#take(ring);
  }

  get ring(): HashRing {
    return this.#ring;
  }

  /** How many are under way at the nodes of the ring. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * The node for this key, counted as one more under way there: its own node, or the next that is not full. Null only
   * where there are no nodes. Just after it, the node's load is at most its `capacityOf`.
   */
  acquire(key: string): string | null {
    this.#perWeight = this.#allowed(this.#inFlight + 1);
    const node = this.#ring.firstWhere(key, this.#isFree);
    if (node === null) return null;
    this.#loads[this.#chosen] = (this.#loads[this.#chosen] as number) + 1;
    this.#inFlight++;
    return node.name;
  }

  /**
   * One that was under way at this node is over; also for a node that has left since.
   * @throws LockstepError `misuse` when none was.
   */
  release(name: string): void {
    const index = this.#ring.indexOf(name);
    const load = index < 0 ? (this.#departed.get(name) ?? 0) : (this.#loads[index] as number);
    if (load === 0) throw new LockstepError('misuse', 'nothing is under way at this node', { values: { name } });
    if (index >= 0) {
      this.#loads[index] = load - 1;
      this.#inFlight--;
    } else if (load === 1) this.#departed.delete(name);
    else this.#departed.set(name, load - 1);
  }

  /** How many are under way at this node, also one that has left. */
  loadOf(name: string): number {
    const index = this.#ring.indexOf(name);
    return index < 0 ? (this.#departed.get(name) ?? 0) : (this.#loads[index] as number);
  }

  /**
   * The most this node may have at what is under way now: ⌈loadFactor × inFlight × weight / all weights⌉; 0 for one that is
   * not there. As others finish it shrinks, and a node may stand above it until its own finish.
   */
  capacityOf(name: string): number {
    const node = this.#ring.nodes[this.#ring.indexOf(name)];
    return node === undefined ? 0 : Math.ceil(this.#allowed(this.#inFlight) * node.weight);
  }

  /** From now on this ring, after a join, a leave or another weight. What is under way is counted on where it is. */
  useRing(ring: HashRing): void {
    for (const { name } of this.#ring.nodes) {
      const load = this.loadOf(name);
      if (load > 0) this.#departed.set(name, load);
    }
    this.#take(ring);
  }

  #take(ring: HashRing): void {
    const loads = new Uint32Array(ring.nodes.length);
    this.#inFlight = 0;
    for (const [index, { name }] of ring.nodes.entries()) {
      const load = this.#departed.get(name) ?? 0;
      loads[index] = load;
      this.#inFlight += load;
      this.#departed.delete(name);
    }
    this.#ring = ring;
    this.#loads = loads;
    this.#weightSum = ring.nodes.reduce((sum, { weight }) => sum + weight, 0);
  }

  #allowed(inFlight: number): number {
    return (this.#loadFactor * inFlight) / this.#weightSum;
  }
}
