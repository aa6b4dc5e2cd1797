/** How long the event loop comes to nothing else: the longest time of a run, and what one in a thousand looks exceeds. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 1;

export class Pauses {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });

  start(): void {
    this.#histogram.reset();
    this.#histogram.enable();
  }

  stop(): Readonly<Record<string, number>> {
    this.#histogram.disable();
    const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / 1_000_000 - resolutionMs);
    const [p999, max] = [this.#histogram.percentile(99.9), this.#histogram.max];
    return { 'pause p99.9 ms': beyond(p999), 'longest pause ms': beyond(max) };
  }
}
