/**
 * The real timers. Without a delay it is the next turn of the event loop, not a millisecond later. Node's own may fire up to a millisecond early, since it counts in whole milliseconds from the start
 * of a turn, and takes delays over 2^31 - 1 ms for 1 ms: both are mended here. A pending timer keeps the process
 * alive: whoever waits wants to be called.
 */
import type { Timer, Timers } from '../env/timers.ts';

/** The longest delay that Node takes, just under 25 days; what is longer waits in several parts. */
const partMsMax = 2_147_483_647;

export class HostTimers implements Timers {
  /** A delay below 0, or not a number, counts as 0; an infinite one never comes due. */
  after(delayMs: number, onDue: () => void): Timer {
    if (!(delayMs > 0)) {
      const immediate = setImmediate(onDue);
      return { cancel: () => clearImmediate(immediate) };
    }
    const dueMs = performance.now() + delayMs;
    let handle: NodeJS.Timeout;
    const wait = (): void => {
      const leftMs = Math.ceil(dueMs - performance.now());
      handle = setTimeout(wake, Math.min(Math.max(leftMs, 0), partMsMax));
    };
    const wake = (): void => {
      if (performance.now() < dueMs) wait();
      else onDue();
    };
    wait();
    return { cancel: () => clearTimeout(handle) };
  }
}
