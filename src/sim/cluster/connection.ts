/**
 * A connection to simulated nodes, over the network from the machine that it is on: it asks one, goes where that says who
 * leads, else to the next, and sends again with the same id until it is told or its deadline comes.
 */
import { compareBytes } from '../../bytes/compare.ts';
import { ValueEncoder } from '../../bytes/value-encode.ts';
import type { Env } from '../../env/env.ts';
import type { NodeAddress } from '../../env/network.ts';
import { assert } from '../../kernel/assert.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { durationMs } from '../../kernel/time.ts';
import { isPassing, pause } from '../../log/within.ts';
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
} from '../../machine/connection.ts';
import type {
  AnyMachine,
  Arguments,
  CommandName,
  CommandsOf,
  EventsOf,
  RejectionOf,
  StateOf,
} from '../../machine/definition.ts';
import { deliver, type Again, type DeliveryAbout } from '../../machine/delivery.ts';
import type { Options, Query } from '../../machine/part.ts';
import { merged } from '../../node/merge.ts';
import type { Waits } from '../../observe/waits.ts';
import type { Token } from '../../partition/transaction.ts';
import { call, type Plain } from './calls.ts';
import { errorOf, type NodeAnswer, type NodeRequest, type Where } from './node-calls.ts';
import type { SomeEvents } from './node-process.ts';

export interface ClusterNode {
  readonly name: string;
  readonly address: NodeAddress;
}

export interface ClusterAddress {
  readonly nodes: readonly ClusterNode[];
  readonly partitions: number;
}

type ReadOptions = NonNullable<Parameters<Connection['read']>[2]>;
type EventsOptions = NonNullable<Parameters<Connection['events']>[1]>;
type Done = Extract<NodeAnswer, { readonly kind: 'done' }>;

const withinMsDefault = 30_000;
/** One node is asked for so long, then the next. */
const attemptMs = 600;
/** What an answer takes on its way, beside what the node was given. */
const wayMs = 100;
const eventsPauseMsMax = 50;
/** Whoever watches a query asks again after this. */
const watchPauseMs = 50;

export class ClusterConnection implements Connection {
  readonly #env: Promise<Env>;
  readonly #waits: (env: Env) => Waits;
  readonly #cluster: ClusterAddress;
  /** Which of the nodes is asked next. */
  #at = 0;

  /** `env`: of the process that it is in. */
  constructor(env: Promise<Env>, waits: (env: Env) => Waits, cluster: ClusterAddress) {
    this.#env = env;
    this.#waits = waits;
    this.#cluster = cluster;
  }

