/** One line beside the output that says how far a long command is: rewritten where it is a terminal, elsewhere not written. */
import { line } from './line.ts';

/** Between two of them, in milliseconds. */
const everyMs = 100;

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
