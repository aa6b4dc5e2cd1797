/**
 * A node: the verbs on an app's definitions, answered by partitions in this process. It has no type parameters; every call
 * is typed by the definition that it is given.
 */
import type { Env } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { EventPlace } from '../machine/projection/state.ts';
import type { App } from '../machine/app.ts';
import type { LogEngine } from '../log/port.ts';
import { archiveStream, type Archived } from '../machine/archive.ts';
import type {
  Answer,
  Committed,
  Connection,
  Extra,
  FollowOptions,
  FromState,
  QueryOptions,
  Recorded,
  RecordedOf,
  SendOptions,
  Snapshot,
  StreamOptions,
  StreamSlice,
  SubscriptionOptions,
  TaggedEvents,
  TaggedOptions,
} from '../machine/connection.ts';
import type {
  AnyMachine,
  Arguments,
  CommandName,
  CommandsOf,
  EventsOf,
  RejectionOf,
  StateOf,
  Transaction,
} from '../machine/definition.ts';
import { again, deliver, type DeliveryPorts } from '../machine/delivery.ts';
import { countEvents, outdateStates, type OutdatedSetup, type StoredEvents } from '../machine/outdated.ts';
import type { Options, Query } from '../machine/part.ts';
import { projectionsOf } from '../machine/projection/projection.ts';
import { Projections, type ProjectionStatus } from '../machine/projection/status.ts';
import { Queries, type QueryMiddleware } from '../machine/projection/run-query.ts';
import { verifyReplay, type Replayed, type ReplayOptions } from '../machine/replay.ts';
import { Router, type CommandMiddleware } from '../machine/router.ts';
import { machineTimers } from '../machine/deadlines.ts';
import { checkKey, checkPart, type MachineRuntime } from '../machine/runtime.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Wait, Waits } from '../observe/waits.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { Synchronous, Token } from '../partition/transaction.ts';
import { DeadLetters, type DeadLetterName, type DeadLetterOutcome, type NodeDeadLetter } from './dead-letters.ts';
import { Ending } from './ending.ts';
import { EventStore } from './events.ts';
import { DurableSubscription } from './durable-subscription.ts';
import { readInstance } from './read-instance.ts';
import { committedBy, runUsers } from './transaction.ts';
import { watchQuery } from './watch.ts';

/** Where a node's log is kept, and what its acknowledgements are worth. */
export type NodeEngine = Pick<LogEngine, 'name' | 'guarantees'>;

export interface NodeSetup {
  readonly env: Env;
  readonly waits: Waits;
  readonly engine: NodeEngine;
  readonly partitions: Partitions;
  readonly runtime: MachineRuntime;
  readonly app: App<unknown>;
  readonly metrics: Metrics;
  readonly middleware: readonly CommandMiddleware[];
  readonly queryMiddleware: readonly QueryMiddleware[];
  /** Closes what the node was opened over. */
  readonly onClosed: () => Promise<void>;
}

type ReadOptions = NonNullable<Parameters<Connection['read']>[2]>;

const withinMsDefault = 30_000;
/** Who asks where nobody else is named. */
const localActor = 'local';

export class LockstepNode implements Connection, AsyncDisposable {
  /** What it runs on: for transports between nodes, and for tools. */
  readonly partitions: Partitions;
  readonly app: App<unknown>;
  /** Where its log is kept: what an acknowledgement survives, and what is known against this version of the engine. */
  readonly engine: NodeEngine;
  /** What it counts of its work: commands by outcome, how long they took, events. */
  readonly metrics: Metrics;
  readonly #setup: NodeSetup;
  readonly #delivery: DeliveryPorts;
  readonly #router: Router;
  readonly #events: EventStore;
  readonly #queries: Queries;
  readonly #projections: Projections;
  readonly #deadLetters: DeadLetters;
  readonly #closing = new AbortController();
  #closed: Promise<void> | null = null;

