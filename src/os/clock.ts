/**
 * The real clocks. `now` is the monotonic clock of the operating system since this process (in a job: this thread)
 * started, in steps of about a nanosecond. On Linux and macOS it stands still while the machine sleeps, on Windows it
 * goes on. `wall` is what the machine believes the time of day to be; time servers and people set it, both ways.
 */
import type { Clock } from '../env/clock.ts';
import { instant, wallTime, type Instant, type WallTime } from '../kernel/time.ts';

export class HostClock implements Clock {
  now(): Instant {
    return instant(performance.now());
  }

  wall(): WallTime {
    return wallTime(Date.now());
  }
}