  async send<M extends AnyMachine, C extends CommandName<M>, const O extends SendOptions<FromState<M, C>> = {}>(
    machine: M,
    key: string,
    command: C,
    ...input: Arguments<CommandsOf<M>[C]['in'], O>
  ): Promise<Committed<EventsOf<M>> | RejectionOf<M, C> | Extra<O>> {
    const [data, options = {}] = input as readonly [unknown, SendOptions<unknown>?];
    const env = await this.#env;
    const commandId = options.commandId ?? (env.newId() as SendOptions['commandId'] & string); // a UUID of version 7
    const { expectedVersion, fence, deadline, signal } = options;
    const about = {
      what: 'command',
      key,
      values: { command: `${machine.name}.${command}`, key, commandId },
      withinMs: deadline === undefined ? withinMsDefault : durationMs(deadline),
      signal,
    };
    const { value } = await this.#ask(about, (leftMs) => {
      const withinMs = Math.min(leftMs, attemptMs);
      return { kind: 'send', machine: machine.name, key, command, data, commandId, expectedVersion, fence, withinMs };
    });
    const outcome = value as Committed<EventsOf<M>> | RejectionOf<M, C> | Extra<O>; // the node was asked for this command
    if ((outcome as { readonly kind: string }).kind === 'expired' && options.commandId === undefined)
      throw new LockstepError('unknown', 'the id of this command was forgotten before its outcome was known', about);
    return outcome;
  }

  async read<M extends AnyMachine>(
    machine: M,
    key: string,
    { after, maxAge }: ReadOptions = {},
  ): Promise<Snapshot<StateOf<M>>> {
    const values = { machine: machine.name, key };
    const about = { what: 'read', key, values, withinMs: withinMsDefault, signal: undefined };
    const maxAgeMs = maxAge === undefined ? undefined : durationMs(maxAge);
    const { value } = await this.#ask(about, () => ({ kind: 'read', machine: machine.name, key, after, maxAgeMs }));
    return value as Snapshot<StateOf<M>>; // the state of an instance of this machine
  }

  async *events<M extends AnyMachine>(
    machine: M,
    { key, after = 'start', signal }: EventsOptions = {},
  ): AsyncGenerator<Recorded<M>, void, undefined> {
    const { partitions } = this.#cluster;
    if (key === undefined && partitions > 1 && after !== 'start' && after !== 'now')
      throw new LockstepError('misuse', 'a token is of one partition: say which key, or follow each from its own', {
        values: { machine: machine.name, partitions },
      });
    const places: readonly Where[] =
      key === undefined ? Array.from({ length: partitions }, (_, index) => ({ index })) : [{ key }];
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', onAbort, { once: true });
    const sources = places.map((where) => this.#follow(machine, where, after, stop.signal));
    try {
      yield* merged(sources, () => stop.abort(new LockstepError('stopped', 'nobody reads these events any more')));
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async query<I, R>(query: Query<string, I, R>, input: NoInfer<I>, options: QueryOptions = {}): Promise<Answer<R>> {
    const { after, partial, deadline, signal } = options;
    const { name } = query;
    const within = deadline === undefined ? withinMsDefault : durationMs(deadline);
    const about = { what: 'query', key: name, values: { query: name }, withinMs: within, signal };
    const { value } = await this.#ask(about, (leftMs) => {
      const withinMs = Math.min(leftMs, attemptMs);
      return { kind: 'query', name, input, after, partial, withinMs };
    });
    return value as Answer<R>; // the node was asked for this query
  }

  async *watch<I, R>(
    query: Query<string, I, R>,
    input: NoInfer<I>,
    { signal }: Options<{ signal: AbortSignal }> = {},
  ): AsyncGenerator<Answer<R>, void, undefined> {
    const { timers } = await this.#env;
    const encoder = new ValueEncoder();
    for (let told: Uint8Array | null = null; ; await pause(timers, watchPauseMs, [signal])) {
      const answer = await this.query(query, input, { signal });
      const bytes = encoder.encode({ value: answer.value });
      if (told !== null && compareBytes(told, bytes) === 0) continue;
      told = bytes;
      yield answer;
    }
  }

  async *#follow<M extends AnyMachine>(
    machine: M,
    where: Where,
    after: Token | 'start' | 'now',
    signal: AbortSignal,
  ): AsyncGenerator<Recorded<M>, void, undefined> {
    const env = await this.#env;
    const key = 'key' in where ? where.key : `partition ${where.index}`;
    const about = { what: 'events', key, values: { machine: machine.name, key }, withinMs: withinMsDefault, signal };
    const start = after === 'now' ? (await this.#ask(about, () => ({ kind: 'newest', where }))).value : after;
    let from = (start ?? 'start') as Token | 'start';
    for (;;) {
      const { value } = await this.#ask(about, () => ({ kind: 'events', machine: machine.name, where, from }));
      const { events, token } = value as SomeEvents;
      yield* events as readonly Recorded<M>[]; // read by this machine's definition
      if (token === null) await pause(env.timers, env.random() * eventsPauseMsMax, [signal]);
      else from = token;
    }
  }

  async #ask(about: DeliveryAbout, request: (leftMs: number) => NodeRequest): Promise<Done> {
    const env = await this.#env;
    const isWrite = about.what === 'command';
    return deliver<Done>({ ports: env, waits: this.#waits(env) }, about, async (leftMs) => {
      const node = this.#node();
      try {
        return await this.#asked(env, node, request(leftMs), Math.min(leftMs, attemptMs) + wayMs);
      } catch (error) {
        if (!isPassing(error)) throw error;
        this.#at++;
        const why = `${node.name}: ${error.summary}`;
        return { kind: 'again', inDoubt: isWrite && error.happened === 'unknown', why };
      }
    });
  }

  async #asked(env: Env, node: ClusterNode, request: NodeRequest, withinMs: number): Promise<Done | Again> {
    const plain = request as unknown as Plain; // what is not is refused as it is encoded
    const answer = (await call(env, node.address, plain, withinMs)) as unknown as NodeAnswer;
    switch (answer.kind) {
      case 'done':
        return answer;
      case 'failed': {
        const error = errorOf(answer.failure);
        if (!isLockstepError(error, 'stopped')) throw error;
        this.#at++; // it is closing: another, or it again, will be there in a moment
        return { kind: 'again', inDoubt: false, why: `${node.name}: ${error.summary}` };
      }
      case 'not-leader': {
        const { leader } = answer;
        const known = this.#cluster.nodes.findIndex(({ name }) => name === leader && name !== node.name);
        // Who is said to lead may be the one that was just in vain: then chance decides, so that nobody asks two in a circle.
        this.#at = known >= 0 && env.random() < 0.5 ? known : this.#at + 1;
        return { kind: 'again', inDoubt: false, why: `a leader; ${node.name} knows of ${leader ?? 'nobody'}` };
      }
    }
  }

  #node(): ClusterNode {
    const { nodes } = this.#cluster;
    const node = nodes[this.#at % nodes.length];
    assert(node !== undefined, 'a cluster has a node');
    return node;
  }
}
