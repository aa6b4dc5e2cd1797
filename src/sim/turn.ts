/**
 * One macrotask turn: by the time `next` is called, every microtask that was ready has run. The only place where the
 * simulator touches the host's event loop; in Node `setImmediate`, in a browser a message to itself.
 */
export type Turn = (next: () => void) => void;

export function hostTurn(): Turn {
  const host = globalThis as { setImmediate?: (run: () => void) => unknown }; // tidy: globals: the one seam to the host's loop
  const { setImmediate } = host;
  if (setImmediate !== undefined) return (next) => void setImmediate(next);
  const { port1, port2 } = new MessageChannel();
  let waiting: () => void = () => undefined;
  port1.addEventListener('message', () => waiting());
  port1.start();
  return (next) => {
    waiting = next;
    port2.postMessage(null);
  };
}
