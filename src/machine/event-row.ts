/**
 * Events as they are stored: one row a command, at the place of its instance, so that a stream is a range of rows.
 *
 *     place  machine-events  [machine, key, firstVersion]  → a row, below
 *     local  machine-order   [revision, machine, key, firstVersion]  → the same row, or null where it is large
 *
 * So the order of a partition is read in one scan, with a look at the stream for large rows alone.
 *
 * A row is [revision, at, actor, commandId, correlationId, causationId, trace, [[type, shape, data], …], sealed]. What is the
 * same as the command's id stands as null; an event without data has two items; a row without personal data has no `sealed`.
 */
import type { KeyPart, Tuple } from '../bytes/tuple.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Transaction } from '../partition/transaction.ts';
import type { StoredEvent } from './engine.ts';
import type { PlaceState } from './place-state.ts';
import { decodeSealed, encodeSealed, type Found } from './sealed.ts';

export const eventsSystem = 'machine-events';
export const orderSystem = 'machine-order';

/** Where a command's events are. */
export interface RowPlace {
  readonly machine: string;
  readonly key: string;
  /** The version of the first of them, from 1. */
  readonly firstVersion: number;
}

/** Why it came about. */
export interface Origin {
  /** Who asked, as `authorize` named them. */
  readonly actor: string;
  readonly commandId: string;
  /** The same for all that one request from outside led to: the id of its first command. */
  readonly correlationId: string;
  /** The command that sent this one; null: it came from outside. */
  readonly causationId: string | null;
  /** The trace context that it came with (https://www.w3.org/TR/trace-context), if any. */
  readonly trace: string | null;
}

/** One command's events: at least one. */
export interface EventRow extends RowPlace, Origin {
  /** Of the transaction that wrote it. */
  readonly revision: number;
  /** In the shapes in which they were written. */
  readonly events: readonly StoredEvent[];
  /** The personal fields, which are null in the events as long as they are not opened. */
  readonly sealed?: Found | undefined;
}

export const rowKey = ({ machine, key, firstVersion }: RowPlace): Tuple => [machine, key, firstVersion];

/** A row of more bytes stands in its stream alone. */
const rowBytesInOrderMax = 1_024;

export const lastVersionOf = ({ firstVersion, events }: EventRow): number => firstVersion + events.length - 1;

/** In the transaction of its place. @throws LockstepError `misuse` for a row without events; `invalid`. */
export function putRow(tx: Transaction, row: EventRow): void {
  const { revision, machine, key, firstVersion } = row;
  const encoded = tx.encoded(encodeRow(row));
  tx.system(eventsSystem, 'place').setEncoded(rowKey(row), encoded);
  const order = tx.system(orderSystem, 'local');
  const at = [revision, machine, key, firstVersion];
  if (encoded.length <= rowBytesInOrderMax) order.setEncoded(at, encoded);
  else order.set(at, null);
}

function encodeRow({ revision, events, sealed, ...origin }: Omit<EventRow, keyof RowPlace>): StoredValue {
  const [first] = events;
  if (first === undefined) throw new LockstepError('misuse', 'a command without events has no row');
  const { actor, commandId, correlationId, causationId, trace } = origin;
  const correlation = correlationId === commandId ? null : correlationId;
  const stored = events.map(({ type, shape, data }): StoredValue =>
    data === undefined ? [type, shape] : [type, shape, data as StoredValue],
  ); // the codec checks it
  const row = [revision, first.at.getTime(), actor, commandId, correlation, causationId, trace, stored];
  return sealed === undefined ? row : [...row, encodeSealed(sealed)];
}

/** `place`: the state of the row's place. @throws LockstepError `corrupt`. */
export function decodeRow(key: Tuple, value: StoredValue, place: PlaceState): EventRow {
  const [revision, atMs, actor, commandId, correlation, causationId, trace, events, sealed] = Array.isArray(value)
    ? value
    : [];
  const isRow =
    typeof revision === 'number' &&
    typeof atMs === 'number' &&
    typeof actor === 'string' &&
    typeof commandId === 'string' &&
    (correlation === null || typeof correlation === 'string') &&
    (causationId === null || typeof causationId === 'string') &&
    (trace === null || typeof trace === 'string') &&
    Array.isArray(events);
  if (!isRow) throw unreadable('a row of events');
  const at = new Date(atMs);
  const stored = events.map((event) => eventOf(event, at));
  const correlationId = correlation ?? commandId;
  const { machine, key: name, firstVersion } = placeOf(key[0], key[1], key[2]);
  const row = {
    machine,
    key: name,
    firstVersion,
    revision,
    actor,
    commandId,
    correlationId,
    causationId,
    trace,
    events: stored,
  };
  return sealed === undefined ? row : { ...row, sealed: decodeSealed(place, sealed) };
}

/** Where the row is that the order has here. @throws LockstepError `corrupt`. */
export const placeInOrder = ([, machine, key, firstVersion]: Tuple): RowPlace => placeOf(machine, key, firstVersion);

function placeOf(machine: KeyPart | undefined, key: KeyPart | undefined, firstVersion: KeyPart | undefined): RowPlace {
  if (typeof machine !== 'string' || typeof key !== 'string' || typeof firstVersion !== 'number')
    throw unreadable('the place of an event');
  return { machine, key, firstVersion };
}

function eventOf(stored: StoredValue, at: Date): StoredEvent {
  const [type, shape, data] = Array.isArray(stored) ? stored : [];
  if (typeof type !== 'string' || typeof shape !== 'number') throw unreadable('an event');
  return { type, shape, data, at };
}

const unreadable = (what: string): LockstepError => new LockstepError('corrupt', `${what} is not what was written`);
