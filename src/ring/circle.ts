/**
 * The points of a ring, sorted: of each, where it lies and whose it is. To add or take away one node's points is one
 * pass over the others, which stay sorted: at a million points a few milliseconds, where sorting anew takes a hundred.
 */
import { finalMix } from '../bytes/hash.ts';
import { assert } from '../kernel/assert.ts';
import { textHash } from './text-hash.ts';

/**
 * Of each point two numbers, side by side so that they are read at once: where it lies, ascending, and the place of its
 * node among all nodes by name. Where two nodes have one point, the one that is first by name has it, and stands first.
 */
export type Circle = Uint32Array;

/** How many points which node has. */
export interface Placed {
  readonly name: string;
  readonly pointCount: number;
}

const firstSeed = 0x6e6f6465;
const secondSeed = 0x766e6f64;

/** The nodes by name. */
export function circleOf(nodes: readonly Placed[]): Circle {
  // Point, then place of the node, in one number of 48 bits: numbers are sorted natively.
  const sorted = new Float64Array(nodes.reduce((sum, { pointCount }) => sum + pointCount, 0));
  let at = 0;
  for (const [owner, node] of nodes.entries()) {
    for (const point of pointsOf(node)) sorted[at++] = point * 65_536 + owner;
  }
  assert(at === sorted.length, 'every vnode has its point');
  sorted.sort();
  const circle = new Uint32Array(2 * at);
  for (let index = 0; index < at; index++) {
    const one = sorted[index] as number;
    circle[2 * index] = Math.floor(one / 65_536);
    circle[2 * index + 1] = one % 65_536;
  }
  return circle;
}

/** With a node that comes to stand at the place `owner` by name. */
export function circleWith(circle: Circle, owner: number, node: Placed): Circle {
  const added = pointsOf(node).sort();
  const next = new Uint32Array(circle.length + 2 * added.length);
  let [at, from] = [0, 0];
  const keep = (until: number): void => {
    for (; from < until; from += 2) {
      const before = circle[from + 1] as number;
      next[at++] = circle[from] as number;
      next[at++] = before < owner ? before : before + 1;
    }
  };
  for (const point of added) {
    let until = from;
    while (until < circle.length && isBefore(circle, until, point, owner)) until += 2;
    keep(until);
    next[at++] = point;
    next[at++] = owner;
  }
  keep(circle.length);
  return next;
}

const isBefore = (circle: Circle, at: number, point: number, owner: number): boolean =>
  (circle[at] as number) < point || (circle[at] === point && (circle[at + 1] as number) < owner);

/** Without the node at the place `owner`. */
export function circleWithout(circle: Circle, owner: number): Circle {
  const next = new Uint32Array(circle.length);
  let kept = 0;
  for (let at = 0; at < circle.length; at += 2) {
    const before = circle[at + 1] as number;
    if (before === owner) continue;
    next[kept++] = circle[at] as number;
    next[kept++] = before < owner ? before : before - 1;
  }
  return next.slice(0, kept);
}

/**
 * Two mixes of two hashes of the name and the vnode's number: with one hash of the name, nodes whose hashes are close
 * would share most of their points. More points leave the first ones where they are.
 */
function pointsOf({ name, pointCount }: Placed): Uint32Array {
  const [first, second] = [textHash(name, firstSeed), textHash(name, secondSeed)];
  return Uint32Array.from({ length: pointCount }, (_, vnode) => finalMix(first ^ finalMix(second + vnode)));
}
