/**
 * Applies the events of one command to the rows of one projection: all that its handlers wrote, or, where one of them
 * throws, nothing, and why. It never throws for what a handler does, so that a command cannot fail for its projections.
 */
import { asError, LockstepError } from '../../kernel/errors.ts';
import type { Space } from '../../partition/transaction.ts';
import type { Recorded } from '../connection.ts';
import type { AnyMachine } from '../definition.ts';
import type { ProjectionCode } from './projection.ts';
import { RowBuffer } from './rows.ts';

export type Applied = { readonly kind: 'applied' } | { readonly kind: 'stopped'; readonly error: Error };

/** `events` are one command's, of one machine, in order; `space` is the projection's own. */
export function applyEvents(
  { handlers, indexes }: ProjectionCode,
  space: Space,
  machine: string,
  events: readonly Recorded<AnyMachine>[],
): Applied {
  const ofMachine = handlers.get(machine);
  if (ofMachine === undefined) return { kind: 'applied' };
  try {
    const rows = new RowBuffer(space, indexes);
    for (const event of events) {
      const handler = Object.hasOwn(ofMachine, event.type) ? ofMachine[event.type] : undefined;
      if (handler !== undefined && handler(event, rows) !== undefined)
        throw new LockstepError('misuse', 'a handler of a projection returned something: it is to be synchronous', {
          values: { machine, event: event.type },
        });
    }
    rows.flush();
    return { kind: 'applied' };
  } catch (error) {
    return { kind: 'stopped', error: asError(error) };
  }
}
