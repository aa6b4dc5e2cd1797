/**
 * Applies one command's events to the rows of one projection: all that its handlers wrote, or, where one of them throws,
 * nothing, and why. Whoever calls it says with a `WriteMeasure` how much a transaction may write; what is beyond it stops
 * the projection too, so that a command cannot fail for its projections. Commands and catching up go through this function.
 */
import { asError, isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { isPromise } from '../../kernel/promise.ts';
import type { Token, Transaction } from '../../partition/transaction.ts';
import type { Recorded } from '../connection.ts';
import type { AnyMachine } from '../definition.ts';
import type { EventRow } from '../event-row.ts';
import { recordedOf } from '../event-reader.ts';
import type { AnyProjection } from './projection.ts';
import { RowBuffer, type WriteMeasure } from './rows.ts';
import { isSameEvent, type EventPlace } from './state.ts';

export type Applied =
  | { readonly kind: 'applied' }
  /** By this event; or, where the bounds of a transaction refused what all of them made, by the last. */
  | { readonly kind: 'stopped'; readonly error: string; readonly event: EventPlace };

/** A projection in one transaction, whose `rows` are to be written when that ends. */
export interface RowsTarget {
  readonly projection: AnyProjection;
  readonly rows: RowBuffer;
  /** As whoever reads an event of this revision later is given it. */
  readonly tokenOf: (revision: number) => Token;
}

export function targetIn(tx: Transaction, projection: AnyProjection, measure: WriteMeasure): RowsTarget {
  const { system, indexes } = projection['~projection'];
  const space = tx.system(system, 'local');
  const tokenOf = (revision: number): Token => tx.tokenAt(revision);
  return { projection, rows: new RowBuffer(space, indexes, measure), tokenOf };
}

/**
 * `row` is of `machine`; `skips` are passed over. It neither looks at the projection's state nor writes it.
 * @throws LockstepError `corrupt` when what is stored is damaged.
 */
export function applyRow(
  { projection, rows, tokenOf }: RowsTarget,
  machine: AnyMachine,
  row: EventRow,
  skips: readonly EventPlace[] = [],
): Applied {
  const { handlers } = projection['~projection'];
  const ofMachine = handlers.get(machine.name);
  if (ofMachine === undefined || !takesAny(ofMachine, row)) return applied;
  let atVersion = row.firstVersion;
  // What is passed over is not even read: it may be that nobody can.
  const takes = (type: string, version: number): boolean => {
    if (!Object.hasOwn(ofMachine, type) || (skips.length > 0 && isAmong(skips, placeOfEvent(row, version))))
      return false;
    atVersion = version;
    return true;
  };
  try {
    for (const event of recordedOf(machine, row, tokenOf(row.revision), takes)) {
      atVersion = event.version;
      checkReturned(ofMachine[event.type]?.(event, rows), event);
    }
    rows.keep();
    return applied;
  } catch (error) {
    rows.drop();
    if (isLockstepError(error, 'corrupt')) throw error; // no handler's doing
    return { kind: 'stopped', error: wordsOf(error), event: placeOfEvent(row, atVersion) };
  }
}

const applied: Applied = Object.freeze({ kind: 'applied' });

function takesAny(handlers: Readonly<Record<string, unknown>>, { events }: EventRow): boolean {
  for (const { type } of events) if (Object.hasOwn(handlers, type)) return true;
  return false;
}

const isAmong = (skips: readonly EventPlace[], place: EventPlace): boolean =>
  skips.some((one) => isSameEvent(one, place));

const errorUnitsMax = 2_000;

const wordsOf = (error: unknown): string => asError(error).message.slice(0, errorUnitsMax).toWellFormed();

const placeOfEvent = ({ machine, key }: EventRow, version: number): EventPlace => ({ machine, key, version });

function checkReturned(returned: unknown, { type }: Recorded<AnyMachine>): void {
  if (returned === undefined) return;
  if (isPromise(returned)) returned.then(undefined, () => {}); // it is answered with the misuse below
  throw new LockstepError('misuse', 'a handler of a projection returned something: it is to be synchronous', {
    values: { event: type },
  });
}
