/**
 * Chance from the operating system, not to be predicted. Drawn in blocks: a call for each number would cost a
 * microsecond. Good for ids and for seeds; a key of a cipher takes its bytes from `fill`, which is never buffered.
 */
import type { Randomness } from '../env/randomness.ts';
import { RandomSource } from '../kernel/random.ts';

/** What `crypto.getRandomValues` gives at once, at most. */
const drawBytesMax = 65_536;

export class HostRandom extends RandomSource implements Randomness {
  readonly #block = new Uint32Array(256);
  #used = 256;

  override uint32(): number {
    if (this.#used === this.#block.length) {
      crypto.getRandomValues(this.#block);
      this.#used = 0;
    }
    const drawn = this.#block[this.#used] as number;
    this.#block[this.#used++] = 0; // given out once, kept nowhere
    return drawn;
  }

  override fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += drawBytesMax) {
      // A view of its own: a SharedArrayBuffer is refused by `getRandomValues`, so draw apart and copy.
      const drawn = crypto.getRandomValues(new Uint8Array(Math.min(drawBytesMax, bytes.length - at)));
      bytes.set(drawn, at);
    }
  }
}