  /** Use `open`. */
  constructor(setup: NodeSetup) {
    const { env, waits, partitions, app, runtime, middleware, queryMiddleware } = setup;
    this.#setup = setup;
    this.engine = { name: setup.engine.name, guarantees: setup.engine.guarantees };
    this.partitions = partitions;
    this.app = app;
    this.metrics = setup.metrics;
    this.#delivery = { ports: env, waits };
    this.#router = new Router({ ports: env, waits, partitions, runtime, middleware });
    this.#events = new EventStore({ env, waits, partitions, runtime, closing: this.#closing.signal });
    this.#projections = new Projections({ ports: env, waits, partitions, projections: projectionsOf(app) });
    this.#deadLetters = new DeadLetters({ ports: env, waits, partitions, timers: machineTimers(runtime) });
    this.#queries = new Queries({ ports: env, waits, partitions, app, middleware: queryMiddleware });
  }

  /**
   * Sends a command, again with the same id where nobody answers, until it is decided or its deadline comes (30 s).
   * @throws as `Router.send`.
   */
  send<M extends AnyMachine, C extends CommandName<M>, const O extends SendOptions<FromState<M, C>> = {}>(
    machine: M,
    key: string,
    command: C,
    ...input: Arguments<CommandsOf<M>[C]['in'], O>
  ): Promise<Committed<EventsOf<M>> | RejectionOf<M, C> | Extra<O>> {
    const [data, options = {}] = input as readonly [unknown, SendOptions<unknown>?];
    const sent = this.#router.send({ machine, key, command, data, actor: options.actor ?? localActor, options });
    // Its kinds of outcome are those that the command and its options make possible: the router knows no others.
    return sent as Promise<Committed<EventsOf<M>> | RejectionOf<M, C> | Extra<O>>;
  }

  '~isUndone'(error: unknown): boolean {
    return this.#router.isUndone(error);
  }

  '~begin'(
    after: Token | 'now',
    about: { readonly of: string | null; readonly again: string | null },
    signal: AbortSignal,
  ): Promise<Token> {
    return this.#events.begin(after, about, signal);
  }

  /**
   * The newest state; with `after`, one that has what that token names; with `maxAge`, one that is not older.
   * @throws LockstepError `unavailable` after 30 s; `invalid` for a token of another partition; `misuse`; `stopped`.
   */
  async read<M extends AnyMachine>(machine: M, key: string, options: ReadOptions = {}): Promise<Snapshot<StateOf<M>>> {
    const { env, waits, partitions, runtime } = this.#setup;
    const found = await readInstance({ ports: env, waits, partitions, runtime }, machine, key, options);
    return { ...found, state: found.state as StateOf<M> }; // made by this machine's `initial` and `evolve`
  }

  /**
   * A machine's events, or one instance's, in order: those that are there, then those that come, until the loop is left or the
   * signal aborts. All events of one command have one token: go on after it once all of them were taken; without a key it
   * names all partitions. `order` says whether each partition's are in its own order, or all in one, as `inTimeOrder` has it.
   * @throws LockstepError `misuse` for a token of one partition where several are followed; as `subscribe`.
   */
  events<M extends AnyMachine, const T extends keyof EventsOf<M> = keyof EventsOf<M>>(
    machine: M,
    options: FollowOptions<T> & Options<{ key: string }> = {},
  ): AsyncGenerator<Recorded<M, T>, void, undefined> {
    return this.#events.events(machine, options);
  }

  /** Events of several machines, of the whole app by default, otherwise as `events`. @throws as `events`. */
  allEvents<const M extends AnyMachine = AnyMachine>({
    machines,
    ...options
  }: FollowOptions<string> & Options<{ machines: readonly M[] }> = {}): AsyncGenerator<RecordedOf<M>, void, undefined> {
    return this.#events.allEvents(machines, options);
  }

  /**
   * Events of one place by their tags, in order, and the token for a condition that none came since (`requireNone`).
   * @throws LockstepError `misuse` for queries that are none; `overloaded` for too many events; as `readStream`.
   */
  readTagged(place: string, options: TaggedOptions): Promise<TaggedEvents> {
    return this.#events.readTagged(place, options);
  }

