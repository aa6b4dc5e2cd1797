import type { Clock } from '../env/clock.ts';
import { instant, wallTime, type Instant, type WallTime } from '../kernel/time.ts';
import type { Process } from './machine.ts';
import type { Timeline } from './timeline.ts';

/** The wall clock of every world when its run begins, unless its machine is off: 2026-01-01 UTC. */
export const epochMs: number = Date.UTC(2026, 0, 1);

/** One machine's clocks over the world's time: they run at a rate of their own, and the wall clock can be set. */
export class SimClock {
  readonly #timeline: Timeline;
  #rate = 1;
  #baseMs = 0;
  #monotonicMs = 0;
  #wallOffMs = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#baseMs = timeline.nowMs;
  }

  get rate(): number {
    return this.#rate;
  }

  /** How far the wall clock is from the world's time, positive when ahead. */
  get wallOffMs(): number {
    return this.#wallOffMs + this.#driftedMs();
  }

  monotonicMs(): number {
    return this.#monotonicMs + (this.#timeline.nowMs - this.#baseMs) * this.#rate;
  }

  wallMs(): number {
    return Math.floor(epochMs + this.#timeline.nowMs + this.wallOffMs);
  }

  /** From now on one second of the world is `rate` seconds here. */
  drift(rate: number): void {
    this.#wallOffMs = this.wallOffMs;
    this.#monotonicMs = this.monotonicMs();
    this.#baseMs = this.#timeline.nowMs;
    this.#rate = rate;
  }

  /** Sets the wall clock this far from the world's time. The monotonic clock does not care. */
  setWallOff(offMs: number): void {
    this.#wallOffMs = offMs - this.#driftedMs();
  }

  /** The monotonic clock of a machine starts anew with it. */
  reboot(): void {
    this.drift(this.#rate);
    this.#monotonicMs = 0;
  }

  /** How long the world takes until `ms` have gone by on this clock. */
  worldMs(ms: number): number {
    return ms / this.#rate;
  }

  #driftedMs(): number {
    return (this.#timeline.nowMs - this.#baseMs) * (this.#rate - 1);
  }
}

/** The clock as one process sees it. */
export function clockOf(process: Process): Clock {
  const { clock } = process.machine;
  return {
    now(): Instant {
      process.check();
      return instant(clock.monotonicMs());
    },
    wall(): WallTime {
      process.check();
      return wallTime(clock.wallMs());
    },
  };
}
