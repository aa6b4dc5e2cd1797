/**
 * What changes when a node begins to lead whose code declares other projections, or other versions of them, than that of
 * whoever led before. Each version has rows and a state of its own. One that the code does not have stays as it is, for a
 * time: code that has it may lead again, as while nodes are replaced one by one, or after the newer code was taken back.
 */
import { hybridWall } from '../../clock/timestamp.ts';
import type { Reader, ReadSpace, Transaction } from '../../partition/transaction.ts';
import { newestEvent, readingOf } from './catch-up.ts';
import type { AnyProjection } from './projection.ts';
import { dropState, idOf, isSameId, projectionsSystem, putState, rowsSystem, statesOf } from './state.ts';
import type { ProjectionId, ProjectionState } from './state.ts';

/**
 * Begins those that are new, and takes up those that are not: what stopped is tried once more. Commands keep up none from
 * here on that this code does not have.
 */
export function takeOver(tx: Transaction, projections: readonly AnyProjection[]): void {
  const space = tx.system(projectionsSystem, 'local');
  const newest = newestEvent(readingOf(tx));
  const states = statesOf(space);
  for (const projection of projections) {
    const id = idOf(projection);
    const isInline = projection['~projection'].update === 'inline';
    const state = states.find((one) => isSameId(one, id));
    if (state === undefined) putState(space, firstState(id, newest, isInline));
    else if (isTakenUp(state, isInline)) putState(space, takenUp(state, isInline ? null : newest));
  }
  const declared = projections.map(idOf);
  for (const state of states)
    if (state.leftMs === null && !declared.some((id) => isSameId(id, state)))
      putState(space, { ...state, position: state.position ?? newest, leftMs: hybridWall(tx.now) });
}

/** Where there are no events, it has all of them. */
function firstState(id: ProjectionId, newest: number, isInline: boolean): ProjectionState {
  const { name, codeVersion } = id;
  const about = { name, codeVersion, stopped: null, skips: [], leftMs: null };
  if (newest > 0) return { ...about, phase: 'building', position: 0 };
  return { ...about, phase: 'live', position: isInline ? null : 0 };
}

/** `end`: the position of one that has all events. */
const takenUp = (state: ProjectionState, end: number | null): ProjectionState => ({
  ...state,
  position: state.position ?? end,
  stopped: state.stopped === null ? null : { ...state.stopped, isDue: true },
  leftMs: null,
});

const isTakenUp = ({ position, stopped, leftMs }: ProjectionState, isInline: boolean): boolean =>
  leftMs !== null || stopped?.isDue === false || (position === null && !isInline);

/** Removes what nobody who led has had the code of for so long, and what is not needed until newer rows answer. */
export function dropLeft(tx: Transaction, projections: readonly AnyProjection[], keepMs: number): void {
  const space = tx.system(projectionsSystem, 'local');
  const nowMs = hybridWall(tx.now);
  for (const state of leftStates(space, projections))
    if (nowMs - state.leftMs >= keepMs) dropState(space, tx.system(rowsSystem(state), 'local'), state);
}

/** When the next one is to be removed; null: there is none. */
export function nextDropMs(
  reader: Pick<Reader, 'system'>,
  projections: readonly AnyProjection[],
  keepMs: number,
): number | null {
  const left = leftStates(reader.system(projectionsSystem, null), projections);
  return left.length === 0 ? null : Math.min(...left.map(({ leftMs }) => leftMs)) + keepMs;
}

interface LeftState extends ProjectionState {
  readonly leftMs: number;
}

/** Those that will not be needed: none of their names is declared, or the declared version answers by itself. */
function leftStates(space: ReadSpace, projections: readonly AnyProjection[]): readonly LeftState[] {
  const states = statesOf(space);
  const isLive = (id: ProjectionId): boolean => states.some((one) => isSameId(one, id) && one.phase === 'live');
  return states.filter((state): state is LeftState => {
    const declared = projections.find(({ name }) => name === state.name);
    return state.leftMs !== null && (declared === undefined || isLive(idOf(declared)));
  });
}
