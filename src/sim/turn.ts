/**
 * One macrotask turn: by the time `next` is called, every microtask that was ready has run. The only place where the
 * simulator touches the host's event loop; in Node `setImmediate`, in a browser a message to itself.
 */
export type Turn = (next: () => void) => void;

export function hostTurn(): Turn {
  const host = globalThis as { setImmediate?: (run: () => void) => unknown }; // tidy: globals: the one seam to the host's loop
  const { setImmediate } = host;
  if (setImmediate !== undefined) return batched(setImmediate);
  const { port1, port2 } = new MessageChannel();
  let waiting: () => void = () => undefined;
  port1.addEventListener('message', () => waiting());
  port1.start();
  return (next) => {
    waiting = next;
    port2.postMessage(null);
  };
}

/** Turns that Node takes before it looks at its sockets and timers again. */
const batchCount = 16;

/**
 * Node runs the microtasks between two immediates of one round of its loop, so each is a turn of its own, and a round
 * of many costs little more than a round of one: a bare turn takes 0.3 µs instead of 2.2.
 */
function batched(setImmediate: (run: () => void) => unknown): Turn {
  let waiting: (() => void) | null = null;
  let left = 0;
  const take = (): void => {
    left--;
    const next = waiting;
    waiting = null;
    next?.();
  };
  return (next) => {
    waiting = next;
    if (left > 0) return;
    left = batchCount;
    for (let index = 0; index < batchCount; index++) setImmediate(take);
  };
}
