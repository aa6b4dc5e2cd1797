/**
 * Reading of what is stored: the stream of an instance in either direction, the order of a partition, and what a row
 * becomes for whoever reads events: one event each, in the newest of its shapes.
 */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { parseToken, parseTokenOf, tokensOf } from '../partition/token.ts';
import type { RangeOptions, Reader, SpaceWalk, Token } from '../partition/transaction.ts';
import { placeOf } from '../ring/slot.ts';
import type { Recorded } from './connection.ts';
import type { AnyMachine } from './definition.ts';
import type { StoredEvent } from './engine.ts';
import { decodeOrdered, lastVersionOf, orderSystem, placeInOrder, type EventRow, type RowPlace } from './event-row.ts';
import { openedRow } from './personal.ts';
import { placeStateAt } from './place-state.ts';
import type { Schema } from './schema.ts';
import { rowAt, streamRows, streamRowsReverse } from './stream-rows.ts';
import { upcast } from './versions.ts';

export interface StreamOptions {
  /** Only rows with events behind this version (before it, in reverse). */
  readonly afterVersion?: number | undefined;
  /** From the newest to the oldest. Default false. */
  readonly reverse?: boolean | undefined;
  /** Rows at most. Default all. */
  readonly limit?: number | undefined;
}

/** The rows of one instance, in order. */
export function readStream(
  reader: Pick<Reader, 'system'>,
  machine: string,
  key: string,
  { afterVersion, reverse = false, limit }: StreamOptions = {},
): Iterable<EventRow> {
  // Rows begin where the one before ends, so a version that was read to its end is the end of a row.
  const place = placeStateAt(reader, key);
  const stream = { machine, key };
  const rows = reverse
    ? streamRowsReverse(place, stream, afterVersion)
    : streamRows(place, stream, (afterVersion ?? 0) + 1);
  return limit === undefined ? rows : firstOf(rows, limit);
}

function* firstOf<Row>(rows: Iterable<Row>, limit: number): Iterable<Row> {
  let count = 0;
  for (const row of rows) {
    yield row;
    if (++count === limit) return;
  }
}

/** The rows that hold the events from a version on, that one included; in reverse up to it. */
export function readStreamFrom(
  reader: Pick<Reader, 'system'>,
  machine: string,
  key: string,
  { fromVersion, reverse = false }: { readonly fromVersion: number; readonly reverse?: boolean | undefined },
): Iterable<EventRow> {
  const upTo = { reverse: true, afterVersion: fromVersion + 1 };
  const isKnown = reverse || fromVersion === 1; // the first row begins there; any other is looked for
  const [first] = isKnown ? [] : readStream(reader, machine, key, { ...upTo, limit: 1 });
  const afterVersion = (first?.firstVersion ?? fromVersion) - 1;
  return readStream(reader, machine, key, reverse ? upTo : { afterVersion });
}

/** How many events the instance has. */
export function newestVersion(reader: Pick<Reader, 'system'>, machine: string, key: string): number {
  const [last] = readStream(reader, machine, key, { reverse: true, limit: 1 });
  return last === undefined ? 0 : lastVersionOf(last);
}

/** Rows of a partition in the order in which they came about, those after a revision; `limit` of them at most. */
export const readOrder = (reader: Pick<Reader, 'system'>, afterRevision: number, limit: number): Iterable<EventRow> =>
  orderedRows(reader, { from: [afterRevision + 1], limit });

/** The same from the newest to the oldest. */
export const readOrderReverse = (
  reader: Pick<Reader, 'system'>,
  afterRevision: number,
  limit: number,
): Iterable<EventRow> => orderedRows(reader, { from: [afterRevision + 1], limit, reverse: true });

function* orderedRows(reader: Pick<Reader, 'system'>, options: RangeOptions): Iterable<EventRow> {
  const walk = reader.system(orderSystem, null).walk(options);
  try {
    while (walk.next()) yield orderedRow(reader, placeInOrder(walk.key()), walk);
  } finally {
    walk.end();
  }
}

/** The row that an entry of the order has, or names. @throws LockstepError `corrupt`. */
export const orderedRow = (
  reader: Pick<Reader, 'system'>,
  place: RowPlace,
  entry: Pick<SpaceWalk, 'parts'>,
): EventRow => decodeOrdered(place, entry.parts(), placeStateAt(reader, place.key)) ?? readRow(reader, place);

/** The row that the order names. @throws LockstepError `corrupt` when it is not there. */
export function readRow(reader: Pick<Reader, 'system'>, place: RowPlace): EventRow {
  const row = rowAt(placeStateAt(reader, place.key), place);
  if (row !== undefined) return row;
  throw new LockstepError('corrupt', 'an event is not where the order says', { values: { ...place } });
}

/** The token of another revision of the same partition. */
export const tokenAt = (token: Token, revision: number): Token => tokensBeside(token)(revision);

/** As `tokenAt`, for many of them. */
export const tokensBeside = (token: Token): ((revision: number) => Token) => tokensOf(parseToken(token));

export const revisionOf = (token: Token): number => parseToken(token).revision;

/** The revision that a token, of one partition or of several, names in the partition that another is of. */
export const revisionIn = (token: Token, of: Token): number => parseTokenOf(token, parseToken(of).partition).revision;

/**
 * A row's events as they are read, or those that `takes`. All of one command have one token: read on after it once all of
 * them were taken.
 * @throws LockstepError `misuse` for a shape that this code does not know, or reads by code that throws.
 */
export function recordedOf<M extends AnyMachine>(
  machine: M,
  row: EventRow,
  token: Token,
  takes?: (type: string, version: number) => boolean,
): Recorded<M>[] {
  const { key, firstVersion, actor, commandId, correlationId, causationId, trace } = row;
  const { name } = machine;
  const { events: schemas } = machine['~machine'];
  const { events } = openedRow(machine, row);
  const place = placeOf(key);
  const recorded: Recorded<AnyMachine>[] = [];
  for (let index = 0; index < events.length; index++) {
    const { type, shape, data, at } = events[index] as StoredEvent;
    const version = firstVersion + index;
    if (takes?.(type, version) === false) continue;
    const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
    const id = `${name}/${key}@${version}`;
    const now = schema === undefined ? data : newestOf(schema, { id, type, shape }, data);
    // One literal: a stream of events is read as fast as these are made.
    recorded.push({
      machine: name,
      type,
      data: now,
      key,
      place,
      version,
      token,
      id,
      at,
      actor,
      commandId,
      correlationId,
      causationId,
      trace,
    });
  }
  return recorded as unknown as Recorded<M>[]; // its own events, in the shapes from which `EventsOf` was inferred
}

function newestOf(
  schema: Schema,
  { id, type, shape }: { readonly id: string; readonly type: string; readonly shape: number },
  data: unknown,
): unknown {
  try {
    return upcast(schema, shape, data);
  } catch (error) {
    if (isLockstepError(error)) throw error;
    throw new LockstepError('misuse', 'code that reads an older shape of this event threw', {
      values: { event: id, type, shape },
      advice: ['make what `versions` has for this shape take every event that is stored in it'],
      cause: error,
    });
  }
}
