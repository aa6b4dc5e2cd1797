/**
 * A connection to a node from another process, for services that are trusted: the verbs of a node with the definitions
 * themselves, over what `nodeHandler` serves.
 */
import type { Duration } from '../kernel/time.ts';
import type { EventPlace } from '../machine/projection/state.ts';
import type {
  Answer,
  Committed,
  Connection,
  Extra,
  FromState,
  QueryOptions,
  Recorded,
  SendOptions,
  Snapshot,
} from '../machine/connection.ts';
import type {
  AnyMachine,
  Arguments,
  CommandName,
  CommandsOf,
  EventsOf,
  RejectionOf,
  StateOf,
} from '../machine/definition.ts';
import type { Archived } from '../machine/archive.ts';
import type { Options, Query } from '../machine/part.ts';
import type { ProjectionStatus } from '../machine/projection/status.ts';
import type { DeadLetterName, DeadLetterOutcome, NodeDeadLetter } from '../node/dead-letters.ts';
import type { Wait } from '../observe/waits.ts';
import type { Token } from '../partition/transaction.ts';
import { nodePaths } from '../server/node-paths.ts';
import { remoteSetup, type ClientOptions } from './client.ts';
import { Remote, type RemoteSetup } from './remote.ts';

export interface ConnectOptions extends Pick<ClientOptions, 'fetch' | 'ports'> {
  /** The secret that the server was given; on a loopback address it may need none. */
  readonly bearer?: string | undefined;
}

/** To a node's URL. @throws LockstepError from its verbs, as those of a node; `misuse` for another bearer (401). */
export function connect(url: string, { bearer, ...rest }: ConnectOptions = {}): RemoteConnection {
  const headers: RemoteSetup['headers'] = () => (bearer === undefined ? {} : { authorization: `Bearer ${bearer}` });
  return new RemoteConnection(new Remote(remoteSetup(url, { ...rest, headers })));
}

const withQuery = (path: string, query: Readonly<Record<string, string>>): string =>
  `${path}?${new URLSearchParams(query).toString()}`;

const letterQuery = ({ partition, id }: DeadLetterName) => ({ partition: String(partition), id });

/** Holds nothing between calls: there is nothing to close. */
export class RemoteConnection implements Connection {
  readonly #remote: Remote;

  /** Use `connect`. */
  constructor(remote: Remote) {
    this.#remote = remote;
  }

  send<M extends AnyMachine, C extends CommandName<M>, const O extends SendOptions<FromState<M, C>> = {}>(
    machine: M,
    key: string,
    command: C,
    ...input: Arguments<CommandsOf<M>[C]['in'], O>
  ): Promise<Committed<EventsOf<M>> | RejectionOf<M, C> | Extra<O>> {
    const [data, options] = input as readonly [unknown, SendOptions<unknown>?];
    const sent = this.#remote.send(machine.name, key, command, data, options);
    return sent as Promise<Committed<EventsOf<M>> | RejectionOf<M, C> | Extra<O>>; // as a node's own
  }

  read<M extends AnyMachine>(
    machine: M,
    key: string,
    options?: Options<{ after: Token; maxAge: Duration }>,
  ): Promise<Snapshot<StateOf<M>>> {
    return this.#remote.read(machine.name, key, options);
  }

  events<M extends AnyMachine>(
    machine: M,
    options?: Options<{ key: string; after: Token | 'start' | 'now'; signal: AbortSignal }>,
  ): AsyncIterable<Recorded<M>> {
    return this.#remote.events(machine.name, options) as unknown as AsyncIterable<Recorded<M>>; // of the same definition
  }

  query<I, R>(query: Query<string, I, R>, input: NoInfer<I>, options?: QueryOptions): Promise<Answer<R>> {
    return this.#remote.query(query.name, input, options) as Promise<Answer<R>>; // likewise
  }

  watch<I, R>(
    query: Query<string, I, R>,
    input: NoInfer<I>,
    options?: Options<{ signal: AbortSignal }>,
  ): AsyncIterable<Answer<R>> {
    return this.#remote.watch(query.name, input, options) as AsyncIterable<Answer<R>>; // likewise
  }

  /** Messages that could not take effect there, with the reasons. */
  deadLetters(): Promise<readonly NodeDeadLetter[]> {
    return this.#remote.get(nodePaths.deadLetters);
  }

  /** As `LockstepNode.retryDeadLetter`. */
  retryDeadLetter(letter: DeadLetterName): Promise<DeadLetterOutcome> {
    return this.#remote.post(withQuery(nodePaths.retryDeadLetter, letterQuery(letter)));
  }

  /** Removes a dead letter without any effect. */
  discardDeadLetter(letter: DeadLetterName): Promise<DeadLetterOutcome> {
    return this.#remote.post(withQuery(nodePaths.discardDeadLetter, letterQuery(letter)));
  }

  /** How far each projection is on each partition there, and why it goes no further. */
  projections(): Promise<readonly ProjectionStatus[]> {
    return this.#remote.get(nodePaths.projections);
  }

  /** A stopped projection tries its event once more, on every partition; the numbers of those where it was stopped are told. */
  retryProjection(name: string): Promise<readonly number[]> {
    return this.#remote.post(withQuery(nodePaths.retryProjection, { name }));
  }

  /**
   * A stopped projection goes on without the event that it stopped at: `only` this one, or those at which it is stopped when
   * this is called. However often the answer is lost, no other event is left out.
   */
  async skipProjectionEvent(name: string, only?: EventPlace): Promise<readonly number[]> {
    const skip = ({ machine, key, version }: EventPlace): Promise<readonly number[]> =>
      this.#remote.post(withQuery(nodePaths.skipProjectionEvent, { name, machine, key, version: String(version) }));
    if (only !== undefined) return skip(only);
    const stopped = (await this.projections()).filter((one) => one.name === name && one.error !== null);
    if (stopped.length === 0) return this.#remote.post(withQuery(nodePaths.skipProjectionEvent, { name }));
    return (await Promise.all(stopped.flatMap(({ error }) => (error === null ? [] : [skip(error.event)])))).flat();
  }

  /** As `LockstepNode.archive`, some thousand events a request, until all are packed: how many they were. */
  async archive(machine: AnyMachine, key: string): Promise<number> {
    for (let archived = 0; ;) {
      const path = withQuery(nodePaths.archive, { machine: machine.name, key });
      const done = await this.#remote.post<Archived>(path);
      archived += done.archived;
      if (done.isAll) return archived;
    }
  }

  /** What waits there: for what, since when, on whom, until when; of one key, or all. */
  explain(about: { readonly key?: string | undefined } = {}): Promise<readonly Wait[]> {
    return this.#remote.get(nodePaths.waits(about.key));
  }
}
