/**
 * A query on one partition at one moment. How far the rows of each projection are is looked up first: whether they have
 * what the caller's token names, whether anything is lacking, and since when events wait for them.
 */
import type { Snapshot } from '../../partition/snapshot.ts';
import type { Reader } from '../../partition/transaction.ts';
import type { Again } from '../delivery.ts';
import { readOrder } from '../event-reader.ts';
import type { AnyProjection } from './projection.ts';
import type { AnyQuery } from './query.ts';
import { ReadCount, SpaceRowReader } from './row-reader.ts';
import {
  answeringState,
  idOf,
  projectionsSystem,
  rowsSystem,
  stateOf,
  type ProjectionId,
  type ProjectionState,
  type Stopped,
} from './state.ts';

export interface PartAbout {
  readonly query: AnyQuery;
  /** As its schema made it. */
  readonly input: unknown;
  /** The revision of the partition that the rows must have at least; 0: any. */
  readonly after: number;
  /** Answers also where something is lacking. */
  readonly partial: boolean;
  /** The time of day, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** What one partition answers. */
export interface QueryPart {
  readonly kind: 'part';
  readonly value: unknown;
  /** The rows have all events up to here. */
  readonly revision: number;
  /** For at most how long newer events have waited for them. */
  readonly ageMs: number;
  /** The projections of which something is lacking. */
  readonly missing: readonly string[];
}

/** A projection goes no further until somebody sees to it. */
export interface StoppedPart {
  readonly kind: 'stopped-part';
  readonly projection: string;
  readonly stopped: Stopped;
}

/** Where the rows of a projection are, and how far. */
interface Standing {
  /** Of which version; its own are there for who asks for parts, even if none was written. */
  readonly rows: ProjectionId;
  readonly revision: number;
  /** When the first event behind `revision` happened, in milliseconds since 1970; null: there is none. */
  readonly waitsSinceMs: number | null;
  readonly lacks: { readonly why: string; readonly stopped: Stopped | null } | null;
}

export function runPart(snapshot: Snapshot, about: PartAbout): QueryPart | StoppedPart | Again {
  const { query, input, after, partial, nowMs } = about;
  const { reads, run } = query['~query'];
  const standings = Object.entries(reads).map(([alias, projection]) => ({
    alias,
    projection,
    standing: standingOf(snapshot, projection),
  }));
  for (const { projection, standing } of partial ? [] : standings) {
    const { lacks, revision } = standing;
    if (lacks === null) continue;
    // Who asks for what a token names waits until somebody has seen to it.
    if (lacks.stopped !== null && after <= revision)
      return { kind: 'stopped-part', projection: projection.name, stopped: lacks.stopped };
    return again(`projection ${projection.name}, which ${lacks.why}`);
  }
  for (const { projection, standing } of standings)
    if (standing.revision < after && !(partial && standing.lacks !== null))
      return again(`projection ${projection.name} to have revision ${after}; it has ${standing.revision}`);
  const count = new ReadCount();
  const tables = standings.map(({ alias, projection, standing }) => {
    const { indexes } = projection['~projection'];
    return [alias, new SpaceRowReader(snapshot.system(rowsSystem(standing.rows), null), indexes, count)] as const;
  });
  const value = run(Object.fromEntries(tables), input);
  const waitsMs = standings.map(({ standing }) => nowMs - (standing.waitsSinceMs ?? nowMs));
  return {
    kind: 'part',
    value,
    revision: Math.min(snapshot.revision, ...standings.map(({ standing }) => standing.revision)),
    ageMs: Math.max(snapshot.ageMs, ...waitsMs),
    missing: standings.flatMap(({ projection, standing }) => (standing.lacks === null ? [] : [projection.name])),
  };
}

const again = (why: string): Again => ({ kind: 'again', inDoubt: false, why });

function standingOf(reader: Reader, projection: AnyProjection): Standing {
  const id = idOf(projection);
  const projections = reader.system(projectionsSystem, null);
  const own = stateOf(projections, id);
  const state = own?.phase === 'live' ? own : formerOf(reader, projection);
  if (state === null) {
    const { position, stopped = null } = own ?? {};
    const revision = position ?? 0;
    const lacks = lacksFor(stopped) ?? {
      why: `is being built, up to revision ${revision} of ${reader.revision}`,
      stopped,
    };
    return { rows: id, revision, waitsSinceMs: null, lacks };
  }
  const { position } = state;
  const next = position === null ? undefined : [...readOrder(reader, position, 1)][0];
  const lacks = lacksOf(state, own);
  if (position === null || next === undefined)
    return { rows: state, revision: reader.revision, waitsSinceMs: null, lacks };
  return { rows: state, revision: position, waitsSinceMs: next.events[0]?.at.getTime() ?? null, lacks };
}

/** Of rows that code before made: while that of now is built they answer, unless it stopped, or they have, and it will tell. */
function lacksOf(state: ProjectionState, own: ProjectionState | null): Standing['lacks'] {
  if (state === own || own === null) return lacksFor(state.stopped);
  if (own.stopped !== null) return lacksFor(own.stopped);
  return state.stopped === null ? null : { why: 'is being built by newer code', stopped: null };
}

const lacksFor = (stopped: Stopped | null): Standing['lacks'] =>
  stopped === null ? null : { why: `is stopped: ${stopped.error}`, stopped };

/** The rows of code before this answer until there are its own; null where that code had not all of its indexes. */
function formerOf(reader: Reader, projection: AnyProjection): ProjectionState | null {
  const state = answeringState(reader.system(projectionsSystem, null), idOf(projection));
  if (state === null) return null;
  const rows = reader.system(rowsSystem(state), null);
  const isThere = (prefix: string[]): boolean => [...rows.range({ prefix, limit: 1 })].length > 0;
  const hasAll = Object.keys(projection['~projection'].indexes).every((index) => isThere(['index', index]));
  return hasAll || !isThere(['row']) ? state : null;
}
