/**
 * The finite-state form: a table says which event leads from which state to which, and after how long a state ends by
 * itself. It becomes a machine like any other, whose commands are its events: a state that does not take one rejects it.
 * State with data of its own is an ordinary `machine` over a union.
 */
import { LockstepError } from '../kernel/errors.ts';
import { durationMs, type Duration } from '../kernel/time.ts';
import type { Rejection } from '../partition/transaction.ts';
import type {
  AnyEvent,
  ArchiveRule,
  Machine,
  MachineCode,
  StateDeadline,
  TransitionRow,
  TransitionTable,
} from './definition.ts';
import { checkCodeVersion, checkedArchive, checkName } from './machine.ts';
import { personalCode } from './personal-code.ts';
import { reject } from './rejection.ts';
import { unchecked, type Input, type Output, type Schemas } from './schema.ts';

/** `after`: a durable deadline; a transition like any other, recorded as the event `TimedOut`. */
type StateRow<Events, State> = { readonly [E in keyof Events]?: State } & {
  readonly after?: { readonly [D in Duration]?: State };
};

/** The states that take event `E`. */
export type Taking<Table, E> = { [S in keyof Table]: E extends keyof Table[S] ? S : never }[keyof Table] & string;

/** The state of a table, and when it was entered; 1970 for an instance that was never written. */
export interface At<State extends string> {
  readonly at: State;
  readonly since: Date;
}

/** What is recorded when a deadline has passed. */
export const timedOut = 'TimedOut';

/**
 * Declares a machine as a table of transitions. An event that leads back into the same state enters it anew: its deadline
 * begins again. The deadline of the initial state begins when it is entered by an event, as nothing lives before its first.
 * @throws LockstepError `misuse` for a state, an event or a duration that there is none, and for a state with two
 * deadlines, of which the longer could never pass.
 */
export function fsm<
  const Name extends string,
  Events extends Schemas,
  const Table extends { readonly [S in keyof Table]: StateRow<Events, keyof Table> },
>(definition: {
  readonly name: Name;
  readonly events: Events;
  readonly initial: keyof Table & string;
  readonly states: Table & {
    readonly [S in keyof Table]: {
      readonly [E in Exclude<keyof Table[S], keyof Events | 'after'>]: never;
    } & (Table[S] extends {
      readonly after: infer A;
    }
      ? { readonly after: { readonly [D in Exclude<keyof A, Duration>]: never } }
      : unknown);
  };
  /** As that of `machine`: `when: ({ at }) => at === 'delivered'`. */
  readonly archive?: ArchiveRule<At<keyof Table & string>>;
  /** Raise it when a transition leads elsewhere than before: each state is folded again from its events. Default 1. */
  readonly codeVersion?: number;
}): Machine<
  Name,
  At<keyof Table & string>,
  { [E in keyof Events]: { in: Input<Events[E]>; out: Output<Events[E]> } },
  {
    [E in keyof Events | 'TimedOut']: E extends keyof Events
      ? Output<Events[E]>
      : { readonly from: keyof Table & string; readonly to: keyof Table & string };
  },
  {
    [E in keyof Events]: Rejection<
      'not-accepted',
      {
        readonly at: Exclude<keyof Table & string, Taking<Table, E>>;
        readonly accepts: readonly (keyof Events & string)[];
      }
    >;
  },
  Table
> {
  const { name, events, initial, archive, codeVersion = 1 } = definition;
  checkName(name, 'machine');
  checkCodeVersion(name, codeVersion);
  for (const event of Object.keys(events)) checkEventName(name, event);
  const table = tableOf(name, initial, events, definition.states);
  const rule = archive === undefined ? null : checkedArchive(archive as ArchiveRule<unknown>); // of the table's own states
  const code = codeOf(name, table, events, { codeVersion, archive: rule });
  return Object.freeze({ kind: 'machine', name, '~machine': code } as const);
}

/** Where event `event` leads from the state `at`, both known to the compiler. */
export function next<Table, S extends keyof Table, E extends Exclude<keyof Table[S], 'after'>>(
  machine: Machine<string, unknown, unknown, unknown, unknown, Table>,
  at: S,
  event: E,
): Table[S][E] {
  const to = machine['~machine'].table?.states[String(at)]?.on[String(event)];
  if (to !== undefined) return to as Table[S][E]; // `Table` is the type of this very table
  throw new LockstepError('misuse', 'this state does not take this event', {
    values: { machine: machine.name, at: String(at), event: String(event) },
  });
}

