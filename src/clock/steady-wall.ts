/**
 * The time of day, without jumps ahead: it is compared with the monotonic clock of the same machine, which nobody sets.
 * While the time of day is further ahead than that explains, this goes on by the monotonic clock. Whoever uses it decides
 * how long to put up with that. A time of day that is set back shows at once, and is what this goes on from: `HybridClock`
 * deals with it, and setting it right again is a jump.
 */
import type { Clock } from '../env/clock.ts';
import { LockstepError } from '../kernel/errors.ts';
import { elapsedMs, wallTime, type Instant, type WallTime } from '../kernel/time.ts';

/** The two clocks of a machine may differ in speed by so much, where one of them is slewed and the other is not. */
const rateDifferenceMax = 0.000_2;

export class SteadyWall implements Pick<Clock, 'wall'> {
  readonly #clock: Clock;
  readonly #jumpMsMax: number;
  /** The time of day that is believed at `#at`; it follows the true one by as much as their speeds may differ. */
  #believedMs: number;
  #at: Instant;
  #jumpMs = 0;

  /** The time of day is believed as it is now. `jumpMsMax`: what it may be ahead by, in milliseconds. */
  constructor(clock: Clock, jumpMsMax: number) {
    if (!(jumpMsMax >= 0 && jumpMsMax < Infinity))
      throw new LockstepError('misuse', 'what a clock may jump by is a number of milliseconds', {
        values: { jumpMsMax },
      });
    this.#clock = clock;
    this.#jumpMsMax = jumpMsMax;
    this.#believedMs = clock.wall();
    this.#at = clock.now();
  }

  /** By how much the time of day had jumped ahead when `wall` was last called, in milliseconds; 0: it had not. */
  get jumpMs(): number {
    return this.#jumpMs;
  }

  wall(): WallTime {
    const [wall, now] = [this.#clock.wall(), this.#clock.now()];
    const passedMs = elapsedMs(this.#at, now);
    const expectedMs = this.#believedMs + passedMs;
    const aheadMs = wall - expectedMs;
    const slackMs = passedMs * rateDifferenceMax;
    const hasJumped = aheadMs > this.#jumpMsMax + slackMs;
    const isSetBack = aheadMs < -this.#jumpMsMax - slackMs;
    if (isSetBack) this.#believedMs = wall;
    else this.#believedMs = expectedMs + (hasJumped ? 0 : Math.max(-slackMs, Math.min(slackMs, aheadMs)));
    this.#at = now;
    this.#jumpMs = hasJumped ? aheadMs : 0;
    return hasJumped ? wallTime(Math.floor(expectedMs)) : wall;
  }

  /** The time of day is believed as it is now, jump or not. */
  accept(): void {
    this.#believedMs = this.#clock.wall();
    this.#at = this.#clock.now();
    this.#jumpMs = 0;
  }
}
