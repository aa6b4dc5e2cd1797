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
import type { ValueParts } from '../bytes/value-parts.ts';
import { assert } from '../kernel/assert.ts';
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

/** Before `sealed`. */
const rowParts = 8;
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

type StoredRow = Omit<EventRow, keyof RowPlace>;

function encodeRow(event: StoredRow): StoredValue {
  const { revision, actor, commandId, correlationId, causationId, trace, events, sealed } = event;
  const [first] = events;
  if (first === undefined) throw new LockstepError('misuse', 'a command without events has no row');
  assertReadable(event);
  const correlation = correlationId === commandId ? null : correlationId;
  const stored = events.map(({ type, shape, data }): StoredValue =>
    data === undefined ? [type, shape] : [type, shape, data as StoredValue],
  ); // the codec checks it
  const row = [revision, first.at.getTime(), actor, commandId, correlation, causationId, trace, stored];
  return sealed === undefined ? row : [...row, encodeSealed(sealed)];
}

/** What `decodeRow` asks for: a row that nobody can read would stop its stream, and all that follows its partition, for ever. */
function assertReadable({ revision, actor, commandId, correlationId, causationId, trace, events }: StoredRow): void {
  const texts: readonly unknown[] = [actor, commandId, correlationId, causationId ?? '', trace ?? ''];
  assert(Number.isSafeInteger(revision), 'the revision of a row is known');
  assert(
    texts.every((text) => typeof text === 'string'),
    'who asked for a row, and why, are texts',
  );
  for (const { type, shape, at } of events)
    assert(
      typeof type === 'string' && typeof shape === 'number' && Number.isFinite(at.getTime()),
      'an event has a type, a shape and a time',
    );
}

/** `state`: that of the row's place. @throws LockstepError `corrupt`. */
export function decodeRow(place: RowPlace, parts: ValueParts, state: PlaceState): EventRow {
  const count = parts.list();
  if (count === null) throw unreadable('a row of events');
  return decodeListedRow(place, count, parts, state);
}

/** As `decodeRow`, of a row that the order has; null: it names one that stands in its stream alone. */
export function decodeOrdered(place: RowPlace, parts: ValueParts, state: PlaceState): EventRow | null {
  const count = parts.list();
  if (count !== null) return decodeListedRow(place, count, parts, state);
  parts.end();
  return null;
}

function decodeListedRow(place: RowPlace, count: number, parts: ValueParts, state: PlaceState): EventRow {
  if (count !== rowParts && count !== rowParts + 1) throw unreadable('a row of events');
  const revision = parts.next();
  const atMs = parts.next();
  const actor = parts.next();
  const commandId = parts.next();
  const correlation = parts.next();
  const causationId = parts.next();
  const trace = parts.next();
  const isRow =
    typeof revision === 'number' &&
    typeof atMs === 'number' &&
    typeof actor === 'string' &&
    typeof commandId === 'string' &&
    (correlation === null || typeof correlation === 'string') &&
    (causationId === null || typeof causationId === 'string') &&
    (trace === null || typeof trace === 'string');
  if (!isRow) throw unreadable('a row of events');
  const events = eventsOf(parts, new Date(atMs));
  const sealed = count > rowParts ? parts.next() : null;
  parts.end();
  const { machine, key, firstVersion } = place;
  const correlationId = correlation ?? commandId;
  const row = {
    machine,
    key,
    firstVersion,
    revision,
    actor,
    commandId,
    correlationId,
    causationId,
    trace,
    events,
  };
  return sealed === null ? row : { ...row, sealed: decodeSealed(state, sealed) };
}

function eventsOf(parts: ValueParts, at: Date): readonly StoredEvent[] {
  const count = parts.list();
  if (count === null || count === 0) throw unreadable('a row of events');
  const events = new Array<StoredEvent>(count); // as large as it gets: one that grows begins with room for 17
  for (let index = 0; index < count; index++) {
    const partCount = parts.list();
    if (partCount !== 2 && partCount !== 3) throw unreadable('an event');
    const type = parts.next();
    const shape = parts.next();
    if (typeof type !== 'string' || typeof shape !== 'number') throw unreadable('an event');
    events[index] = { type, shape, data: partCount === 3 ? parts.next() : undefined, at };
  }
  return events;
}

/** Where the row is that the order has here. @throws LockstepError `corrupt`. */
export const placeInOrder = ([, machine, key, firstVersion]: Tuple): RowPlace => placeFrom(machine, key, firstVersion);

/** Where a row is that stands in its stream. @throws LockstepError `corrupt`. */
export const placeInStream = ([machine, key, firstVersion]: Tuple): RowPlace => placeFrom(machine, key, firstVersion);

function placeFrom(
  machine: KeyPart | undefined,
  key: KeyPart | undefined,
  firstVersion: KeyPart | undefined,
): RowPlace {
  if (typeof machine !== 'string' || typeof key !== 'string' || typeof firstVersion !== 'number')
    throw unreadable('the place of an event');
  return { machine, key, firstVersion };
}

const unreadable = (what: string): LockstepError => new LockstepError('corrupt', `${what} is not what was written`);
