/**
 * `lockstep/ring`: which of several has a key, so that all who ask agree and little moves when one joins or leaves.
 * A `HashRing` places keys on nodes that come and go, with weights; `BoundedLoad` over it balances requests, so that no
 * worker has much more than its share; `Rendezvous` does without a ring for few nodes, `jumpHash` for numbered shards.
 * `slotOf` and `ShardMap` are how Lockstep itself places its data. All pure: nothing is stored, nothing is sent. Start at
 * `HashRing.nodeOf`.
 */
export { BoundedLoad } from './bounded-load.ts';
export type { BoundedLoadOptions } from './bounded-load.ts';
export { HashRing, pointCountMax } from './hash-ring.ts';
export type { HashRingOptions } from './hash-ring.ts';
export { jumpBucketOf, jumpHash } from './jump.ts';
export { Rendezvous } from './rendezvous.ts';
export { nodeCountMax } from './ring-node.ts';
export type { RingNode, WeightedNode } from './ring-node.ts';
export { partitionMax, ShardMap } from './shard-map.ts';
export type { SlotMove, SlotRange } from './shard-map.ts';
export { placeOf, slot, slotCount, slotOf, slotOfKey } from './slot.ts';
export type { Slot } from './slot.ts';
