/**
 * Rendezvous hashing, also called highest random weight: Thaler and Ravishankar, "Using Name-Based Mappings to Increase
 * Hit Rates", 1998; weights as Schindler and Schomaker have them, with the score -w / ln(h). Every node has a score for
 * every key, the highest has the key. Its loads are as even as chance allows and it needs no memory, but a lookup looks at every
 * node: for up to some tens of nodes, or for lists of replicas; above that a `HashRing`.
 */
import { finalMix } from '../bytes/hash.ts';
import { minusLogOf } from './natural-log.ts';
import { checkedNodes, type RingNode, type WeightedNode, withNode, withoutNode } from './ring-node.ts';
import { textHash } from './text-hash.ts';

const keySeed = 0x72656e64;
/** Two hashes of a name: of two nodes with one hash of 32 bits the second would get nothing. */
const firstSeed = 0x657a766f;
const secondSeed = 0x75732121;
/** 2^-32. */
const hashUnit = 1 / 4_294_967_296;

/** Immutable: `join` and `leave` make another. It depends on names and weights alone, on every engine. */
export class Rendezvous {
  /** By name, in the order of UTF-16 units. */
  readonly nodes: readonly WeightedNode[];
  readonly #firsts: Int32Array;
  readonly #seconds: Int32Array;
  readonly #weights: Float64Array;
  readonly #isWeighted: boolean;

  private constructor(nodes: readonly WeightedNode[]) {
    this.nodes = nodes;
    this.#firsts = Int32Array.from(nodes, ({ name }) => textHash(name, firstSeed));
    this.#seconds = Int32Array.from(nodes, ({ name }) => textHash(name, secondSeed));
    this.#weights = Float64Array.from(nodes, ({ weight }) => weight);
    this.#isWeighted = nodes.some(({ weight }) => weight !== nodes[0]?.weight);
  }

  /** @throws LockstepError `invalid` for nodes that cannot be. */
  static of(nodes: readonly RingNode[]): Rendezvous {
    return new Rendezvous(checkedNodes(nodes));
  }

  /** The node that has this key; null where there are no nodes. Allocates nothing. */
  nodeOf(key: string): string | null {
    if (this.nodes.length === 0) return null;
    const hash = textHash(key, keySeed);
    return (this.nodes[this.#isWeighted ? this.#weightedBest(hash) : this.#evenBest(hash)] as WeightedNode).name;
  }

  /**
   * The first `count` nodes by score, the key's own first: for replicas, or whom to ask next. When a node leaves, the
   * others keep their order. Fewer where there are fewer nodes.
   */
  nodesOf(key: string, count: number): readonly string[] {
    const hash = textHash(key, keySeed);
    const scored = this.nodes.map(({ name, weight }, at) => ({ name, weight, log: minusLogOf(this.#draw(hash, at)) }));
    return scored
      .toSorted((a, b) => b.weight * a.log - a.weight * b.log)
      .slice(0, Math.max(0, count))
      .map(({ name }) => name);
  }

  /** With this node, or with its new weight where it is there: then keys move to it or from it alone. */
  join(node: RingNode): Rendezvous {
    return Rendezvous.of(withNode(this.nodes, node));
  }

  /** Without this node; the same where it is not there. Only its keys move. */
  leave(name: string): Rendezvous {
    const rest = withoutNode(this.nodes, name);
    return rest.length === this.nodes.length ? this : Rendezvous.of(rest);
  }

  /** A number from 0 to 2^32 - 1 that is the key's and the node's alone. */
  #draw(keyHash: number, at: number): number {
    return finalMix(finalMix(keyHash ^ (this.#firsts[at] as number)) + (this.#seconds[at] as number)) >>> 0;
  }

  /** With even weights the highest number has the highest score; the first by name where two have the same. */
  #evenBest(keyHash: number): number {
    let best = 0;
    let bestDraw = -1;
    for (let at = 0; at < this.#firsts.length; at++) {
      const drawn = this.#draw(keyHash, at);
      if (drawn > bestDraw) {
        best = at;
        bestDraw = drawn;
      }
    }
    return best;
  }

  /** Scores are compared without dividing: w / l is above w' / l' where w × l' is above w' × l. */
  #weightedBest(keyHash: number): number {
    let best = 0;
    let bestWeight = this.#weights[0] as number;
    let bestLog = minusLogOf(this.#draw(keyHash, 0));
    for (let at = 1; at < this.#firsts.length; at++) {
      const drawn = this.#draw(keyHash, at);
      const weight = this.#weights[at] as number;
      // -ln(u) is at least 1 - u, so most nodes are out before their logarithm is taken. The margin is above all rounding.
      if (weight * bestLog < bestWeight * (1 - (drawn + 0.5) * hashUnit) * 0.999_999) continue;
      const log = minusLogOf(drawn);
      if (weight * bestLog > bestWeight * log) {
        best = at;
        bestWeight = weight;
        bestLog = log;
      }
    }
    return best;
  }
}
