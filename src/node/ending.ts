/** A signal of one's own that ends with others: `AbortSignal.any` without what is left behind on signals that live long. */

export class Ending implements Disposable {
  readonly #controller = new AbortController();
  readonly #others: readonly AbortSignal[];
  readonly #onAbort = (event: Event): void => this.end((event.target as AbortSignal).reason);

  /** @throws the reason of one that was aborted before. */
  constructor(...others: readonly (AbortSignal | undefined)[]) {
    this.#others = others.filter((one) => one !== undefined);
    for (const one of this.#others) one.throwIfAborted();
    for (const one of this.#others) one.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** The others are left. */
  [Symbol.dispose](): void {
    for (const one of this.#others) one.removeEventListener('abort', this.#onAbort);
  }
}
