/**
 * The declaration of a state machine: what it can be told, what can have happened, how it decides, and how what happened
 * changes its state. Everything is inferred from the one object; type arguments are never written.
 */
import { LockstepError } from '../kernel/errors.ts';
import { isPromise } from '../kernel/promise.ts';
import { durationMs } from '../kernel/time.ts';
import type { Rejection } from '../partition/transaction.ts';
import type {
  AnyEvent,
  ArchiveRule,
  Context,
  Decision,
  Dictionary,
  Machine,
  MachineCode,
  NewEvent,
} from './definition.ts';
import { personalCode } from './personal-code.ts';
import type { Input, Output, Schemas } from './schema.ts';

// Never a value: nothing is assignable to `Hint`. Beside `NoInfer<State>` it lets literals in what `evolve` returns keep
// their types: with `=> State` alone `({ ...order, status: 'paid' })` widens to `string`, as `State` is not settled while
// the literal is read.
declare const impossible: unique symbol;
type Literal = '' | 0 | 0n | false | Hint | readonly Literal[];
interface Hint {
  readonly [impossible]: never;
  readonly [key: string]: Literal;
}

export interface MachineDefinition<
  Name extends string,
  State extends object,
  Commands,
  Events extends Schemas,
  Decide,
> {
  /** Stored with every event: rename the variable, never the machine. */
  readonly name: Name;
  /** The state of an instance that was never written. Give a union's type as its return type. */
  readonly initial: () => State;
  readonly commands: Commands;
  readonly events: Events;
  /** Synchronous. `[]`: nothing to do. A rejection refuses the command and drops what it sent. A throw: something broke. */
  readonly decide: Decide & { readonly [C in Exclude<keyof Decide, keyof Commands>]: never };
  /** Pure: the same state and event always make the same state, on every replica and at every replay. */
  readonly evolve: { readonly [T in keyof Events]: (state: State, data: Output<Events[T]>) => NoInfer<State> | Hint };
  /** Tags of events, by type, for `requireNone` and `readTagged`: pure, and those of when an event is stored. */
  readonly tags?: { readonly [T in keyof Events]?: (data: Output<Events[T]>) => readonly string[] };
  /**
   * Whose the personal fields of an instance's events are, by its key: a text that has the key's place, as one key protects
   * them. Default: the place.
   */
  readonly subject?: (key: string) => string;
  /**
   * Archives the stream of an instance that is over: it takes little space then, and is read as before. A command to it is
   * decided as ever. Default: a stream is archived when `node.archive` is called.
   */
  readonly archive?: ArchiveRule<State>;
  /** Raise it when `evolve` or the state's shape changes: each state is folded again from its events when next used. Default 1. */
  readonly codeVersion?: number;
}

/**
 * Declares a machine: a value with a name; an instance is the machine and a key.
 * @throws LockstepError `misuse` for a name that is none, a command that is not decided, an event that is not evolved, or
 * one of them too many: what the compiler refuses too.
 */
export function machine<
  const Name extends string,
  State extends object,
  Commands extends Schemas,
  Events extends Schemas,
  Decide extends {
    readonly [C in keyof Commands]: (
      state: State,
      command: Output<Commands[C]>,
      context: Context<{ [T in keyof Events]: Output<Events[T]> }>,
    ) => readonly NewEvent<{ [T in keyof Events]: Output<Events[T]> }>[] | Rejection;
  },
>(
  definition: MachineDefinition<Name, State, Commands, Events, Decide>,
): Machine<
  Name,
  State,
  { [C in keyof Commands]: { in: Input<Commands[C]>; out: Output<Commands[C]> } },
  { [T in keyof Events]: Output<Events[T]> },
  { [C in keyof Decide]: Decide[C] extends (...input: never[]) => infer D ? Extract<D, Rejection> : never }
