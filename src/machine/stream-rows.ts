/**
 * The rows of a stream, wherever they stand: what is archived in chunks of many, the rest one by one behind it. Whoever reads
 * or folds a stream, or looks for one of its rows, does it here, and cannot tell the two apart.
 *
 *     place  machine-archive  [machine, key, firstVersion]  → a chunk (chunk.ts): the rows from that version on
 */
import type { SpaceEntry, SpaceRange } from '../partition/transaction.ts';
import { chunkedRows } from './chunk.ts';
import { decodeRow, eventsSystem, rowKey, type EventRow, type RowPlace } from './event-row.ts';
import type { PlaceState } from './place-state.ts';

export const archiveSystem = 'machine-archive';

type Stream = Omit<RowPlace, 'firstVersion'>;

/** The rows whose first version is `from` or higher, from the oldest to the newest. @throws LockstepError `corrupt`. */
export function* streamRows(place: PlaceState, stream: Stream, from = 1): Iterable<EventRow> {
  let isFirst = true;
  for (const [at, value] of place(eventsSystem).range(rangeOf(stream, { from }))) {
    if (isFirst && Number(at[2]) > from) yield* archivedRows(place, stream, from);
    isFirst = false;
    yield decodeRow(at, value, place);
  }
  if (isFirst) yield* archivedRows(place, stream, from);
}

/** Those whose first version is below `to`, from the newest to the oldest. @throws as `streamRows`. */
export function* streamRowsReverse(place: PlaceState, stream: Stream, to?: number): Iterable<EventRow> {
  let lowest = Infinity;
  for (const [at, value] of place(eventsSystem).range({ ...rangeOf(stream, { to }), reverse: true })) {
    const row = decodeRow(at, value, place);
    lowest = row.firstVersion;
    yield row;
  }
  if (lowest === 1) return; // none is archived
  for (const chunk of place(archiveSystem).range({ ...rangeOf(stream, { to }), reverse: true })) {
    const rows = [...rowsInChunk(place, chunk)];
    yield* rows.filter(({ firstVersion }) => firstVersion < (to ?? Infinity)).reverse();
  }
}

/** The row of this place; undefined: there is none. @throws as `streamRows`. */
export function rowAt(place: PlaceState, at: RowPlace): EventRow | undefined {
  const key = rowKey(at);
  const stored = place(eventsSystem).get(key);
  if (stored !== undefined) return decodeRow(key, stored, place);
  const holding = chunkHolding(place, at);
  const [row] = holding === undefined ? [] : rowsInChunk(place, holding, at.firstVersion);
  return row?.firstVersion === at.firstVersion ? row : undefined;
}

function* archivedRows(place: PlaceState, { machine, key }: Stream, from: number): Iterable<EventRow> {
  const holding = from === 1 ? undefined : chunkHolding(place, { machine, key, firstVersion: from });
  const first = holding === undefined ? from : Number(holding[0][2]);
  for (const chunk of place(archiveSystem).range(rangeOf({ machine, key }, { from: first })))
    yield* rowsInChunk(place, chunk, from);
}

/** That in which a row stands, if it is archived: the last one that begins with it or before. */
function chunkHolding(place: PlaceState, { firstVersion, ...stream }: RowPlace): SpaceEntry | undefined {
  const [holding] = place(archiveSystem).range({
    ...rangeOf(stream, { to: firstVersion + 1 }),
    reverse: true,
    limit: 1,
  });
  return holding;
}

function* rowsInChunk(place: PlaceState, [at, chunk]: SpaceEntry, from?: number): Iterable<EventRow> {
  const [machine = null, key = null, first] = at;
  for (const { firstVersion, stored } of chunkedRows(chunk, Number(first), from))
    yield decodeRow([machine, key, firstVersion], stored, place);
}

function rangeOf(
  { machine, key }: Stream,
  { from, to }: { readonly from?: number | undefined; readonly to?: number | undefined },
): SpaceRange {
  const prefix = [machine, key];
  return {
    prefix,
    from: from === undefined ? undefined : [...prefix, from],
    to: to === undefined ? undefined : [...prefix, to],
  };
}
