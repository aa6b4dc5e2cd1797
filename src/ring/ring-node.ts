/** Who takes part in a ring or in rendezvous hashing: names with weights, checked, in an order that all agree on. */
import { LockstepError } from '../kernel/errors.ts';

export interface RingNode {
  /** Its identity: another name is another node, with other keys. Not empty. */
  readonly name: string;
  /** Its part of the load beside the others'. Above 0. Default 1. */
  readonly weight?: number | undefined;
}

/** A node whose weight is settled. */
export interface WeightedNode {
  readonly name: string;
  readonly weight: number;
}

/** The most nodes of one ring. */
export const nodeCountMax = 65_535;
const weightMax = 1e9;

/**
 * Frozen and by name, so that two processes that know of the same nodes have the same order, however they came to know.
 * @throws LockstepError `invalid` for a name twice or empty, and for a weight that is not above 0 and at most 10⁹.
 */
export function checkedNodes(nodes: readonly RingNode[]): readonly WeightedNode[] {
  const checked = nodes.map(({ name, weight = 1 }): WeightedNode => {
    if (name === '') throw new LockstepError('invalid', 'a node has a name');
    if (!(weight > 0 && weight <= weightMax))
      throw new LockstepError('invalid', 'a weight is above 0 and at most 1e9', {
        values: { name, weight },
        advice: ['a node that takes nothing is left out'],
      });
    return Object.freeze({ name, weight });
  });
  if (checked.length > nodeCountMax)
    throw new LockstepError('invalid', 'there are too many nodes', { values: { count: checked.length, nodeCountMax } });
  checked.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const twice = checked.find(({ name }, at) => checked[at + 1]?.name === name);
  if (twice !== undefined)
    throw new LockstepError('invalid', 'two nodes have one name', { values: { name: twice.name } });
  return Object.freeze(checked);
}

/** The nodes with this one added, or with its new weight. */
export function withNode(nodes: readonly WeightedNode[], node: RingNode): readonly RingNode[] {
  return [...nodes.filter(({ name }) => name !== node.name), node];
}

export function withoutNode(nodes: readonly WeightedNode[], name: string): readonly RingNode[] {
  return nodes.filter((node) => node.name !== name);
}
