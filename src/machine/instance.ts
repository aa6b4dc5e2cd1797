/**
 * Instances as they are stored: each one's state beside its events, written with every command, so that it is one look.
 *
 *     place  machine-state  [machine, key]  → [version, codeVersion, deadline, state, sealed]
 *     place  machine-fold   [machine, key]  → [codeVersion, version, state, sealed]: of one that is being folded again
 *
 * A state of an older `codeVersion` is folded again from its events when it is next used; a long one in steps. One that is
 * made of personal data is `sealed`, and null beside it; once its key is destroyed it is folded again in the same way.
 */
import type { Tuple } from '../bytes/tuple.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { Transaction } from '../partition/transaction.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { AnyMachine } from './definition.ts';
import { fold, initialOf } from './engine.ts';
import { lastVersionOf } from './event-row.ts';
import { openedRow, openedState, sealedState, type Sealing } from './personal.ts';
import { placeStateOf, type PlaceState } from './place-state.ts';
import { decodeSealed, encodeSealed } from './sealed.ts';
import { streamRows } from './stream-rows.ts';

export const stateSystem = 'machine-state';
const foldSystem = 'machine-fold';

export interface Instance {
  /** How many events it has; 0: it was never written. */
  readonly version: number;
  readonly state: unknown;
  /** When the state ends by itself, in milliseconds since 1970; null: never. */
  readonly deadlineMs: number | null;
}

/**
 * Its own copy, whatever `evolve` does to it; null where more events than `eventsMax` would have to be folded again.
 * @throws LockstepError `misuse` where newer code has written the state; `corrupt`.
 */
export function loadInstance(place: PlaceState, machine: AnyMachine, key: string, eventsMax: number): Instance | null {
  const stored = storedOf(place, machine, key);
  if (stored === null) return { version: 0, state: initialOf(machine), deadlineMs: null };
  const { version, codeVersion, deadlineMs, state } = stored;
  if (codeVersion === machine['~machine'].codeVersion) return { version, deadlineMs, state };
  const begun = foldBegun(place, machine, key);
  if (version - begun.version > eventsMax) return null;
  return { version, deadlineMs, state: foldRows(place, machine, key, { begun, eventsMax: Infinity }).state };
}

/**
 * Folds about so many events more, whole rows of them, and keeps how far it came. True: the state is of this code now.
 * @throws as `loadInstance`; what `evolve` throws.
 */
export function foldFurther(sealing: Sealing, machine: AnyMachine, key: string, eventsMax: number): boolean {
  const { tx } = sealing;
  const place = placeStateOf(tx);
  const stored = storedOf(place, machine, key);
  const { codeVersion } = machine['~machine'];
  if (stored === null || stored.codeVersion === codeVersion) return true;
  const { version, state } = foldRows(place, machine, key, { begun: foldBegun(place, machine, key), eventsMax });
  const space = tx.system(foldSystem, 'place');
  if (version < stored.version) {
    space.set(stateKey(machine, key), [codeVersion, version, ...storedState(sealing, machine, key, state)]);
    return false;
  }
  space.delete(stateKey(machine, key));
  saveInstance(sealing, machine, key, { version, state, deadlineMs: stored.deadlineMs });
  return true;
}

/** From now on the state is one of older code: it is folded again when it is next used. */
export function outdate(tx: Transaction, key: Tuple): null {
  const space = tx.system(stateSystem, 'place');
  const stored = space.get(key);
  if (!Array.isArray(stored)) return null;
  const [version, , ...rest] = stored as readonly StoredValue[]; // an array of what is stored
  space.set(key, [version as StoredValue, outdatedVersion, ...rest]);
  tx.system(foldSystem, 'place').delete(key);
  return null;
}

/** Null: it was never written. @throws as `loadInstance`. */
export function storedOf(place: PlaceState, machine: AnyMachine, key: string): StoredInstance | null {
  const value = place(stateSystem).get(stateKey(machine, key));
  if (value === undefined) return null;
  const [version, codeVersion, deadlineMs, state, sealed] = Array.isArray(value) ? value : [];
  if (
    typeof version !== 'number' ||
    typeof codeVersion !== 'number' ||
    (deadlineMs !== null && typeof deadlineMs !== 'number')
  )
    throw new LockstepError('corrupt', 'an instance is not what was written', {
      values: { machine: machine.name, key },
    });
  const known = machine['~machine'].codeVersion;
  if (codeVersion > known)
    throw new LockstepError('misuse', 'newer code has written this state', {
      values: { machine: machine.name, key, codeVersion, known },
      advice: ['run that code, or raise codeVersion further'],
    });
  if (sealed === undefined) return { version, codeVersion, deadlineMs, state };
  const opened = openedState(machine, key, decodeSealed(place, sealed));
  if (opened === null) return { version, codeVersion: outdatedVersion, deadlineMs, state: null };
  return { version, codeVersion, deadlineMs, state: opened.state };
}

/** Older than all code: of a state whose key was destroyed, or that is to be folded again. */
const outdatedVersion = 0;

export function saveInstance(sealing: Sealing, machine: AnyMachine, key: string, instance: Instance): void {
  const { version, state, deadlineMs } = instance;
  const { codeVersion } = machine['~machine'];
  const stored = [version, codeVersion, deadlineMs, ...storedState(sealing, machine, key, state)];
  sealing.tx.system(stateSystem, 'place').set(stateKey(machine, key), stored);
}

/** The codec checks what a state is made of. */
function storedState(sealing: Sealing, machine: AnyMachine, key: string, state: unknown): readonly StoredValue[] {
  const sealed = sealedState(sealing, machine, key, state);
  return sealed === null ? [state as StoredValue] : [null, encodeSealed(sealed)];
}

export interface StoredInstance extends Instance {
  readonly codeVersion: number;
}

/** The state that the events up to a version make. */
export interface Folded {
  readonly version: number;
  readonly state: unknown;
}

/** How far this very code has folded it already. */
export function foldBegun(place: PlaceState, machine: AnyMachine, key: string): Folded {
  const value = place(foldSystem).get(stateKey(machine, key));
  const [codeVersion, version, state, sealed] = Array.isArray(value) ? value : [];
  if (codeVersion !== machine['~machine'].codeVersion || typeof version !== 'number') return unfolded(machine);
  if (sealed === undefined) return { version, state };
  const opened = openedState(machine, key, decodeSealed(place, sealed));
  return opened === null ? unfolded(machine) : { version, state: opened.state };
}

/** Before the first event. */
export const unfolded = (machine: AnyMachine): Folded => ({ version: 0, state: initialOf(machine) });

/** About so many events further, whole rows of them; no further: these are all. @throws what `evolve` throws; `corrupt`. */
export function foldRows(
  place: PlaceState,
  machine: AnyMachine,
  key: string,
  { begun, eventsMax }: { readonly begun: Folded; readonly eventsMax: number },
): Folded {
  let { version, state } = begun;
  // A version that was folded to is the end of a row.
  for (const row of streamRows(place, { machine: machine.name, key }, version + 1)) {
    state = fold(machine, state, openedRow(machine, row).events);
    version = lastVersionOf(row);
    if (version - begun.version >= eventsMax) break;
  }
  return { version, state };
}

const stateKey = (machine: AnyMachine, key: string): Tuple => [machine.name, key];
