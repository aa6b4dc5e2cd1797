/**
 * How far each projection is, in the state of its partition: a row for each version of its code, and one that names those
 * which every command keeps up.
 *
 *     local  projections      ['inline']                   → [[name, codeVersion], …]
 *     local  projections      ['state', name, codeVersion] → [phase, position, leftMs, stopped, skips]
 *     local  projection/NAME@CODEVERSION                   → its rows and indexes
 *
 * Whoever writes events looks at the first row in the same transaction: what it names is applied there and then, and what
 * it names and this code does not have leaves it, with the position reached. So rows miss nothing whatever code leads.
 */
import type { StoredValue } from '../../bytes/value-format.ts';
import { hybridWall } from '../../clock/timestamp.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { ReadSpace, Space, Transaction } from '../../partition/transaction.ts';
import type { EventRow } from '../event-row.ts';
import type { AnyProjection } from './projection.ts';

export const projectionsSystem = 'projections';
/** `Transaction.note` under this topic: the state was changed by others than the runner, who is to look at it. */
export const projectionsTopic = 'projections';

export interface ProjectionId {
  readonly name: string;
  readonly codeVersion: number;
}

/** One event, as its machine counts it. */
export interface EventPlace {
  readonly machine: string;
  readonly key: string;
  readonly version: number;
}

/** Why a projection goes no further. */
export interface Stopped {
  /** What its handler, or one of its indexes, threw. */
  readonly error: string;
  /** The event that it was given. */
  readonly event: EventPlace;
  /** In milliseconds since 1970: when this event first stopped it. */
  readonly sinceMs: number;
  /** It is to be tried once more: somebody asked for it, or another began to lead, whose code may be newer. */
  readonly isDue: boolean;
}

export interface ProjectionState extends ProjectionId {
  /** `building`: it was never up to date yet, and answers nothing. */
  readonly phase: 'building' | 'live';
  /** The revision up to which its rows have all events; null: they have all, as every command sees to it. */
  readonly position: number | null;
  readonly stopped: Stopped | null;
  /** Events of one command, to be passed over when it is come to. */
  readonly skips: readonly EventPlace[];
  /** Since when nobody who led had its code, in milliseconds since 1970; null: whoever leads has it. */
  readonly leftMs: number | null;
}

/** Where its rows are. */
export const rowsSystem = ({ name, codeVersion }: ProjectionId): string => `projection/${name}@${codeVersion}`;

export const idOf = (projection: AnyProjection): ProjectionId => ({
  name: projection.name,
  codeVersion: projection['~projection'].codeVersion,
});

export const isSameId = (a: ProjectionId, b: ProjectionId): boolean =>
  a.name === b.name && a.codeVersion === b.codeVersion;

export const isSameEvent = (a: EventPlace, b: EventPlace): boolean =>
  a.machine === b.machine && a.key === b.key && a.version === b.version;

/** What every command keeps up. `space`: of `projectionsSystem`, as everywhere here. @throws LockstepError `corrupt`. */
export function keptInline(space: ReadSpace): readonly ProjectionId[] {
  const stored = space.get(['inline']);
  if (stored === undefined) return [];
  if (!Array.isArray(stored)) throw unreadable();
  return stored.map((pair) => {
    const [name, codeVersion] = Array.isArray(pair) ? pair : [];
    return versionFrom(name, codeVersion);
  });
}

/** Null: there is none. @throws LockstepError `corrupt`. */
export function stateOf(space: ReadSpace, { name, codeVersion }: ProjectionId): ProjectionState | null {
  const stored = space.get(['state', name, codeVersion]);
  return stored === undefined ? null : decoded(name, codeVersion, stored);
}

/** Of all versions of all projections, or of one; in the order of names and versions. @throws LockstepError `corrupt`. */
export function statesOf(space: ReadSpace, name?: string): readonly ProjectionState[] {
  const prefix = name === undefined ? ['state'] : ['state', name];
  return [...space.range({ prefix })].map(([[, ofName, codeVersion], stored]) => decoded(ofName, codeVersion, stored));
}

