/**
 * What the verbs on machines take and answer, as types; who runs them is the node. `Connection` has no type parameters:
 * handlers are typed by the definitions they pass, so nothing depends on the type of the whole application. An outcome's
 * type holds what can happen, nothing else.
 */
import type { Duration } from '../kernel/time.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { CommandId } from '../partition/command-id.ts';
import type { Token } from '../partition/transaction.ts';
import type {
  AnyMachine,
  Arguments,
  CommandName,
  CommandsOf,
  EventQuery,
  EventsOf,
  Fence,
  NewEvent,
  NoneSince,
  RejectionOf,
  StateOf,
  TypesOf,
} from './definition.ts';
import type { Taking } from './fsm.ts';
import type { Options, Query } from './part.ts';
import type { FoundEvent } from './tags.ts';

export interface Committed<Events> {
  readonly kind: 'committed';
  readonly version: number;
  readonly token: Token;
  readonly events: readonly NewEvent<Events>[];
  /** This `commandId` had been committed before: nothing was done again, this is the first answer. */
  readonly repeated: boolean;
}

/** What of an event goes on with the commands that it leads to. */
export interface Cause {
  readonly id: string;
  readonly correlationId: string;
  readonly trace: string | null;
}

export type SendOptions<From = never> = Options<{
  /** Makes sending again safe: the same id is run once. One older than the window (24 h) is `expired`, never run. */
  commandId: CommandId;
  /** `conflict` when the instance has another version. */
  expectedVersion: number;
  /** `fenced` when the lock has a newer holder. */
  fence: Fence;
  /** `overtaken` when one of these events has come to the key's place since. */
  requireNone: NoneSince;
  /** The state of a table that the caller knows it to be in: then only its events compile. */
  from: From;
  /** Who asks, as its events will say: a text of 1 to 512 characters. Default `local`. */
  actor: string;
  /** The event that led to this command: its id is the causation of what comes of it; correlation and trace go on. */
  causedBy: Cause;
  /** One for all that a request from outside led to. Default: that of `causedBy`, else the command's own id. */
  correlationId: string;
  /** The trace context, as `traceparent` has it. Default: that of `causedBy`. */
  trace: string;
  deadline: Duration;
  signal: AbortSignal;
}>;

type When<O, K extends string, Outcome> = K extends keyof O ? ([O[K]] extends [undefined] ? never : Outcome) : never;
/** What only some options make possible. */
export type Extra<O> =
  | When<O, 'expectedVersion', { readonly kind: 'conflict'; readonly expected: number; readonly actual: number }>
  | When<O, 'fence', { readonly kind: 'fenced'; readonly newest: number }>
  | When<O, 'requireNone', { readonly kind: 'overtaken'; readonly event: FoundEvent }>
  | When<O, 'commandId', { readonly kind: 'expired' }>;
export type FromState<M extends AnyMachine, C> = Taking<TypesOf<M>['table'], C>;

export interface Snapshot<State> {
  readonly state: State;
  readonly version: number;
  readonly token: Token;
  readonly ageMs: number;
}

/** An event as it is read: which, in its newest shape, who, when, and because of what. */
export type Recorded<M extends AnyMachine, T extends keyof EventsOf<M> = keyof EventsOf<M>> = {
  [K in T]: {
    readonly machine: M['name'];
    readonly type: K;
    readonly data: EventsOf<M>[K];
    readonly key: string;
    readonly place: string;
    readonly version: number;
    /** All events of one command have one: read on after it once all of them were taken. */
    readonly token: Token;
    /** `MACHINE/KEY@VERSION`: the same for ever. */
    readonly id: string;
    /** When its transaction ran, by the time of its partition. */
    readonly at: Date;
    readonly actor: string;
    readonly commandId: string;
    /** One for all that a request from outside led to. */
    readonly correlationId: string;
    /** The command, or the event, that led to its command; null: it came from outside. */
    readonly causationId: string | null;
    /** The trace context of its command, as `traceparent` has it (https://www.w3.org/TR/trace-context); null: none. */
    readonly trace: string | null;
  };
}[T];

/** Events of several machines, told apart by `machine`. */
export type RecordedOf<M extends AnyMachine> = M extends AnyMachine ? Recorded<M> : never;

/** Which events, from where on. */
export type FollowOptions<T> = Options<{
  /** Of keys that begin with this. */
  prefix: string;
  /** Of these types. */
  types: readonly T[];
  /** After a token that an event had, or an outcome; all there are; those from now on. Default `start`. */
  after: Token | 'start' | 'now';
  /** Of several partitions: each in its own order, as they come (`partition`, the default); or all in one (`time`). */
  order: 'partition' | 'time';
  signal: AbortSignal;
}>;

