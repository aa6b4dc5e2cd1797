/**
 * Somebody outside who reacts to events of the shop, each a while later, many at once. It remembers the last event before
 * which all are dealt with, and goes on there when it starts again. What it does then once more has the same command id, so
 * it happens once.
 */
import type { Env } from 'lockstep/env';
import type { AnyMachine, Connection, Recorded, Token } from 'lockstep';

/** Where it remembers how far it is. */
export interface Positions {
  of(name: string): Token | undefined;
  keep(name: string, token: Token): void;
}

export interface Reaction<M extends AnyMachine> {
  readonly name: string;
  readonly machine: M;
  /** Null: nothing is to be done. */
  readonly react: (event: Recorded<M>) => Promise<unknown> | null;
}

/** So many are dealt with at once; then it reads no further. */
const underWayMax = 2_000;

/** Until the signal aborts. @throws what reading the events throws, and what `react` does. */
export async function follow<M extends AnyMachine>(
  env: Env,
  shop: Connection,
  positions: Positions,
  { name, machine, react }: Reaction<M>,
  signal: AbortSignal,
): Promise<void> {
  const underWay = new Set<{ readonly before: Token | undefined }>(); // in the order of events
  let last = positions.of(name);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // who waits for it is told
  const settle = (): void => {
    const [oldest] = underWay;
    const token = oldest === undefined ? last : oldest.before;
    if (token !== undefined) positions.keep(name, token);
  };
  const reading = (async () => {
    for await (const event of shop.events(machine, { after: last ?? 'start', signal })) {
      const work = react(event);
      if (work !== null) {
        const one = { before: last };
        underWay.add(one);
        work.then(
          () => {
            underWay.delete(one);
            settle();
          },
          (error: unknown) => failed.reject(error),
        );
      }
      last = event.token;
      if (work === null) settle();
      while (underWay.size >= underWayMax) await env.sleep('10ms', { signal });
    }
  })();
  await endedBy(signal, Promise.race([reading, failed.promise]));
}

/** What ends because it was told to has not failed. */
export async function endedBy(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
