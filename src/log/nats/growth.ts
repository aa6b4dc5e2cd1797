/** Who waits for a log to grow, and how far it is known to go. */
export class Growth {
  #known = 0;
  readonly #waiting = new Set<{ readonly after: number; readonly wake: () => void }>();

  /** The last position that is known. */
  get known(): number {
    return this.#known;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** A record stands there: it was acknowledged or read. */
  saw(position: number): void {
    if (position > this.#known) this.#known = position;
    this.wake(position);
  }

  /** The server says where the log ends; it may be less than was known, when it is behind or was rolled back. */
  sawEnd(position: number): void {
    this.#known = position;
    this.wake(position);
  }

  /** There may be a record up to this position: who waits for it shall look. */
  wake(upTo: number = Infinity): void {
    for (const one of [...this.#waiting]) if (one.after < upTo) one.wake();
  }

  wait(after: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#known > after) return resolve();
      const end = (): void => {
        this.#waiting.delete(one);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason);
      };
      const wake = (): void => {
        end();
        resolve();
      };
      const one = { after, wake };
      this.#waiting.add(one);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
