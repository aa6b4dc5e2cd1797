/** The longest time in which the event loop came to nothing else, over one run; garbage collection counts too. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 1;

export class PauseMeter {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });

  start(): void {
    this.#histogram.reset();
    this.#histogram.enable();
  }

  /** In milliseconds, beyond the interval at which it looks. */
  stop(): number {
    this.#histogram.disable();
    return Math.max(0, this.#histogram.max / 1_000_000 - resolutionMs);
  }
}