  /**
   * A subscription of this name, which goes on behind what was acknowledged, by whichever process: each event is given at
   * least once, and what is sent with its acknowledgement happens exactly once. Read it in a loop.
   * @throws LockstepError `misuse` for a name that is none.
   */
  subscription<const M extends AnyMachine = AnyMachine>(
    name: string,
    options: SubscriptionOptions<M> = {},
  ): DurableSubscription<M> {
    const { env, waits, partitions, runtime } = this.#setup;
    const { machines = [...runtime.machines.values()], from = 'start', order = 'partition', ...rest } = options;
    const { key, prefix, types, signal } = rest;
    const setup = { env, waits, partitions, runtime, events: this.#events, actor: localActor };
    return new DurableSubscription<M>(setup, { name, machines, from, order, key, prefix, types, signal });
  }

  /**
   * A bounded read of one instance's events, forward or backward.
   * @throws LockstepError `unavailable` after 30 s; `invalid` for a token of another partition; `misuse`; `stopped`.
   */
  readStream<M extends AnyMachine>(machine: M, key: string, options: StreamOptions = {}): Promise<StreamSlice<M>> {
    return this.#events.readStream(machine, key, options);
  }

  /**
   * Packs the events of an instance that is over into chunks: they take less space, and are read, followed and folded as
   * before. A command to it is decided as ever, and its events stand behind them until it is archived again.
   * With `eventsMax` it ends after about so many, and says whether that was all: for who shows how far it is.
   * @throws LockstepError `unavailable` where a step takes 30 s, `unknown`; `misuse`; `stopped`.
   */
  async archive(
    machine: AnyMachine,
    key: string,
    { eventsMax = Infinity }: { readonly eventsMax?: number | undefined } = {},
  ): Promise<Archived> {
    const { partitions, runtime } = this.#setup;
    checkPart(runtime, machine);
    checkKey(key);
    return archiveStream({ ...this.#delivery, partitions }, machine, key, eventsMax);
  }

  /**
   * What a query answers from rows that have all that was committed before, or, with `after`, what that token names; rows of
   * `update: 'async'` as far as they are, which `ageMs` says.
   * @throws as `Queries.ask`.
   */
  query<I, R>(query: Query<string, I, R>, input: NoInfer<I>, options?: QueryOptions): Promise<Answer<R>> {
    return this.#queries.ask(query, input, options) as Promise<Answer<R>>; // its `run` was checked where it was declared
  }

  /**
   * Its answer now, then one after each change of what it reads, until the loop is left or the signal aborts: many changes
   * at once are one, and an answer that is the same as the one before is not told.
   * @throws as `query` at first, then as `events`; LockstepError `invalid` for answers that are no plain data.
   */
  async *watch<I, R>(
    query: Query<string, I, R>,
    input: NoInfer<I>,
    { signal }: Options<{ signal: AbortSignal }> = {},
  ): AsyncGenerator<Answer<R>, void, undefined> {
    const { env, waits, partitions } = this.#setup;
    const queries = this.#queries;
    using ending = new Ending(this.#closing.signal, signal);
    const question = await queries.question(query, input);
    const answers = watchQuery({ ports: env, waits, partitions, queries, question, signal: ending.signal });
    yield* answers as AsyncGenerator<Answer<R>, void, undefined>; // as `query`
  }

  /**
   * Runs `run` alone, where `key` lives: all that it asks for happens together, or not at all.
   * @throws what `run` throws; LockstepError `rejected` when it returned a rejection, or a lock that it requires has a newer
   * holder; as `send`.
   */
  async transact<T>(
    key: string,
    run: (tx: Transaction) => Synchronous<T>,
  ): Promise<{ readonly value: T; readonly token: Token }> {
    const { env, partitions, runtime } = this.#setup;
    checkKey(key);
    const commandId = env.newId();
    const about = { commandId, actor: localActor, newId: () => env.newId(), machines: runtime.machines };
    const values = { key, commandId };
    const asked = { what: 'transaction', key, values, withinMs: withinMsDefault, signal: undefined };
    const { value, token } = await committedBy(this.#delivery, asked, () =>
      partitions.transact<unknown>(key, (tx) => runUsers<unknown>(tx, key, about, run), { commandId }),
    );
    return { value: value as T, token }; // what `run` gave
  }

  /**
   * Messages that could not take effect, and deadlines and messages for later whose timers failed ten times, of all
   * partitions that this node can read, with the reasons.
   */
  deadLetters(): Promise<readonly NodeDeadLetter[]> {
    return this.#deadLetters.list();
  }

  /**
   * Tries a dead letter once more, now: it takes effect after messages that were sent later, and is gone; or it stays, and
   * why is told.
   * @throws as `DeadLetters.retry`.
   */
  retryDeadLetter(letter: DeadLetterName): Promise<DeadLetterOutcome> {
    return this.#deadLetters.retry(letter);
  }

  /** Removes a dead letter without any effect. @throws as `DeadLetters.retry`. */
  discardDeadLetter(letter: DeadLetterName): Promise<DeadLetterOutcome> {
    return this.#deadLetters.discard(letter);
  }

  /** How far each projection is on each partition, and why it goes no further. @throws as `Projections.status`. */
  projections(): Promise<readonly ProjectionStatus[]> {
    return this.#projections.status();
  }

  /**
   * A stopped projection tries its event once more, on every partition; the numbers of those where it was stopped are told.
   * @throws as `Projections.retry`.
   */
  retryProjection(name: string): Promise<readonly number[]> {
    return this.#projections.retry(name);
  }

  /**
   * A stopped projection goes on without the event that it stopped at: `only` this one, as `projections` told it, or whichever
   * it is, on every partition. @throws as `Projections.skip`.
   */
  skipProjectionEvent(name: string, only?: EventPlace): Promise<readonly number[]> {
    return this.#projections.skip(name, only);
  }

  /**
   * Whether each stored state is what its events make: 0 `differingCount` where `evolve` is pure and did not change without
   * its `codeVersion`. Others run in between; memory is that of one state, however long a stream is.
   * @throws as the function `verifyReplay` of `machine/replay.ts`.
   */
  async verifyReplay({ signal, ...options }: ReplayOptions = {}): Promise<Replayed> {
    const { env, waits, partitions, runtime } = this.#setup;
    for (const machine of options.machines ?? []) checkPart(runtime, machine);
    using ending = new Ending(this.#closing.signal, signal);
    const setup = { ports: env, waits, partitions, machines: runtime.machines };
    return await verifyReplay(setup, { ...options, signal: ending.signal });
  }

  /**
   * Each state of the machine is folded again from its events when it is next used, as if its `codeVersion` had been raised:
   * for development, where `evolve` changes all day. How many states there are is told.
   * @throws LockstepError `unavailable`, `unknown`, `stopped`; `misuse` for a machine that is not of this app.
   */
  foldAgain(machine: AnyMachine): Promise<number> {
    checkPart(this.#setup.runtime, machine);
    return outdateStates(this.#outdated, machine);
  }

  /** How much is stored here, counted for 0.2 s. @throws LockstepError `unavailable`, `stopped`. */
  storedEvents(): Promise<StoredEvents> {
    return countEvents(this.#outdated);
  }

  get #outdated(): OutdatedSetup {
    const { env, waits, partitions } = this.#setup;
    return { ports: env, waits, partitions };
  }

  /** What waits: for what, since when, on whom, until when; of one key, or all that waits here. */
  async explain(about: { readonly key?: string | undefined } = {}): Promise<readonly Wait[]> {
    const waits = this.#setup.waits.explain();
    return about.key === undefined ? waits : waits.filter(({ key }) => key === about.key);
  }

  /**
   * Resolves when this node leads all partitions, and its code fits what they have stored.
   * @throws LockstepError `unavailable` at the deadline (30 s); what stopped a partition: `misuse` with the list of what does
   * not fit.
   */
  async leading({ withinMs = withinMsDefault }: { readonly withinMs?: number | undefined } = {}): Promise<void> {
    const { partitions } = this.#setup;
    await partitions.leading({ withinMs });
    // Who began to lead may have found out just now that it must not: only a confirmed read shows that it goes on.
    for (const index of partitions.map.partitions) {
      const about = { what: 'lead', key: `partition ${index}`, values: { index }, withinMs, signal: undefined };
      await deliver(this.#delivery, about, async (leftMs) => {
        const outcome = await partitions.at(index).read('linearizable', { withinMs: leftMs });
        if (outcome.kind !== 'snapshot') return again(outcome, { index });
        outcome[Symbol.dispose]();
        return { kind: 'leads' } as const;
      });
    }
  }

  /** Resolves when it was closed, with null, or when a partition cannot go on, with why: then it is to be closed. */
  get stopped(): Promise<Error | null> {
    return this.#setup.partitions.stopped;
  }

  /** What was begun is ended, what was acknowledged is on disk; then nothing is taken any more. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(new LockstepError('stopped', 'this node was closed'));
    try {
      await this.#setup.partitions.close();
    } finally {
      await this.#setup.onClosed();
    }
  }
}
