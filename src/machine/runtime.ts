/** What runs an app's machines on partitions: its machines by name, and what they need of the world. */
import { LockstepError } from '../kernel/errors.ts';
import type { Randomness } from '../env/randomness.ts';
import type { Transaction } from '../partition/transaction.ts';
import type { App } from './app.ts';
import type { AnyMachine } from './definition.ts';
import type { EventRow } from './event-row.ts';
import type { Schema } from './schema.ts';

/** What else a command's events change, in its transaction. It must not throw for what those events are. */
export type OnRow = (tx: Transaction, machine: AnyMachine, row: EventRow) => void;

export interface MachineRuntime {
  readonly machines: ReadonlyMap<string, AnyMachine>;
  /** A new id, ordered by time: a UUID of version 7. */
  newId(): string;
  /** For keys and nonces of personal data. */
  readonly randomness: Randomness;
  /** In this order. */
  readonly onRow: readonly OnRow[];
}

export const machinesOf = ({ parts }: App<unknown>): ReadonlyMap<string, AnyMachine> =>
  new Map(parts.flatMap((part) => (part.kind === 'machine' ? [[part.name, part] as const] : [])));

/** @throws LockstepError `misuse` for a machine that is no part of the app. */
export function checkPart({ machines }: Pick<MachineRuntime, 'machines'>, machine: AnyMachine): void {
  const known = machines.get(machine.name);
  if (known === machine) return;
  const message =
    known === undefined ? 'this machine is no part of the app' : 'the app has another machine of this name';
  throw new LockstepError('misuse', message, {
    values: { machine: machine.name },
    advice: ['defineApp({ name, parts: [ …, it ] })'],
  });
}

/** Undefined: it has no such command. */
export function commandSchema(machine: AnyMachine, command: string): Schema | undefined {
  const { commands } = machine['~machine'];
  return Object.hasOwn(commands, command) ? commands[command] : undefined;
}

const keyUnitsMax = 500;

/** @throws LockstepError `invalid` for a key that is none. */
export function checkKey(key: string): void {
  if (typeof key === 'string' && key.length > 0 && key.length <= keyUnitsMax && key.isWellFormed()) return;
  throw new LockstepError('invalid', 'a key is a text of 1 to 500 characters', {
    values: { key: String(key).slice(0, 64) },
  });
}