> {
  const { name, initial, commands, events, subject, archive, codeVersion = 1 } = definition;
  // From here on types are erased. Each function is called with what its own schema or `initial` made.
  const decide = definition.decide as unknown as Dictionary<Decider>;
  const evolve = definition.evolve as unknown as Dictionary<Evolver>;
  const tags = definition.tags as unknown as Dictionary<Tagger> | undefined;
  checkName(name, 'machine');
  checkCodeVersion(name, codeVersion);
  checkCovered(name, 'command', commands, 'decide', decide);
  checkCovered(name, 'event', events, 'evolve', evolve);
  const code: MachineCode = {
    commands,
    events,
    codeVersion,
    table: null,
    initial,
    decide: (state, command, data, context) => (decide[command] as Decider)(state, data, context),
    evolve: (state, event) => {
      const evolved = evolverOf(name, evolve, event)(state, event.data);
      return isPromise(evolved) ? refusePromise(evolved, `${name}.${event.type}`) : evolved;
    },
    tagsOf:
      tags === undefined ? null : ({ type, data }) => (Object.hasOwn(tags, type) ? tags[type]?.(data) : null) ?? [],
    personal: personalCode(events, subject),
    archive: archive === undefined ? null : checkedArchive(archive as unknown as ArchiveRule<unknown>),
    sources: () => ({
      initial: String(initial),
      ...textsOf('decide', decide),
      ...textsOf('evolve', evolve),
    }),
    deadline: () => null,
  };
  return Object.freeze({ kind: 'machine', name, '~machine': Object.freeze(code) } as const);
}

const textsOf = (what: string, functions: Dictionary<Decider | Evolver>): Dictionary<string> =>
  Object.fromEntries(Object.entries(functions).map(([name, one]) => [`${what}.${name}`, String(one)]));

type Decider = (
  state: unknown,
  command: unknown,
  context: Context<Dictionary<unknown>>,
) => Decision<Dictionary<unknown>>;
type Tagger = (data: unknown) => readonly string[];
type Evolver = (state: unknown, data: unknown) => unknown;

function evolverOf(name: string, evolve: Dictionary<Evolver>, { type }: AnyEvent): Evolver {
  if (Object.hasOwn(evolve, type)) return evolve[type] as Evolver;
  throw new LockstepError('misuse', 'this machine does not know an event that is stored', {
    values: { event: `${name}.${type}` },
    advice: ['what was stored stays: keep the event and its `evolve`, also when nothing makes it any more'],
  });
}

function refusePromise(evolved: Promise<unknown>, event: string): never {
  evolved.then(undefined, () => {}); // it is answered with the misuse below, whatever becomes of it
  throw new LockstepError('misuse', '`evolve` answers the next state, at once: it returned a promise', {
    values: { event },
    advice: ['what takes time is done before the command, in the handler that sends, and stands in the event'],
  });
}

const nameUnitsMax = 100;

/** Names are stored, and written on command lines: a letter, then letters, digits, `-`, `_`. */
export function checkName(name: string, what: string): void {
  if (name.length <= nameUnitsMax && /^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) return;
  throw new LockstepError('misuse', `the name of a ${what} is a letter and up to 99 letters, digits, '-' and '_'`, {
    values: { name: name.slice(0, nameUnitsMax) },
  });
}

export function checkCodeVersion(name: string, codeVersion: number): void {
  if (Number.isSafeInteger(codeVersion) && codeVersion >= 1) return;
  throw new LockstepError('misuse', 'a codeVersion is a whole number from 1', { values: { name, codeVersion } });
}

/** @throws LockstepError `misuse` for a duration that is none. */
export function checkedArchive(archive: ArchiveRule<unknown>): ArchiveRule<unknown> {
  durationMs(archive.after);
  return archive;
}

/** Every schema has its function, and every function its schema. */
function checkCovered(
  name: string,
  what: 'command' | 'event',
  schemas: Schemas,
  by: 'decide' | 'evolve',
  functions: Dictionary<unknown>,
): void {
  for (const one of Object.keys(schemas)) {
    checkName(one, what);
    if (!Object.hasOwn(functions, one)) throw uncovered(`${by} lacks this ${what}`, what, `${name}.${one}`);
  }
  for (const one of Object.keys(functions))
    if (!Object.hasOwn(schemas, one))
      throw uncovered(`${by} has a ${what} that is not declared`, what, `${name}.${one}`);
}

const uncovered = (message: string, what: string, name: string): LockstepError =>
  new LockstepError('misuse', message, { values: { [what]: name } });
