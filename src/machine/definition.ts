/**
 * What a machine is to the compiler and to the engine. `'~types'` is never a value: one optional, covariant property that
 * holds all types, flat, so that hovers and declaration files name no schema library. `'~machine'` is the code behind it,
 * with its types erased: they were checked where the machine was declared.
 */
import type { Duration } from '../kernel/time.ts';
import type { Rejection, Token } from '../partition/transaction.ts';
import type { PushOptions, Queue, Saga, Topic } from './part.ts';
import type { PersonalCode } from './personal-code.ts';
import type { Schemas } from './schema.ts';

export interface Machine<Name extends string, State, Commands, Events, Rejections, Table = unknown> {
  readonly kind: 'machine';
  readonly name: Name;
  readonly '~machine': MachineCode;
  readonly '~types'?: { state: State; commands: Commands; events: Events; rejections: Rejections; table: Table };
}

export type Dictionary<T> = Readonly<Record<string, T>>;
export type AnyMachine = Machine<
  string,
  unknown,
  Dictionary<{ in: unknown; out: unknown }>,
  Dictionary<unknown>,
  Dictionary<unknown>
>;
export type TypesOf<M extends AnyMachine> = NonNullable<M['~types']>;
export type StateOf<M extends AnyMachine> = TypesOf<M>['state'];
export type EventsOf<M extends AnyMachine> = TypesOf<M>['events'];
export type CommandsOf<M extends AnyMachine> = TypesOf<M>['commands'];
export type CommandName<M extends AnyMachine> = keyof CommandsOf<M> & string;
export type CommandInput<M extends AnyMachine, C extends CommandName<M>> = CommandsOf<M>[C]['in'];
export type RejectionOf<M extends AnyMachine, C extends CommandName<M>> = TypesOf<M>['rejections'][C];

/** An event before it is stored. */
export type NewEvent<Events> = {
  [T in keyof Events & string]: { readonly type: T; readonly data: Events[T] };
}[keyof Events & string];

/** Data of a verb: none where none is declared. */
export type Payload<T> = [T] extends [void] ? [data?: undefined] : [data: T];
export type Arguments<T, O> = [T] extends [void] ? [data?: undefined, options?: O] : [data: T, options?: O];

/** Proof of holding a lock or a claim; `token` only grows. */
export interface Fence {
  readonly lock: string;
  readonly key: string;
  readonly token: number;
}

/** Events that have all of these tags, at least one, and one of these types; without types, of any. */
export interface EventQuery {
  readonly tags: readonly string[];
  readonly types?: readonly string[] | undefined;
}

/** A condition: no event that one of the queries finds came after the token; `start`: there is none at all. */
export interface NoneSince {
  readonly queries: readonly EventQuery[];
  readonly after: Token | 'start';
}

/**
 * Everything in one transaction commits together, or nothing does. All methods return nothing: use them as statements.
 * A receiver decides in a transaction of its own a moment later, exactly once, be it near or far.
 */
export interface Transaction {
  readonly now: Date;
  newId(): string;
  /**
   * A command to an instance: of any machine of the app, at any place.
   * @throws LockstepError `misuse` for a machine that is no part of the app; `invalid` for a key that is none, data that its
   * schema refuses, and, once all is asked for, a message that is too large.
   */
  send<M extends AnyMachine, C extends CommandName<M>>(
    machine: M,
    key: string,
    command: C,
    ...data: Payload<CommandInput<M, C>>
  ): undefined;
  /** The same after a while, by a durable timer. @throws as `send`. */
  sendAfter<M extends AnyMachine, C extends CommandName<M>>(
    delay: Duration,
    machine: M,
    key: string,
    command: C,
    ...data: Payload<CommandInput<M, C>>
  ): undefined;
  push<In>(queue: Queue<string, unknown, In>, job: NoInfer<In>, options?: PushOptions): undefined;
  start<In>(saga: Saga<string, In, unknown, unknown>, key: string, input: NoInfer<In>): undefined;
  publish<In>(topic: Topic<string, unknown, In>, message: NoInfer<In>): undefined;
  /** Refuses the whole transaction when an event with these tags has come to its place since. */
  requireNone(none: NoneSince): undefined;
  /** Refuses the whole transaction when the lock, which lives in the same place, has a newer holder. */
  require(fence: Fence): undefined;
}

/** What `decide` is given besides state and command. */
export interface Context<Events> extends Transaction {
  readonly key: string;
  /** The part of the key before its first `/`. */
  readonly place: string;
  /** How many events this instance has; 0: it was never written. */
  readonly version: number;
  readonly actor: string;
  readonly commandId: string;
  event<T extends keyof Events & string>(type: T, ...data: Payload<Events[T]>): NewEvent<Events>;
}

/** What a decision asks for besides its events; it happens with them, or not at all. */
export type Effect =
  | {
      readonly kind: 'send';
      readonly machine: string;
      readonly key: string;
      readonly command: string;
      readonly data: unknown;
      /** 0: a moment later. */
      readonly delayMs: number;
    }
  | { readonly kind: 'push'; readonly queue: string; readonly job: unknown; readonly options: PushOptions }
  | { readonly kind: 'start'; readonly saga: string; readonly key: string; readonly input: unknown }
  | { readonly kind: 'publish'; readonly topic: string; readonly message: unknown }
  | { readonly kind: 'require'; readonly fence: Fence }
  | { readonly kind: 'require-none'; readonly none: NoneSince };

/** An event whose type is not known to the compiler. */
export interface AnyEvent {
  readonly type: string;
  readonly data: unknown;
}

/** A machine as the engine runs it, declared as functions or as a table. */
export interface MachineCode {
  readonly commands: Schemas;
  /** What `decide` makes; `TimedOut` of a table is not among them. */
  readonly events: Schemas;
  readonly codeVersion: number;
  /** Null: it is made of functions. */
  readonly table: TransitionTable | null;
  initial(): unknown;
  decide(state: unknown, command: string, data: unknown, context: Context<Dictionary<unknown>>): unknown;
  /** Pure: the same for ever. `at` is when the event was stored. */
  evolve(state: unknown, event: AnyEvent, at: Date): unknown;
  /** Of an event that is stored now; null: none of its events has any. */
  readonly tagsOf: ((event: AnyEvent) => readonly string[]) | null;
  /** Which fields of its events are personal; null: none. */
  readonly personal: PersonalCode | null;
  /** Null: its streams are archived when somebody asks for it. */
  readonly archive: ArchiveRule<unknown> | null;
  /** What it is made of as text, by name, to tell what changed: `decide.Deposit`, `evolve.Deposited`. */
  sources(): Readonly<Record<string, string>>;
  /** When the state ends by itself, and into which; null: never. */
  deadline(state: unknown): StateDeadline | null;
}

/** Which instances are over, and how long after its last event the stream of one is archived. */
export interface ArchiveRule<State> {
  /** Pure, as `evolve` is. */
  readonly when: (state: State) => boolean;
  readonly after: Duration;
}

export interface StateDeadline {
  readonly at: Date;
  readonly from: string;
  readonly to: string;
}

/** The finite-state form as data. */
export interface TransitionTable {
  readonly initial: string;
  readonly states: Readonly<Record<string, TransitionRow>>;
}

export interface TransitionRow {
  /** The state that each event leads to. */
  readonly on: Readonly<Record<string, string>>;
  readonly after: { readonly duration: Duration; readonly to: string } | null;
}

/** What `decide` may answer. */
export type Decision<Events> = readonly NewEvent<Events>[] | Rejection;
