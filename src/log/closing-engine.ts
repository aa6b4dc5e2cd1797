/** An engine that takes what it was opened over with it when it closes. */
import type { LogEngine } from './port.ts';

/** The same engine; closing it then also closes `ground`. */
export function closingEngine(engine: LogEngine, ground: { readonly close: () => Promise<void> }): LogEngine {
  return {
    name: engine.name,
    guarantees: engine.guarantees,
    open: (name, how) => engine.open(name, how),
    list: () => engine.list(),
    remove: (name) => engine.remove(name),
    close: async () => {
      try {
        await engine.close();
      } finally {
        await ground.close();
      }
    },
  };
}
