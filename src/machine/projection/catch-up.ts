/**
 * Brings projections further along the partition's order of events: one bounded stretch of it in one transaction, which
 * writes their rows together with how far they are, so that each event is in them exactly once. One that has come to the
 * end, in the very transaction that says so, is live; an inline one is from then on kept up by commands.
 */
import { hybridWall } from '../../clock/timestamp.ts';
import type { Reader, ReadSpace, Space, Transaction } from '../../partition/transaction.ts';
import type { AnyMachine } from '../definition.ts';
import { lastVersionOf, orderSystem, placeInOrder, type EventRow } from '../event-row.ts';
import { orderedRow } from '../event-reader.ts';
import { applyRow, targetIn, type RowsTarget } from './apply.ts';
import type { AnyProjection } from './projection.ts';
import type { WriteMeasure } from './rows.ts';
import {
  idOf,
  isSameEvent,
  projectionsSystem,
  projectionsTopic,
  putState,
  stateOf,
  type EventPlace,
  type ProjectionState,
} from './state.ts';

/** What a transaction takes of the order: the first of these that is reached ends it. */
export interface Stretch {
  /** Commands. */
  readonly rowsMax: number;
  /** Asked after each command. */
  readonly isEnough: () => boolean;
  /** Told of each command whose events some projection took. */
  readonly onRow?: ((row: EventRow) => void) | undefined;
}

/** A projection on its way. */
class Traveller {
  readonly projection: AnyProjection;
  readonly #before: ProjectionState;
  position: number;
  #stopped: ProjectionState['stopped'] = null;
  #skips: readonly EventPlace[];
  #target: RowsTarget | null = null;

  constructor(projection: AnyProjection, state: ProjectionState, position: number) {
    this.projection = projection;
    this.#before = state;
    this.position = position;
    this.#skips = state.skips;
  }

  get isStopped(): boolean {
    return this.#stopped !== null;
  }

  handles(machine: string): boolean {
    return this.projection['~projection'].handlers.has(machine);
  }

  take(tx: Transaction, machine: AnyMachine, row: EventRow, measure: WriteMeasure): void {
    measure.clear();
    this.#target ??= targetIn(tx, this.projection, measure);
    const applied = applyRow(this.#target, machine, row, this.#skips);
    if (applied.kind === 'applied') {
      if (this.#skips.length > 0) this.#skips = this.#skips.filter((one) => !isInRow(one, row));
      return;
    }
    const { error, event } = applied;
    const { stopped: before } = this.#before;
    const sinceMs = before !== null && isSameEvent(before.event, event) ? before.sinceMs : hybridWall(tx.now);
    this.#stopped = { error, event, sinceMs, isDue: false };
  }

  /** `isAll`: it is where the order ends. */
  save(space: Space, isAll: boolean): void {
    const { position } = this;
    if (position === this.#before.position && !isAll && !this.isStopped) return;
    const at = { ...this.#before, position, stopped: this.#stopped, skips: this.#skips };
    if (this.isStopped || !isAll) return putState(space, at);
    const isInline = this.projection['~projection'].update === 'inline';
    putState(space, { ...at, phase: 'live', position: isInline ? null : position });
  }

  /** The rows that were changed on the way. */
  write(): void {
    this.#target?.rows.write();
  }
}

const isInRow = ({ machine, key, version }: EventPlace, row: EventRow): boolean =>
  machine === row.machine && key === row.key && version >= row.firstVersion && version <= lastVersionOf(row);

export interface CatchUpSetup {
  readonly machines: ReadonlyMap<string, AnyMachine>;
  readonly measure: WriteMeasure;
}

/** Whose turn it is, and who may go along. */
export interface Takers {
  readonly first: AnyProjection;
  readonly others: readonly AnyProjection[];
}

/**
 * Takes `first` a stretch further, and those of `others` that are on it along. What is stopped, or kept up by commands, stays
 * as it is. True: there is no event behind it. @throws LockstepError `corrupt`.
 */
export function catchUp(
  tx: Transaction,
  { machines, measure }: CatchUpSetup,
  { first, others }: Takers,
  { rowsMax, isEnough, onRow }: Stretch,
): boolean {
  const space = tx.system(projectionsSystem, 'local');
  const [leading] = travellersOf(space, [first]);
  if (leading === undefined) return true;
  const along = travellersOf(space, others).filter(({ position }) => position >= leading.position);
  const travellers = [leading, ...along];
  const isAll = travel(tx, travellers, { machines, measure }, { rowsMax, isEnough, onRow });
  for (const one of travellers) one.save(space, isAll);
  if (travellers.some(({ isStopped }) => isStopped)) tx.note(projectionsTopic, null);
  for (const one of travellers) one.write(); // last: reading costs more in a transaction that has written much
  return isAll;
}

/** True: there is no event behind it. */
function travel(
  tx: Transaction,
  travellers: readonly Traveller[],
  { machines, measure }: CatchUpSetup,
  { rowsMax, isEnough, onRow }: Stretch,
): boolean {
  const events = readingOf(tx);
  const from = Math.min(...travellers.map(({ position }) => position)) + 1;
  let [rows, going] = [0, travellers.length];
  const order = tx.system(orderSystem, 'local').walk({ from: [from] });
  try {
    for (; order.next(); rows++) {
      if (rows === rowsMax || (rows > 0 && isEnough()) || going === 0) return false;
      const at = order.key();
      const revision = Number(at[0]);
      const place = placeInOrder(at);
      const machine = machines.get(place.machine);
      let row: EventRow | null = null;
      for (const one of travellers) {
        if (one.isStopped || one.position >= revision) continue;
        if (machine !== undefined && one.handles(place.machine)) {
          row ??= orderedRow(events, place, order);
          one.take(tx, machine, row, measure);
        }
        if (one.isStopped) going--;
        else one.position = revision;
      }
      if (row !== null) onRow?.(row);
    }
    return true;
  } finally {
    order.end();
  }
}

function travellersOf(space: ReadSpace, projections: readonly AnyProjection[]): readonly Traveller[] {
  return projections.flatMap((projection) => {
    const state = stateOf(space, idOf(projection));
    if (state === null || state.position === null || state.stopped?.isDue === false) return [];
    return [new Traveller(projection, state, state.position)];
  });
}

/** Where even one command is too much for a transaction: it stops there. */
export function stopAtNext(tx: Transaction, projection: AnyProjection, error: string): void {
  const space = tx.system(projectionsSystem, 'local');
  const state = stateOf(space, idOf(projection));
  if (state === null || state.position === null) return;
  for (const [at] of tx.system(orderSystem, 'local').range({ from: [state.position + 1], limit: 1 })) {
    const { machine, key, firstVersion } = placeInOrder(at);
    const event = { machine, key, version: firstVersion };
    putState(space, { ...state, stopped: { error, event, sinceMs: hybridWall(tx.now), isDue: false } });
  }
}

/** What a transaction sees of the product's own state. */
export const readingOf = (tx: Transaction): Pick<Reader, 'system'> => ({
  system: (name, place) => (place === null ? tx.system(name, 'local') : tx.systemAt(name, place)),
});

/** The revision of the newest event; 0: there is none. */
export function newestEvent(reader: Pick<Reader, 'system'>): number {
  for (const [[revision]] of reader.system(orderSystem, null).range({ reverse: true, limit: 1 }))
    return Number(revision);
  return 0;
}