export function putState(space: Space, state: ProjectionState): void {
  const { name, codeVersion, phase, position, leftMs, stopped, skips } = state;
  const why = stopped === null ? null : [stopped.error, storedPlace(stopped.event), stopped.sinceMs, stopped.isDue];
  space.set(['state', name, codeVersion], [phase, position, leftMs, why, skips.map(storedPlace)]);
  const inline = keptInline(space);
  if (inline.some((one) => isSameId(one, state)) === (position === null)) return;
  const next = position === null ? [...inline, state] : inline.filter((one) => !isSameId(one, state));
  space.set(
    ['inline'],
    next.map((one) => [one.name, one.codeVersion]),
  );
}

/** In the transaction of a row's command: this code does not have it, so it has what came before this row, and no more. */
export function leaveInline(tx: Transaction, id: ProjectionId, row: EventRow): void {
  const leftMs = hybridWall(tx.now);
  changeState(tx, id, (state) => ({ ...state, position: row.revision - 1, leftMs }));
}

/** In the transaction of a row's command: a handler threw at one of its events, and it has what came before this row. */
export function stopInline(
  tx: Transaction,
  id: ProjectionId,
  row: EventRow,
  why: Pick<Stopped, 'error' | 'event'>,
): void {
  const { error, event } = why;
  const stopped = { error, event, sinceMs: hybridWall(tx.now), isDue: false };
  changeState(tx, id, (state) => ({ ...state, position: row.revision - 1, stopped }));
  tx.note(projectionsTopic, null);
}

/** @throws LockstepError `corrupt` where there is no state of it. */
export function changeState(
  tx: Transaction,
  id: ProjectionId,
  change: (state: ProjectionState) => ProjectionState,
): void {
  const space = tx.system(projectionsSystem, 'local');
  const state = stateOf(space, id);
  if (state === null) throw unreadable();
  putState(space, change(state));
}

/** `space`: of the state; `rows`: that of its rows. Whatever their number, it is one mark in the tree. */
export function dropState(space: Space, rows: Space, version: ProjectionId): void {
  rows.deleteRange({});
  space.delete(['state', version.name, version.codeVersion]);
}

/**
 * Whose rows answer for this version: its own once they have been up to date, until then those of the newest version
 * before it. Null: there are none yet.
 */
export function answeringState(space: ReadSpace, { name, codeVersion }: ProjectionId): ProjectionState | null {
  const live = statesOf(space, name).filter((one) => one.phase === 'live' && one.codeVersion <= codeVersion);
  return live.at(-1) ?? null;
}

const storedPlace = ({ machine, key, version }: EventPlace): StoredValue => [machine, key, version];

function decoded(name: unknown, codeVersion: unknown, stored: StoredValue): ProjectionState {
  const [phase, position, leftMs, stopped, skips] = Array.isArray(stored) ? stored : [];
  const isState =
    (phase === 'building' || phase === 'live') &&
    (position === null || typeof position === 'number') &&
    (leftMs === null || typeof leftMs === 'number');
  if (!isState) throw unreadable();
  const about = { ...versionFrom(name, codeVersion), phase, position, leftMs } as const;
  return { ...about, stopped: stoppedOf(stopped ?? null), skips: skippedOf(skips) };
}

const skippedOf = (stored: StoredValue | undefined): readonly EventPlace[] =>
  Array.isArray(stored) ? stored.map(placeOfEvent) : [];

function stoppedOf(stored: StoredValue): Stopped | null {
  if (stored === null) return null;
  const [error, event, sinceMs, isDue] = Array.isArray(stored) ? stored : [];
  const isStopped = typeof error === 'string' && typeof sinceMs === 'number' && typeof isDue === 'boolean';
  if (!isStopped || event === undefined) throw unreadable();
  return { error, event: placeOfEvent(event), sinceMs, isDue };
}

function placeOfEvent(stored: StoredValue): EventPlace {
  const [machine, key, version] = Array.isArray(stored) ? stored : [];
  if (typeof machine !== 'string' || typeof key !== 'string' || typeof version !== 'number') throw unreadable();
  return { machine, key, version };
}

function versionFrom(name: unknown, codeVersion: unknown): ProjectionId {
  if (typeof name !== 'string' || typeof codeVersion !== 'number') throw unreadable();
  return { name, codeVersion };
}

const unreadable = (): LockstepError =>
  new LockstepError('corrupt', 'the state of a projection is not what was written');
