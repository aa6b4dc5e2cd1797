import type { Instant, WallTime } from '../kernel/time.ts';

/** Two clocks that must never be mixed: one for intervals, one that is only data. */
export interface Clock {
  /** Monotonic, with at least microsecond steps; its origin is this process' own. It may run a little fast or slow. */
  now(): Instant;
  /** The time of day; it jumps when somebody sets it. */
  wall(): WallTime;
}
