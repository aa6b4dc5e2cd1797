/**
 * The points of a ring, sorted: of each, where it lies and whose it is. To add or take away one node's points is one
 * pass over the others, which stay sorted: at a million points a few milliseconds, where sorting anew takes a hundred.
 */
import { finalMix } from '../bytes/hash.ts';
import { assert } from '../kernel/assert.ts';
import { textHash } from './text-hash.ts';

export interface Circle {
  /** Ascending. Where two nodes have one point, the one that is first by name has it, and stands first. */
  readonly points: Uint32Array;
  /** Of each point, the place of its node among all nodes by name. */
  readonly owners: Uint16Array;
}

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
  const circle = { points: new Uint32Array(at), owners: new Uint16Array(at) };
  for (let index = 0; index < at; index++) {
    const one = sorted[index] as number;
    circle.owners[index] = one % 65_536;
    circle.points[index] = Math.floor(one / 65_536);
  }
  return circle;
}

/** With a node that comes to stand at the place `owner` by name. */
export function circleWith(circle: Circle, owner: number, node: Placed): Circle {
  const added = pointsOf(node).sort();
  const count = circle.points.length + added.length;
  const next = { points: new Uint32Array(count), owners: new Uint16Array(count) };
  let [at, from] = [0, 0];
  const keep = (until: number): void => {
    for (; from < until; from++, at++) {
      const before = circle.owners[from] as number;
      next.points[at] = circle.points[from] as number;
      next.owners[at] = before < owner ? before : before + 1;
    }
  };
  for (const point of added) {
    let until = from;
    while (until < circle.points.length && isBefore(circle, until, point, owner)) until++;
    keep(until);
    next.points[at] = point;
    next.owners[at++] = owner;
  }
  keep(circle.points.length);
  return next;
}

const isBefore = ({ points, owners }: Circle, at: number, point: number, owner: number): boolean =>
  (points[at] as number) < point || (points[at] === point && (owners[at] as number) < owner);

/** Without the node at the place `owner`. */
export function circleWithout({ points, owners }: Circle, owner: number): Circle {
  const next = { points: new Uint32Array(points.length), owners: new Uint16Array(points.length) };
  let kept = 0;
  for (let at = 0; at < points.length; at++) {
    const before = owners[at] as number;
    if (before === owner) continue;
    next.points[kept] = points[at] as number;
    next.owners[kept++] = before < owner ? before : before - 1;
  }
  return { points: next.points.slice(0, kept), owners: next.owners.slice(0, kept) };
}

/**
 * Two mixes of two hashes of the name and the vnode's number: with one hash of the name, nodes whose hashes are close
 * would share most of their points. More points leave the first ones where they are.
 */
function pointsOf({ name, pointCount }: Placed): Uint32Array {
  const [first, second] = [textHash(name, firstSeed), textHash(name, secondSeed)];
  return Uint32Array.from({ length: pointCount }, (_, vnode) => finalMix(first ^ finalMix(second + vnode)));
}
