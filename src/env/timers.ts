/** One primitive: everything that waits for time is built of it. */
export interface Timers {
  /**
   * Calls `onDue` once, in a task of its own, when at least `delayMs` milliseconds have gone by on this node's
   * monotonic clock; under load or after a pause much later. Starting a timer never throws: a
   * delay below 0, or not a number, counts as 0, and an endless one never comes due.
   */
  after(delayMs: number, onDue: () => void): Timer;
}

export interface Timer {
  /** From here on `onDue` is not called. Harmless when it already was. */
  cancel(): void;
}
