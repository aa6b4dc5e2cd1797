/**
 * The engine beneath both forms: pure functions of a machine, a state and what happens to it. No clock, no storage, no
 * promise: what a decision asks for is returned as data, and whoever runs it does it in the same transaction.
 */
import { LockstepError } from '../kernel/errors.ts';
import { isPromise } from '../kernel/promise.ts';
import type { Rejection } from '../partition/transaction.ts';
import { DecisionRun, decisionLimits, type StepContext } from './decision.ts';
import type {
  AnyEvent,
  AnyMachine,
  CommandName,
  CommandsOf,
  Effect,
  EventsOf,
  NewEvent,
  RejectionOf,
  StateOf,
} from './definition.ts';
import { timedOut } from './fsm.ts';
import { isRejection } from './rejection.ts';
import { upcast } from './versions.ts';

/** A command as `decide` sees it: `data` is the output of its schema. */
export interface Command<M extends AnyMachine, C extends CommandName<M>> {
  readonly name: C;
  readonly data: CommandsOf<M>[C]['out'];
}

/** What a command comes to, unless it is rejected. */
export interface Step<State, Events> {
  readonly kind: 'decided';
  readonly events: readonly NewEvent<Events>[];
  /** After these events. */
  readonly state: State;
  readonly version: number;
  /** In the order in which they were asked for. */
  readonly effects: readonly Effect[];
  /** When the state it is in now ends by itself; null: never. It takes the place of the one before. */
  readonly deadline: Date | null;
}

/** As `Step`, of a machine that is not known to the compiler. */
export type AnyStep = Omit<Step<unknown, Readonly<Record<string, unknown>>>, 'events'> & {
  readonly events: readonly AnyEvent[];
};

/** What `decide` answered, before `evolve` saw any of it: what is to be stored is stored as it is now. */
export interface Decided {
  readonly kind: 'decided';
  readonly events: readonly AnyEvent[];
  /** In the order in which they were asked for. */
  readonly effects: readonly Effect[];
}

/** An event as it is stored. */
export interface StoredEvent extends AnyEvent {
  /** Which of the event's shapes `data` has, from 1. */
  readonly shape: number;
  /** The `now` of the step that made it. */
  readonly at: Date;
}

/**
 * Decides one command on one instance.
 * @throws LockstepError `misuse` for a command that there is none, a `decide` that answers anything but events or a
 * rejection, or more events than `decisionLimits`; and whatever `decide` and `evolve` throw.
 */
export function step<M extends AnyMachine, C extends CommandName<M>>(
  machine: M,
  state: StateOf<M>,
  command: Command<M, C>,
  context: StepContext,
): Step<StateOf<M>, EventsOf<M>> | RejectionOf<M, C> {
  // `decide` of this machine was checked against these very types where it was declared.
  return stepNamed(machine, state, command.name, command.data, context) as
    | Step<StateOf<M>, EventsOf<M>>
    | RejectionOf<M, C>;
}

/** As `step`, by the names that stand in a message or on a command line. */
export function stepNamed(
  machine: AnyMachine,
  state: unknown,
  command: string,
  data: unknown,
  context: StepContext,
): AnyStep | Rejection {
  const decided = decideNamed(machine, state, command, data, context);
  return 'code' in decided ? decided : settle(machine, state, decided, context);
}

/** The first half of `stepNamed`; `settle` is the second. @throws as `step`, but for what `evolve` throws. */
export function decideNamed(
  machine: AnyMachine,
  state: unknown,
  command: string,
  data: unknown,
  context: StepContext,
): Decided | Rejection {
  const code = machine['~machine'];
  if (!Object.hasOwn(code.commands, command))
    throw new LockstepError('misuse', 'this machine has no such command', {
      values: { command: `${machine.name}.${command}` },
    });
  const run = new DecisionRun(machine.name, code, context);
  try {
    const decision = code.decide(state, command, data, run.context);
    const decided = checkedDecision(machine.name, command, decision);
    return isRejection(decided) ? decided : { kind: 'decided', events: decided, effects: run.effects };
  } finally {
    run.end();
  }
}

/**
 * The transition of a state whose deadline has passed at `context.now`; null when there is none: it was left meanwhile, or
 * is not due yet.
 */
export function stepDeadline(
  machine: AnyMachine,
  state: unknown,
  context: Pick<StepContext, 'now' | 'version'>,
): AnyStep | null {
  const decided = decideDeadline(machine, state, context);
  return decided === null ? null : settle(machine, state, decided, context);
}

/** The first half of `stepDeadline`. */
export function decideDeadline(
  machine: AnyMachine,
  state: unknown,
  context: Pick<StepContext, 'now' | 'version'>,
): Decided | null {
  const deadline = context.version === 0 ? null : machine['~machine'].deadline(state);
  if (deadline === null || deadline.at.getTime() > context.now.getTime()) return null;
  const { from, to } = deadline;
  return { kind: 'decided', events: [{ type: timedOut, data: { from, to } }], effects: [] };
}

/** The state of an instance that was never written. */
export function initialOf<M extends AnyMachine>(machine: M): StateOf<M> {
  return machine['~machine'].initial(); // made by the `initial` that `StateOf` was inferred from
}

/** The state after stored events, old shapes brought up to the newest. Pure: at every replay the same. */
export function fold<M extends AnyMachine>(machine: M, state: StateOf<M>, events: Iterable<StoredEvent>): StateOf<M> {
  const code = machine['~machine'];
  let folded: unknown = state;
  for (const { type, data, shape, at } of events) {
    const schema = code.events[type];
    folded = code.evolve(folded, { type, data: schema === undefined ? data : upcast(schema, shape, data) }, at);
  }
  return folded;
}

/** What was decided on a state, with the state behind it. @throws what `evolve` throws. */
export function settle(
  machine: AnyMachine,
  state: unknown,
  { events, effects }: Decided,
  { now, version }: Pick<StepContext, 'now' | 'version'>,
): AnyStep {
  const code = machine['~machine'];
  let evolved = state;
  for (const event of events) evolved = code.evolve(evolved, event, now);
  const newVersion = version + events.length;
  const deadline = newVersion === 0 ? null : code.deadline(evolved);
  return { kind: 'decided', events, state: evolved, version: newVersion, effects, deadline: deadline?.at ?? null };
}

function checkedDecision(machine: string, command: string, decision: unknown): readonly AnyEvent[] | Rejection {
  const values = { command: `${machine}.${command}` };
  if (Array.isArray(decision)) {
    if (decision.length <= decisionLimits.eventsMax) return decision as readonly AnyEvent[];
    throw new LockstepError('misuse', 'a decision makes too many events at once', {
      values: { ...values, events: decision.length, eventsMax: decisionLimits.eventsMax },
    });
  }
  if (typeof decision === 'object' && decision !== null && isRejection(decision)) return decision;
  if (isPromise(decision)) decision.then(undefined, () => {}); // it is answered with the misuse below
  throw new LockstepError('misuse', '`decide` answers a list of events or a rejection, at once', {
    values: { ...values, answered: isPromise(decision) ? 'a promise' : typeof decision },
    advice: ['nothing to do is []; what takes time is done before, in the handler that sends'],
  });
}
