/**
 * Consistent hashing with virtual nodes: Karger, Lehman, Leighton, Panigrahy, Levine and Lewin, "Consistent Hashing and
 * Random Trees", 1997; virtual nodes and preference lists as in DeCandia et al., "Dynamo", 2007. Each node has many
 * points (vnodes) on a circle of 2^32; a key belongs to the first point at or after its own, clockwise. A join takes keys
 * from all others, a leave gives keys to all others, and no key moves between two nodes that stay.
 *
 * The points are sorted, and a table by their upper bits says where to begin: a lookup takes two or three steps however
 * many points there are. Integers alone decide, so all engines agree.
 */
import { LockstepError } from '../kernel/errors.ts';
import { type Circle, circleOf, circleWith, circleWithout, type Placed } from './circle.ts';
import { checkedNodes, type RingNode, type WeightedNode, withNode, withoutNode } from './ring-node.ts';
import { textHash } from './text-hash.ts';

export interface HashRingOptions {
  /**
   * Points of a node of weight 1. Default 1,024: the load of a node then has a standard deviation of 3.1 % (1 / √vnodes),
   * and a join or leave moves 1/n of the keys within 10 %. More is more even, 10 to 12 bytes each; all processes must
   * have the same number.
   */
  readonly vnodes?: number | undefined;
}

/** The most points of one ring: about 50 MB. */
export const pointCountMax = 4_194_304;

const vnodesDefault = 1_024;
const circumference = 4_294_967_296;
/** A seed of its own, so that the keys of one slot lie all over the circle. */
const keySeed = 0x72696e67;

/**
 * Immutable: `join` and `leave` make another ring. It depends on the names, the weights and `vnodes` alone, not on who
 * came first, so that all who know of the same nodes find the same node for a key.
 */
export class HashRing {
  /** By name, in the order of UTF-16 units. */
  readonly nodes: readonly WeightedNode[];
  readonly vnodes: number;
  readonly #circle: Circle;
  readonly #names: readonly string[];
  /** Of each value of the upper bits, where in the circle the first point is that has them, or comes after. */
  readonly #starts: Uint32Array;
  readonly #shift: number;
  readonly #indexes: ReadonlyMap<string, number>;

  private constructor(nodes: readonly WeightedNode[], vnodes: number, circle: Circle) {
    this.nodes = nodes;
    this.vnodes = vnodes;
    this.#circle = circle;
    this.#names = nodes.map(({ name }) => name);
    const bits = Math.max(1, 31 - Math.clz32(circle.length / 2));
    this.#shift = 32 - bits;
    this.#starts = startsOf(circle, bits);
    this.#indexes = new Map(nodes.map(({ name }, index) => [name, index]));
  }

  /**
   * A node of weight w has w × `vnodes` points, rounded, at least one.
   * @throws LockstepError `invalid` for nodes that cannot be, `misuse` for `vnodes` that cannot be, or above 4,194,304
   * points in all.
   */
  static of(nodes: readonly RingNode[], options: HashRingOptions = {}): HashRing {
    const { vnodes = vnodesDefault } = options;
    if (!Number.isSafeInteger(vnodes) || vnodes < 1)
      throw new LockstepError('misuse', 'vnodes is a whole number above 0', { values: { vnodes } });
    const checked = checkedNodes(nodes);
    return new HashRing(checked, vnodes, circleOf(placed(checked, vnodes)));
  }

  /** The node that has this key; null where there are no nodes. Allocates nothing. */
  nodeOf(key: string): string | null {
    if (this.nodes.length === 0) return null;
    return this.#names[this.#circle[this.#pointAfter(textHash(key, keySeed)) + 1] as number] as string;
  }

  /**
   * The first `count` different nodes clockwise, the key's own first: for replicas, or whom to ask next. When a node
   * leaves, the others keep their order. Fewer where there are fewer nodes.
   */
  nodesOf(key: string, count: number): readonly string[] {
    const found: string[] = [];
    const wanted = Math.min(count, this.nodes.length);
    if (wanted < 1) return found;
    this.firstWhere(key, ({ name }) => {
      if (!found.includes(name)) found.push(name);
      return found.length >= wanted;
    });
    return found;
  }

