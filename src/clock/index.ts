/**
 * `lockstep/clock`: times that respect cause and effect. A `HybridClock` gives timestamps that only grow, that are
 * larger than those of whatever caused them, on whichever node that was, and that stay within a bound of the wall
 * clock; when it cannot hold that, it refuses. A `HybridTimestamp` is one number: compare it with `<`. Start at
 * `HybridClock.now`.
 */
export { HybridClock } from './hybrid-clock.ts';
export type { HybridClockOptions, HybridRefusal } from './hybrid-clock.ts';
export {
  compareHybrid,
  hybridDate,
  hybridOf,
  hybridParts,
  hybridTimestamp,
  hybridWall,
  hybridWallMax,
  hybridWallMin,
  nextHybrid,
  parseHybrid,
  printHybrid,
} from './timestamp.ts';
export type { HybridParts, HybridTimestamp } from './timestamp.ts';
