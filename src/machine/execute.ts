/**
 * The one way in which events come about: load the instance, decide, then write state, events, their place in the
 * partition's order, the deadline and what is sent, in one transaction. Commands, messages and deadlines all go through it.
 */
import { hybridDate } from '../clock/timestamp.ts';
import { cancelTimer, setTimer } from '../partition/timer/timer.ts';
import type { Rejection, Transaction } from '../partition/transaction.ts';
import { planArchive } from './archive.ts';
import type { AnyEvent, AnyMachine, Fence, NoneSince } from './definition.ts';
import { applyEffects, requireFence, type FencedOut } from './effects.ts';
import { decideDeadline, decideNamed, settle, type Decided } from './engine.ts';
import { putRow, type EventRow, type Origin } from './event-row.ts';
import { foldedAtOnceMax, foldStep } from './fold-steps.ts';
import { loadInstance, saveInstance, type Instance } from './instance.ts';
import { sealedRow } from './personal.ts';
import { placeStateOf } from './place-state.ts';
import type { MachineRuntime } from './runtime.ts';
import { checkTypes, overtakenBy, type Overtaken } from './tags.ts';
import { unstorableEvent, unstorableState } from './unstorable.ts';
import { shapesOf } from './versions.ts';

/** The timers' kind of what ends states of a table. */
export const deadlineTimer = 'machine-deadline';

export interface CommandRequest extends Origin {
  readonly machine: AnyMachine;
  readonly key: string;
  readonly command: string;
  /** As its schema made it. */
  readonly data: unknown;
  readonly expectedVersion?: number | undefined;
  readonly fence?: Fence | undefined;
  readonly requireNone?: NoneSince | undefined;
}

/** What a command came to. */
export interface Executed {
  readonly version: number;
  /** Of its first event; `version + 1` where it made none. */
  readonly firstVersion: number;
  readonly events: readonly AnyEvent[];
}

/** Why its transaction wrote nothing: `decided` wraps what `decide` answered. */
export type Refusal =
  | Rejection<'decided', Rejection>
  | Rejection<'conflict', { readonly expected: number; readonly actual: number }>
  | FencedOut
  | Overtaken
  /** Its state is of older code, and too long to be folded again in one transaction: `foldStep` is to come first. */
  | Rejection<'unfolded', null>;

/** In a transaction of the key's place. @throws what `decide` and `evolve` throw; LockstepError `misuse`, `invalid`. */
export function execute(tx: Transaction, runtime: MachineRuntime, request: CommandRequest): Executed | Refusal {
  const { machine, key, command, data, actor, commandId, expectedVersion, fence, requireNone } = request;
  const fenced = fence === undefined ? null : requireFence(tx, fence);
  if (fenced !== null) return fenced;
  if (requireNone !== undefined) checkTypes(runtime.machines, requireNone.queries);
  const overtaken = requireNone === undefined ? null : overtakenBy(tx, requireNone);
  if (overtaken !== null) return overtaken;
  const instance = loadInstance(placeStateOf(tx), machine, key, foldedAtOnceMax);
  if (instance === null) return { kind: 'rejected', code: 'unfolded', details: null };
  const { version } = instance;
  if (expectedVersion !== undefined && expectedVersion !== version)
    return { kind: 'rejected', code: 'conflict', details: { expected: expectedVersion, actual: version } };
  const { machines } = runtime;
  const context = { now: hybridDate(tx.now), key, version, actor, commandId, newId: () => runtime.newId(), machines };
  const decided = decideNamed(machine, instance.state, command, data, context);
  if ('code' in decided) return { kind: 'rejected', code: 'decided', details: decided };
  return write(tx, runtime, { machine, key, origin: request, before: instance, decided, now: context.now });
}

/** The deadline of an instance's state has come: it ends, unless it was left meanwhile. */
export function executeDeadline(tx: Transaction, runtime: MachineRuntime, machine: AnyMachine, key: string): void {
  const before = loadInstance(placeStateOf(tx), machine, key, foldedAtOnceMax);
  if (before === null) {
    foldStep(tx, runtime, machine, key);
    setTimer(tx, { ...deadlineAbout(machine, key), after: '0ms' }); // it goes on in the next transaction
    return;
  }
  const now = hybridDate(tx.now);
  const decided = decideDeadline(machine, before.state, { now, version: before.version });
  if (decided !== null) {
    const commandId = runtime.newId();
    const origin = { actor: 'deadline', commandId, correlationId: commandId, causationId: null, trace: null };
    write(tx, runtime, { machine, key, origin, before, decided, now });
    return;
  }
  // Newer code may give the state more time than it had when the timer was set.
  const deadline = machine['~machine'].deadline(before.state);
  if (before.version > 0 && deadline !== null) setDeadline(tx, machine, key, deadline.at.getTime());
}

interface Written {
  readonly machine: AnyMachine;
  readonly key: string;
  readonly origin: Origin;
  readonly before: Instance;
  readonly decided: Decided;
  /** The time of the transaction. */
  readonly now: Date;
}

function write(tx: Transaction, runtime: MachineRuntime, written: Written): Executed | FencedOut | Overtaken {
  const { machine, key, origin, before, decided, now } = written;
  const refused = applyEffects(tx, decided.effects, origin);
  if (refused !== null) return refused;
  const firstVersion = before.version + 1;
  if (decided.events.length === 0) return { version: before.version, firstVersion, events: [] };
  const sealing = { tx, randomness: runtime.randomness };
  const row = rowOf(tx, written, firstVersion);
  // As it was decided: `evolve` may change in place what an event was made of.
  try {
    putRow(tx, sealedRow(sealing, machine, row));
  } catch (error) {
    throw unstorableEvent(error, row);
  }
  for (const onRow of runtime.onRow) onRow(tx, machine, row);
  const { version, state, deadline } = settle(machine, before.state, decided, { now, version: before.version });
  const deadlineMs = deadline?.getTime() ?? null;
  try {
    saveInstance(sealing, machine, key, { version, state, deadlineMs });
  } catch (error) {
    throw unstorableState(error, machine.name, key);
  }
  if (deadlineMs !== before.deadlineMs) setDeadline(tx, machine, key, deadlineMs);
  planArchive(tx, machine, key, state);
  return { version, firstVersion, events: decided.events };
}

function rowOf(tx: Transaction, { machine, key, origin, decided, now: at }: Written, firstVersion: number): EventRow {
  const { actor, commandId, correlationId, causationId, trace } = origin;
  const { events: schemas } = machine['~machine'];
  const events = decided.events.map(({ type, data }) => {
    const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
    return { type, data, at, shape: schema === undefined ? 1 : shapesOf(schema).length };
  });
  const { revision } = tx;
  const { name } = machine;
  return {
    machine: name,
    key,
    firstVersion,
    revision,
    actor,
    commandId,
    correlationId,
    causationId,
    trace,
    events,
  };
}

function setDeadline(tx: Transaction, machine: AnyMachine, key: string, deadlineMs: number | null): void {
  const about = deadlineAbout(machine, key);
  if (deadlineMs === null) cancelTimer(tx, about);
  else setTimer(tx, { ...about, at: new Date(deadlineMs) });
}

const deadlineAbout = ({ name: machine }: AnyMachine, key: string) => ({
  kind: deadlineTimer,
  name: `${machine}/${key}`,
  payload: { machine, key },
});