/** As `FollowOptions`; `from`: where it begins when it is opened for the first time, `start` by default. */
export type SubscriptionOptions<M extends AnyMachine> = Omit<FollowOptions<string>, 'after'> &
  Options<{ machines: readonly M[]; key: string; from: 'start' | 'now' }>;

/** What a bounded read of one stream gives. */
export interface StreamSlice<M extends AnyMachine> {
  readonly events: readonly Recorded<M>[];
  /** Of the instance; 0: it was never written. */
  readonly version: number;
  readonly token: Token;
}

export type StreamOptions = Options<{
  /** The version to begin with, itself included. Default: the first, in reverse the newest. */
  fromVersion: number;
  /** From the newest to the oldest. Default false. */
  reverse: boolean;
  /** Events at most, 1 to 10,000. Default 1,000. */
  limit: number;
  /** From state that has what this token names. Default: the newest. */
  after: Token;
}>;

/** The events of a place that queries find, and the token to require that none came since. */
export interface TaggedEvents {
  readonly events: readonly RecordedOf<AnyMachine>[];
  /** Of what was looked at: for a condition, or to read on after it. */
  readonly token: Token;
  /** False: a query has more than 10,000 commands with the first of its tags, and this is the first part. Read on. */
  readonly isAll: boolean;
}

export type TaggedOptions = Options<{
  /** Only those after this token. Default: all. */
  after: Token;
}> & { readonly queries: readonly EventQuery[] };

/** What a query comes to. */
export interface Answer<Result> {
  readonly value: Result;
  /** What the rows have seen: pass it back as `after`. Of several partitions, all of theirs: for queries alone. */
  readonly token: Token;
  /** For at most how long what is newer than the rows has been there, in milliseconds. */
  readonly ageMs: number;
  /** Partitions that did not answer and projections that lack events; empty unless `partial` was asked for. */
  readonly missing: readonly string[];
}

export type QueryOptions = Options<{
  /** Rows that have what this token names; until they do it waits. */
  after: Token;
  /** Answers without what cannot be had, and says so in `missing`. Default false: it throws. */
  partial: boolean;
  /** Default 30 s. */
  deadline: Duration;
  signal: AbortSignal;
}>;

/** What a service may do with machines, in the process of a node or far from it. */
export interface Connection {
  send<M extends AnyMachine, C extends CommandName<M>, const O extends SendOptions<FromState<M, C>> = {}>(
    machine: M,
    key: string,
    command: C,
    ...input: Arguments<CommandsOf<M>[C]['in'], O>
  ): Promise<Committed<EventsOf<M>> | RejectionOf<M, C> | Extra<O>>;
  read<M extends AnyMachine>(
    machine: M,
    key: string,
    options?: Options<{ after: Token; maxAge: Duration }>,
  ): Promise<Snapshot<StateOf<M>>>;
  events<M extends AnyMachine>(
    machine: M,
    options?: Options<{ key: string; after: Token | 'start' | 'now'; signal: AbortSignal }>,
  ): AsyncIterable<Recorded<M>>;
  query<I, R>(query: Query<string, I, R>, input: NoInfer<I>, options?: QueryOptions): Promise<Answer<R>>;
  watch<I, R>(
    query: Query<string, I, R>,
    input: NoInfer<I>,
    options?: Options<{ signal: AbortSignal }>,
  ): AsyncIterable<Answer<R>>;
  /** For whoever serves it: whether an error of `send`, which is none of ours, says that certainly nothing was done. */
  '~isUndone'?(error: unknown): boolean;
  /**
   * Likewise: a token to read events of a key, or of all, after: of all partitions that has, and before the command of the key
   * `again`, which the token names.
   */
  '~begin'?(
    after: Token | 'now',
    about: { readonly of: string | null; readonly again: string | null },
    signal: AbortSignal,
  ): Promise<Token>;
}

/**
 * The committed outcome: for scripts, seeds and tests.
 * @throws LockstepError `rejected` for any other outcome, with its code.
 */
export function committed<O extends { readonly kind: string }>(outcome: O): Extract<O, { readonly kind: 'committed' }> {
  if (isCommitted(outcome)) return outcome;
  const code = 'code' in outcome ? { code: String(outcome.code) } : {};
  throw new LockstepError('rejected', 'the command was not committed', { values: { outcome: outcome.kind, ...code } });
}

const isCommitted = <O extends { readonly kind: string }>(
  outcome: O,
): outcome is Extract<O, { readonly kind: 'committed' }> => outcome.kind === 'committed';