function codeOf(
  name: string,
  table: TransitionTable,
  events: Schemas,
  { codeVersion, archive }: Pick<MachineCode, 'codeVersion' | 'archive'>,
): MachineCode {
  const rowOf = (state: unknown): TransitionRow => table.states[stateOf(state).at] ?? unknownState(name, state);
  return Object.freeze<MachineCode>({
    commands: events,
    events: { ...events, [timedOut]: unchecked<{ from: string; to: string }>() },
    codeVersion,
    table,
    initial: () => ({ at: table.initial, since: new Date(0) }) satisfies At<string>,
    decide: (state, command, data, { event }) => {
      const { on } = rowOf(state);
      if (Object.hasOwn(on, command)) return [event(command, data)];
      return reject('not-accepted', { at: stateOf(state).at, accepts: Object.keys(on) });
    },
    evolve: (state, event, at) => ({ at: targetOf(name, rowOf(state), event, state), since: at }) satisfies At<string>,
    tagsOf: null,
    personal: personalCode(events),
    archive,
    sources: () => ({ evolve: JSON.stringify(table) }),
    deadline: (state) => deadlineOf(rowOf(state), stateOf(state)),
  });
}

const stateOf = (state: unknown): At<string> => state as At<string>; // made by `initial` and `evolve` above alone

function deadlineOf({ after }: TransitionRow, { at, since }: At<string>): StateDeadline | null {
  if (after === null) return null;
  return { at: new Date(since.getTime() + durationMs(after.duration)), from: at, to: after.to };
}

/** A deadline leads where it was recorded to lead: it may be another, or none, by now. */
function targetOf(name: string, { on }: TransitionRow, { type, data }: AnyEvent, state: unknown): string {
  if (type === timedOut) return (data as { readonly to: string }).to; // recorded by the engine alone
  const to = Object.hasOwn(on, type) ? on[type] : undefined;
  if (to !== undefined) return to;
  throw new LockstepError('misuse', 'an event is stored that this state does not take any more', {
    values: { event: `${name}.${type}`, at: stateOf(state).at },
    advice: ['what was stored stays: keep the transition'],
  });
}

function unknownState(name: string, state: unknown): never {
  throw new LockstepError('misuse', 'an instance is in a state that the table does not have', {
    values: { machine: name, at: String(stateOf(state).at) },
    advice: ['raise codeVersion, so that states are folded again'],
  });
}

function checkEventName(machine: string, event: string): void {
  checkName(event, 'event');
  if (event !== timedOut && event !== 'after') return;
  throw new LockstepError('misuse', "an event of a table is not called 'after' or 'TimedOut': these are deadlines", {
    values: { event: `${machine}.${event}` },
  });
}

function tableOf(
  machine: string,
  initial: string,
  events: Schemas,
  states: Readonly<Record<string, object>>,
): TransitionTable {
  const known = (state: string, where: string): string => {
    if (Object.hasOwn(states, state)) return state;
    throw new LockstepError('misuse', 'the table has no such state', { values: { machine, state, where } });
  };
  const rows = Object.entries(states).map(([state, row]): readonly [string, TransitionRow] => {
    checkName(state, 'state');
    const { after = {}, ...rest } = row as { readonly after?: Readonly<Record<string, string>> };
    const on: Readonly<Record<string, string>> = rest;
    for (const [event, to] of Object.entries(on)) {
      if (!Object.hasOwn(events, event))
        throw new LockstepError('misuse', 'the table has no such event', { values: { machine, state, event } });
      known(to, `${state}.${event}`);
    }
    return [state, { on, after: afterOf(machine, state, after, known) }];
  });
  return Object.freeze({ initial: known(initial, 'initial'), states: Object.freeze(Object.fromEntries(rows)) });
}

function afterOf(
  machine: string,
  state: string,
  after: Readonly<Record<string, string>>,
  known: (state: string, where: string) => string,
): TransitionRow['after'] {
  const [first, ...others] = Object.entries(after);
  if (first === undefined) return null;
  if (others.length > 0)
    throw new LockstepError('misuse', 'a state has one deadline: a longer one could never pass', {
      values: { machine, state, deadlines: others.length + 1 },
    });
  const duration = first[0] as Duration; // which `durationMs` checks
  if (durationMs(duration) === 0)
    throw new LockstepError('misuse', 'a deadline is longer than nothing', { values: { machine, state, duration } });
  return { duration, to: known(first[1], `${state}.after`) };
}
