/**
 * The rows of a stream, wherever they stand: what is archived in chunks of many, the rest one by one behind it. Whoever reads
 * or folds a stream, or looks for one of its rows, does it here, and cannot tell the two apart.
 *
 *     place  machine-archive  [machine, key, firstVersion]  → a chunk (chunk.ts): the rows from that version on
 */
import type { Tuple } from '../bytes/tuple.ts';
import { partsOf } from '../bytes/value-parts.ts';
import type { SpaceEntry, SpaceRange } from '../partition/transaction.ts';
import { chunkedRows } from './chunk.ts';
import { decodeRow, eventsSystem, placeInStream, rowKey, type EventRow, type RowPlace } from './event-row.ts';
import type { PlaceState } from './place-state.ts';

export const archiveSystem = 'machine-archive';

type Stream = Omit<RowPlace, 'firstVersion'>;

/** The rows whose first version is `from` or higher, from the oldest to the newest. @throws LockstepError `corrupt`. */
export function* streamRows(place: PlaceState, stream: Stream, from = 1): Iterable<EventRow> {
  let isFirst = true;
  const walk = place(eventsSystem).walk(rangeOf(stream, { from }));
  try {
    while (walk.next()) {
      const at = placeIn(stream, walk.rest());
      if (isFirst && at.firstVersion > from) {
        const row = decodeRow(at, walk.parts(), place);
        yield* archivedRows(place, stream, from);
        yield row;
      } else yield decodeRow(at, walk.parts(), place);
      isFirst = false;
    }
  } finally {
    walk.end();
  }
  if (isFirst) yield* archivedRows(place, stream, from);
}

/** Those whose first version is below `to`, from the newest to the oldest. @throws as `streamRows`. */
export function* streamRowsReverse(place: PlaceState, stream: Stream, to?: number): Iterable<EventRow> {
  let lowest = Infinity;
  const walk = place(eventsSystem).walk({ ...rangeOf(stream, { to }), reverse: true });
  try {
    while (walk.next()) {
      const row = decodeRow(placeIn(stream, walk.rest()), walk.parts(), place);
      lowest = row.firstVersion;
      yield row;
    }
  } finally {
    walk.end();
  }
  if (lowest === 1) return; // none is archived
  for (const chunk of place(archiveSystem).range({ ...rangeOf(stream, { to }), reverse: true })) {
    const rows = [...rowsInChunk(place, stream, chunk)];
    yield* rows.filter(({ firstVersion }) => firstVersion < (to ?? Infinity)).reverse();
  }
}

/** The row of this place; undefined: there is none. @throws as `streamRows`. */
export function rowAt(place: PlaceState, at: RowPlace): EventRow | undefined {
  const stored = place(eventsSystem).get(rowKey(at));
  if (stored !== undefined) return decodeRow(at, partsOf(stored), place);
  const holding = chunkHolding(place, at);
  const [row] = holding === undefined ? [] : rowsInChunk(place, at, holding, at.firstVersion);
  return row?.firstVersion === at.firstVersion ? row : undefined;
}

function* archivedRows(place: PlaceState, stream: Stream, from: number): Iterable<EventRow> {
  const holding = from === 1 ? undefined : chunkHolding(place, { ...stream, firstVersion: from });
  const first = holding === undefined ? from : Number(holding[0][2]);
  for (const chunk of place(archiveSystem).range(rangeOf(stream, { from: first })))
    yield* rowsInChunk(place, stream, chunk, from);
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

function* rowsInChunk(place: PlaceState, stream: Stream, [at, chunk]: SpaceEntry, from?: number): Iterable<EventRow> {
  for (const { firstVersion, stored } of chunkedRows(chunk, Number(at[2]), from))
    yield decodeRow(placeIn(stream, [firstVersion]), partsOf(stored), place);
}

const placeIn = ({ machine, key }: Stream, [firstVersion]: Tuple): RowPlace =>
  placeInStream([machine, key, firstVersion ?? null]);

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
