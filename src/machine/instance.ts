/**
 * Instances as they are stored: each one's state beside its events, written with every command, so that it is one look.
 *
 *     place  machine-state  [machine, key]  → [version, codeVersion, deadline, state]
 *
 * A state of an older `codeVersion` is folded again from its events when it is next used.
 */
import type { Tuple } from '../bytes/tuple.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { ReadSpace, Transaction } from '../partition/transaction.ts';
import type { AnyMachine } from './definition.ts';
import { fold, initialOf } from './engine.ts';
import { decodeRow, eventsSystem } from './event-row.ts';

const stateSystem = 'machine-state';

export interface Instance {
  /** How many events it has; 0: it was never written. */
  readonly version: number;
  readonly state: unknown;
  /** When the state ends by itself, in milliseconds since 1970; null: never. */
  readonly deadlineMs: number | null;
}

/** The product's own state of the instance's place: of a transaction or of a snapshot. */
export type PlaceState = (name: string) => ReadSpace;

/** As a transaction of the place sees it. */
export const placeStateOf =
  (tx: Transaction): PlaceState =>
  (name) =>
    tx.system(name, 'place');

/**
 * Its own copy, whatever `evolve` does to it.
 * @throws LockstepError `misuse` where newer code has written the state; `corrupt`.
 */
export function loadInstance(place: PlaceState, machine: AnyMachine, key: string): Instance {
  const value = place(stateSystem).get(stateKey(machine, key));
  if (value === undefined) return { version: 0, state: initialOf(machine), deadlineMs: null };
  const [version, codeVersion, deadlineMs, state] = Array.isArray(value) ? value : [];
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
  return { version, deadlineMs, state: codeVersion === known ? state : foldAll(place, machine, key) };
}

export function saveInstance(tx: Transaction, machine: AnyMachine, key: string, instance: Instance): void {
  const { version, state, deadlineMs } = instance;
  const { codeVersion } = machine['~machine'];
  // The codec checks what a state is made of.
  tx.system(stateSystem, 'place').set(stateKey(machine, key), [version, codeVersion, deadlineMs, state as StoredValue]);
}

/** The state that all events of an instance make. */
export function foldAll(place: PlaceState, machine: AnyMachine, key: string): unknown {
  let state: unknown = initialOf(machine);
  for (const [rowKey, value] of place(eventsSystem).range({ prefix: [machine.name, key] }))
    state = fold(machine, state, decodeRow(rowKey, value).events);
  return state;
}

const stateKey = (machine: AnyMachine, key: string): Tuple => [machine.name, key];
