/**
 * Tests of decisions without a node: given these events, when this command comes, what is decided? Stricter than
 * production: events are checked against their schemas, state and events are frozen, and every step of `evolve` is taken
 * twice and compared, so that one that is not pure is found here and not at a replay.
 */
import { ValueEncoder } from '../bytes/value-encode.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Rejection } from '../partition/transaction.ts';
import { initialOf, stepDeadline, stepNamed, type AnyStep } from './engine.ts';
import type { StepContext } from './decision.ts';
import type {
  AnyEvent,
  AnyMachine,
  CommandInput,
  CommandName,
  Effect,
  EventsOf,
  MachineCode,
  NewEvent,
  Payload,
  RejectionOf,
  StateOf,
} from './definition.ts';
import { checkNow } from './schema.ts';

export interface Decided<Events> {
  readonly kind: 'decided';
  readonly events: readonly NewEvent<Events>[];
  /** What is sent, pushed, started and published with them. */
  readonly effects: readonly Effect[];
}

export interface Given<M extends AnyMachine> {
  /** What the machine decides; the command's schema checks its data as it would at the edge. */
  when<C extends CommandName<M>>(
    command: C,
    ...data: Payload<CommandInput<M, C>>
  ): Decided<EventsOf<M>> | RejectionOf<M, C>;
  /** What happens by itself once its state's deadline has passed; nothing, where it has none. */
  whenTimeIsUp(): Decided<EventsOf<M>>;
  /** The state after the given events. */
  readonly state: StateOf<M>;
}

/** An instance with these events, its key `place/test`; the clock stands at 2026-01-01T00:00:00Z, ids are `id-1`, `id-2`, … */
export function given<M extends AnyMachine>(machine: M, ...events: readonly NewEvent<EventsOf<M>>[]): Given<M> {
  const strict = strictly(machine);
  let state: unknown = frozen(initialOf(machine));
  for (const event of events) state = strict['~machine'].evolve(state, event, now);
  const version = events.length;
  return {
    when: (command, ...[data]) => {
      const schema = machine['~machine'].commands[command];
      const name = `${machine.name}.${command}`;
      const checked = schema === undefined ? data : checkNow(schema, data, { kind: 'command', name });
      const outcome = stepNamed(strict, state, command, checked, contextOf(version));
      return outcomeOf(outcome) as Decided<EventsOf<M>> | RejectionOf<M, typeof command>; // of `decide` of this machine
    },
    whenTimeIsUp: () => {
      const deadline = machine['~machine'].deadline(state);
      const at = deadline === null ? now : deadline.at;
      const outcome = stepDeadline(strict, state, { now: at, version });
      return outcomeOf(outcome ?? { events: [], effects: [] }) as Decided<EventsOf<M>>; // of the table of this machine
    },
    state, // folded by the `evolve` that `StateOf` was inferred from
  };
}

const now: Date = Object.freeze(new Date('2026-01-01T00:00:00Z'));

function contextOf(version: number): StepContext {
  let count = 0;
  return { now, key: 'place/test', version, actor: 'test', commandId: 'command-1', newId: () => `id-${++count}` };
}

type Outcome = Pick<AnyStep, 'events' | 'effects'> | Rejection;

function outcomeOf(
  outcome: Outcome,
): Rejection | { kind: 'decided'; events: readonly AnyEvent[]; effects: readonly Effect[] } {
  if ('code' in outcome) return outcome;
  return { kind: 'decided', events: outcome.events, effects: outcome.effects };
}

/** The machine with an `evolve` that is watched. */
function strictly(machine: AnyMachine): AnyMachine {
  const code = machine['~machine'];
  const watched: MachineCode = {
    ...code,
    evolve: (state, event, at) => evolvedTwice(machine.name, code, state, event, at),
  };
  return { ...machine, '~machine': watched };
}

function evolvedTwice(machine: string, code: MachineCode, state: unknown, event: AnyEvent, at: Date): unknown {
  const name = `${machine}.${event.type}`;
  const schema = code.events[event.type];
  if (schema !== undefined) checkNow(schema, event.data, { kind: 'event', name });
  frozen(event.data);
  const [first, second] = [code.evolve(state, event, at), code.evolve(state, event, at)];
  const encoder = new ValueEncoder();
  if (!isSame(encoder.encode(first), encoder.encode(second)))
    throw new LockstepError('misuse', '`evolve` is not pure: the same state and event made two different states', {
      values: { event: name },
      advice: ['a time, an id or a random number belongs into the event, where `decide` puts it'],
    });
  return frozen(first);
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

/** All of it, as deep as it goes: who changes it is thrown at. Bytes cannot be frozen. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) frozen(inner);
  }
  return value;
}
