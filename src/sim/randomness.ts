import { RandomSource, type SeededRandom } from '../kernel/random.ts';
import type { Process } from './machine.ts';

/** A process' chance: a stream of its own from the seed, the same in every run of it. */
export class SimRandomness extends RandomSource {
  readonly #process: Process;
  readonly #random: SeededRandom;

  constructor(process: Process) {
    super();
    this.#process = process;
    this.#random = process.random.fork('randomness');
  }

  override uint32(): number {
    this.#process.check();
    const drawn = this.#random.uint32();
    this.#process.machine.timeline.fingerprint.word(drawn);
    return drawn;
  }
}
