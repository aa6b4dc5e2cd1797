import { Crashed } from './crashed.ts';

/**
 * While a run lasts, the host's unhandled rejections are the run's: those of crashed processes are what a crash looks
 * like to code that nobody awaits, and are dropped; any other is a bug of a service and fails the run that shows it.
 */
interface HostProcess {
  listeners(event: 'unhandledRejection'): readonly ((reason: unknown) => void)[];
  on(event: 'unhandledRejection', listener: (reason: unknown) => void): unknown;
  removeAllListeners(event: 'unhandledRejection'): unknown;
}

/** Takes them over; the answer gives them back. */
export function catchRejections(onRejection: (reason: unknown) => void): () => void {
  const onAny = (reason: unknown): void => {
    if (!(reason instanceof Crashed)) onRejection(reason);
  };
  const host = (globalThis as unknown as { process?: HostProcess }).process; // tidy: globals: Node has no other way to learn of them
  if (typeof host?.removeAllListeners === 'function') {
    const before = host.listeners('unhandledRejection');
    host.removeAllListeners('unhandledRejection');
    host.on('unhandledRejection', onAny);
    return () => {
      host.removeAllListeners('unhandledRejection');
      for (const listener of before) host.on('unhandledRejection', listener);
    };
  }
  const target = globalThis as unknown as EventTarget; // tidy: globals: a browser has no other way either
  const onEvent = (event: Event): void => {
    event.preventDefault();
    onAny((event as Event & { readonly reason: unknown }).reason);
  };
  target.addEventListener('unhandledrejection', onEvent);
  return () => target.removeEventListener('unhandledrejection', onEvent);
}
