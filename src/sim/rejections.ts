import { Crashed } from './crashed.ts';

/**
 * While a run lasts, the host's unhandled rejections are the run's: those of crashed processes are what a crash looks
 * like to code that nobody awaits, and are dropped; any other is a bug of a service and fails the run that shows it.
 * Of runs that go on at the same time each is told.
 */
type Listener = (reason: unknown) => void;

/** Ours, with the host's own listeners, which step back for as long as one of ours is there. */
interface RunListener extends Listener {
  readonly hostListeners: readonly Listener[];
}

interface HostProcess {
  listeners(event: 'unhandledRejection'): readonly (Listener | RunListener)[];
  on(event: 'unhandledRejection', listener: Listener): unknown;
  off(event: 'unhandledRejection', listener: Listener): unknown;
}

/** Takes them over; the answer gives them back. */
export function catchRejections(onRejection: Listener): () => void {
  const onAny = (reason: unknown): void => {
    if (!(reason instanceof Crashed)) onRejection(reason);
  };
  const host = (globalThis as unknown as { process?: HostProcess }).process; // tidy: globals: Node has no other way to learn of them
  return typeof host?.off === 'function' ? catchInNode(host, onAny) : catchInBrowser(onAny);
}

const isOurs = (listener: Listener | RunListener): listener is RunListener => 'hostListeners' in listener;

function catchInNode(host: HostProcess, onAny: Listener): () => void {
  const event = 'unhandledRejection';
  const hostListeners = host.listeners(event).find(isOurs)?.hostListeners ?? host.listeners(event);
  for (const listener of hostListeners) host.off(event, listener);
  const ours: RunListener = Object.assign((reason: unknown) => onAny(reason), { hostListeners });
  host.on(event, ours);
  return () => {
    host.off(event, ours);
    if (!host.listeners(event).some(isOurs)) for (const listener of hostListeners) host.on(event, listener);
  };
}

function catchInBrowser(onAny: Listener): () => void {
  const target = globalThis as unknown as EventTarget; // tidy: globals: a browser has no other way either
  const onEvent = (event: Event): void => {
    event.preventDefault();
    onAny((event as Event & { readonly reason: unknown }).reason);
  };
  target.addEventListener('unhandledrejection', onEvent);
  return () => target.removeEventListener('unhandledrejection', onEvent);
}
