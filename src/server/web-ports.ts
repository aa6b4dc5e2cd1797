/**
 * The real world as far as every host of `fetch` has it, a browser and the edge too: its clock, timers, randomness and
 * `fetch`. What serves and what calls over HTTP needs no more; a simulated world gives its own instead.
 */
import type { Ports } from '../env/env.ts';
import type { Timer, Timers } from '../env/timers.ts';
import { RandomSource } from '../kernel/random.ts';
import { instant, wallTime } from '../kernel/time.ts';

/** Of an `Env`, what HTTP needs. */
export type WebPorts = Pick<Ports, 'clock' | 'timers' | 'randomness' | 'fetch'>;

/** The longest delay that hosts take, just under 25 days. */
const delayMsMax = 2_147_483_647;

class WebTimers implements Timers {
  after(delayMs: number, onDue: () => void): Timer {
    const handle = setTimeout(onDue, Math.min(Math.max(0, Math.ceil(delayMs)), delayMsMax));
    return { cancel: () => clearTimeout(handle) };
  }
}

class WebRandom extends RandomSource {
  readonly #drawn = new Uint32Array(1);

  override uint32(): number {
    crypto.getRandomValues(this.#drawn);
    return this.#drawn[0] as number;
  }

  override fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.uint32() & 0xff;
  }
}

export const webPorts: WebPorts & { readonly randomness: RandomSource } = {
  clock: { now: () => instant(performance.now()), wall: () => wallTime(Date.now()) },
  timers: new WebTimers(),
  randomness: new WebRandom(),
  fetch: (input, init) => fetch(input, init),
};
