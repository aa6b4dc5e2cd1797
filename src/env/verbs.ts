import { uuidv7, type RandomSource } from '../kernel/random.ts';
import { durationMs, type Duration } from '../kernel/time.ts';
import type { Env, Ports } from './env.ts';

/** The one thing in this room that is more than an interface: the verbs of `Env`, made of ports, alike in both worlds. */
export function envOf(ports: Ports & { readonly randomness: RandomSource }): Env {
  return {
    ...ports,
    now: () => new Date(ports.clock.wall()),
    random: () => ports.randomness.float(),
    newId: () => uuidv7(ports.clock.wall(), ports.randomness),
    sleep: (duration, options) => sleep(ports, duration, options?.signal ?? ports.signal),
  };
}

function sleep({ timers }: Ports, duration: Duration, signal: AbortSignal): Promise<void> {
  const delayMs = durationMs(duration);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = timers.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