  /**
   * The first node clockwise from the key that is accepted; null when none is. `accepts` also gets the node's place in
   * `nodes`; it is asked by the order of points, so it may see a node more than once before it has seen another.
   */
  firstWhere(key: string, accepts: (node: WeightedNode, index: number) => boolean): WeightedNode | null {
    const nodeCount = this.nodes.length;
    if (nodeCount === 0) return null;
    const circle = this.#circle;
    let at = this.#pointAfter(textHash(key, keySeed));
    // Most walks are short. Only a long one keeps a list of whom it has seen, so as to end when that is everybody.
    for (let step = nodeCount; step > 0; step--) {
      const index = circle[at + 1] as number;
      if (accepts(this.nodes[index] as WeightedNode, index)) return this.nodes[index] as WeightedNode;
      at += 2;
      if (at === circle.length) at = 0;
    }
    const isSeen = new Uint8Array(nodeCount);
    for (let unseenCount = nodeCount; unseenCount > 0;) {
      const index = circle[at + 1] as number;
      if (isSeen[index] === 0) {
        if (accepts(this.nodes[index] as WeightedNode, index)) return this.nodes[index] as WeightedNode;
        isSeen[index] = 1;
        unseenCount--;
      }
      at += 2;
      if (at === circle.length) at = 0;
    }
    return null;
  }

  /** The node's place in `nodes`; -1 for one that is not there. */
  indexOf(name: string): number {
    return this.#indexes.get(name) ?? -1;
  }

  /**
   * With this node, or with its new weight where it is there: then keys move to it or from it alone.
   * @throws LockstepError as `of` does.
   */
  join(node: RingNode): HashRing {
    const nodes = checkedNodes(withNode(this.nodes, node));
    const index = nodes.findIndex(({ name }) => name === node.name);
    const added = placed(nodes, this.vnodes)[index] as Placed;
    return new HashRing(nodes, this.vnodes, circleWith(this.leave(node.name).#circle, index, added));
  }

  /** Without this node; this ring where it is not there. */
  leave(name: string): HashRing {
    const index = this.indexOf(name);
    if (index < 0) return this;
    const nodes = checkedNodes(withoutNode(this.nodes, name));
    return new HashRing(nodes, this.vnodes, circleWithout(this.#circle, index));
  }

  /** What part of the circle each node has, in the order of `nodes`; together 1. The keys it gets are close to it. */
  shares(): readonly number[] {
    const sums = this.nodes.map(() => 0);
    const circle = this.#circle;
    let before = (circle.at(-2) ?? 0) - circumference;
    for (let at = 0; at < circle.length; at += 2) {
      const point = circle[at] as number;
      const owner = circle[at + 1] as number;
      sums[owner] = (sums[owner] as number) + (point - before);
      before = point;
    }
    return sums.map((sum) => sum / circumference);
  }

  /** Where in the circle the first point is at or after the hash; the first of all after the last. */
  #pointAfter(hash: number): number {
    const unsigned = hash >>> 0;
    const circle = this.#circle;
    let at = this.#starts[unsigned >>> this.#shift] as number;
    while (at < circle.length && (circle[at] as number) < unsigned) at += 2;
    return at === circle.length ? 0 : at;
  }
}

function placed(nodes: readonly WeightedNode[], vnodes: number): readonly Placed[] {
  const counts = nodes.map(({ name, weight }) => ({ name, pointCount: Math.max(1, Math.round(weight * vnodes)) }));
  const sum = counts.reduce((sum, { pointCount }) => sum + pointCount, 0);
  if (sum > pointCountMax)
    throw new LockstepError('misuse', 'the ring has too many points', {
      values: { pointCount: sum, pointCountMax },
      advice: ['take fewer vnodes, or smaller weights: only their ratios count'],
    });
  return counts;
}

function startsOf(circle: Circle, bits: number): Uint32Array {
  const starts = new Uint32Array(2 ** bits);
  let at = 0;
  for (let upper = 0; upper < starts.length; upper++) {
    while (at < circle.length && (circle[at] as number) >>> (32 - bits) < upper) at += 2;
    starts[upper] = at;
  }
  return starts;
}
