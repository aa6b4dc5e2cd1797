/** One line beside the output that says how far a long command is: rewritten where it is a terminal, elsewhere not written. */
import { line, seconds } from './line.ts';

/** Between two of them, in milliseconds. */
const everyMs = 100;

/** How long the rest takes if it goes on so: `3 min left`. Empty until a hundredth is done. */
export function leftText(share: number, tookMs: number): string {
  if (share < 0.01) return '';
  const leftMs = (tookMs * (1 - share)) / share;
  return `${leftMs < 60_000 ? seconds(leftMs) : `${Math.round(leftMs / 60_000)} min`} left`;
}

export class Progress implements Disposable {
  readonly #out = process.stderr;
  #told = -Infinity;
  #isShown = false;

  tell(...about: readonly string[]): void {
    const now = performance.now();
    if (!this.#out.isTTY || now - this.#told < everyMs) return;
    this.#told = now;
    this.#isShown = true;
    this.#out.write(`\r\u001b[2K${line('…', ...about).slice(0, this.#out.columns)}`);
  }

  /** What is printed next begins where it stood. */
  end(): void {
    if (this.#isShown) this.#out.write('\r\u001b[2K');
    this.#isShown = false;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
