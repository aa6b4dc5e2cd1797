/**
 * The client of NATS as this engine uses it: a request that says for certain whether it was sent, JSON calls to
 * JetStream's API, and what its refusals mean. The client's types are described here, not imported, so that whoever
 * has another engine compiles without it.
 */
import type { Timers } from '../../env/timers.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { Answers } from './answers.ts';

/** What is used of a `NatsConnection` of `@nats-io/transport-node` (or another transport of version 3). */
export interface NatsConnection {
  readonly info?: NatsServerInfo | undefined;
  publish(subject: string, payload?: Uint8Array | string, options?: { reply?: string; headers?: NatsHeaders }): void;
  request(
    subject: string,
    payload?: Uint8Array | string,
    options?: { timeout: number; headers?: NatsHeaders },
  ): Promise<NatsMessage>;
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: NatsMessage) => void },
  ): { unsubscribe(): void };
  status(): AsyncIterable<{ readonly type: string; readonly error?: unknown }>;
  isClosed(): boolean;
  close(): Promise<void>;
}

export interface NatsServerInfo {
  readonly version: string;
  readonly max_payload: number;
  readonly jetstream?: boolean | undefined;
  readonly cluster?: string | undefined;
}

export interface NatsMessage {
  readonly subject: string;
  readonly reply?: string | undefined;
  readonly data: Uint8Array;
  readonly headers?: { readonly code: number; readonly description: string } | undefined;
}

export interface NatsHeaders {
  get(name: string): string;
  set(name: string, value: string): void;
}

/** Of the client's package, imported when an engine is opened. */
export interface NatsClient {
  connect(options: Readonly<Record<string, unknown>>): Promise<NatsConnection>;
  headers(): NatsHeaders;
  createInbox(prefix?: string): string;
}

/** Longer than a log's attempt by default, so that a late answer still counts as one. */
const appendMs = 5_000;
/** Of a call to the API, which may be asked again. A cluster that has just chosen its leader leaves some without an answer. */
const callMs = 1_500;
/** The status of an answer that says that nobody listens. */
const noResponders = 503;
const expectedLast = 'Nats-Expected-Last-Sequence';

/** The package's answer to a call of JetStream's API. */
export type ApiAnswer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface Refusal {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

export interface NatsOptionsOfConnection {
  readonly domain: string | null;
  readonly inboxPrefix: string | null;
  readonly timers: Timers;
}

export class JetStreamConnection {
  readonly #connection: NatsConnection;
  readonly #client: NatsClient;
  readonly #api: string;
  readonly #inboxPrefix: string | null;
  readonly #onReconnect = new Set<() => void>();
  readonly #answers: Answers;
  #connected = true;

  constructor(connection: NatsConnection, client: NatsClient, options: NatsOptionsOfConnection) {
    const { domain, inboxPrefix, timers } = options;
    this.#answers = new Answers(connection, timers, () => this.inbox());
    this.#connection = connection;
    this.#client = client;
    this.#api = domain === null ? '$JS.API' : `$JS.${domain}.API`;
    this.#inboxPrefix = inboxPrefix;
    void this.#follow();
  }

  get info(): NatsServerInfo | undefined {
    return this.#connection.info;
  }

  /** Called whenever the client has found a server again: what was asked of the last one is not answered any more. */
  onReconnect(call: () => void): () => void {
    this.#onReconnect.add(call);
    return () => this.#onReconnect.delete(call);
  }

  /**
   * Publishes on the condition that `after` is the last sequence of the whole stream. Null: nobody takes this subject,
   * so it went nowhere.
   * @throws LockstepError `unavailable` when it was certainly not sent, `unknown` when it may have been.
   */
  append(subject: string, after: number, bytes: Uint8Array): Promise<Uint8Array | null> {
    const headers = this.#client.headers();
    headers.set(expectedLast, String(after));
    return this.#asked(subject, 'unknown', () => this.#answers.ask(subject, bytes, headers, appendMs));
  }

  /**
   * One call of JetStream's API. `ifLost` is what a lost answer means: `unavailable` for calls without effect.
   * @throws LockstepError `unavailable`, `unknown`, `overloaded` or `invalid`; refusals in `expected` are given back.
   */
  async call<T>(
    path: string,
    body: unknown,
    ifLost: 'unavailable' | 'unknown',
    expected: readonly number[] = [],
  ): Promise<ApiAnswer<T>> {
    const [subject, text] = [`${this.#api}.${path}`, body === null ? '' : JSON.stringify(body)];
    const data = await this.#asked(subject, ifLost, () => this.#connection.request(subject, text, { timeout: callMs }));
    if (data === null) throw new LockstepError('unavailable', 'JetStream does not answer here', { values: { path } });
    const answer = parsed(data) as T & { readonly error?: Refusal };
    if (answer.error === undefined) return { kind: 'done', value: answer };
    if (expected.includes(answer.error.err_code ?? 0)) return { kind: 'refused', refusal: answer.error };
    throw refused(answer.error, path);
  }

  /** Sends and waits for nothing: for courtesies, and for what answers by other messages. */
  tell(path: string, body: string, reply?: string): void {
    this.publish(`${this.#api}.${path}`, body, reply);
  }

  publish(subject: string, body: string, reply?: string): void {
    if (this.#connected && !this.#connection.isClosed())
      this.#connection.publish(subject, body, reply === undefined ? {} : { reply });
  }

  subscribe(subject: string, onMessage: (message: NatsMessage) => void, onError: (error: Error) => void): () => void {
    const callback = (error: Error | null, message: NatsMessage): void => {
      if (error === null) onMessage(message);
      else onError(error);
    };
    const subscription = this.#connection.subscribe(subject, { callback });
    return () => {
      if (!this.#connection.isClosed()) subscription.unsubscribe();
    };
  }

  inbox(): string {
    return this.#inboxPrefix === null ? this.#client.createInbox() : this.#client.createInbox(this.#inboxPrefix);
  }

  async #asked(
    subject: string,
    ifLost: 'unavailable' | 'unknown',
    ask: () => Promise<NatsMessage>,
  ): Promise<Uint8Array | null> {
    // Without a connection the client would keep the message and send it whenever it finds a server.
    if (!this.#connected) throw new LockstepError('unavailable', 'NATS is not connected', { values: { subject } });
    try {
      const { data, headers } = await ask();
      return data.length === 0 && headers?.code === noResponders ? null : data;
    } catch (error) {
      const names = namesOf(error);
      if (names.includes('NoResponders') || names.includes('NoRespondersError')) return null;
      throw failure(error, names, ifLost, subject);
    }
  }

  async #follow(): Promise<void> {
    for await (const { type, error } of this.#connection.status()) {
      if (type === 'error') this.#onError(error);
      if (type === 'disconnect' || type === 'close') {
        this.#connected = false;
        this.#answers.fail(new Error('the connection to NATS was lost'));
      }
      if (type !== 'reconnect') continue;
      this.#connected = true;
      for (const call of this.#onReconnect) call();
    }
  }

  /** A publish that is not allowed has no other answer. */
  #onError(error: unknown): void {
    if (!(error instanceof Error) || !namesOf(error).some((name) => final.includes(name))) return;
    const subject: unknown = 'subject' in error ? error.subject : undefined;
    if (typeof subject === 'string') this.#answers.fail(error, subject);
  }
}

/** An error and its causes, by name. */
function namesOf(error: unknown): readonly string[] {
  const names: string[] = [];
  for (let at = error; at instanceof Error && names.length < 8; at = at.cause) names.push(at.name);
  return names;
}

/** Before anything was sent. */
const notSent: readonly string[] = ['ClosedConnectionError', 'DrainingConnectionError'];
/** The user's to mend. */
const final: readonly string[] = ['PermissionViolationError', 'AuthorizationError', 'InvalidArgumentError'];

function failure(
  cause: unknown,
  names: readonly string[],
  ifLost: 'unavailable' | 'unknown',
  subject: string,
): LockstepError {
  const values = { subject };
  if (names.some((name) => notSent.includes(name)))
    return new LockstepError('unavailable', 'the connection to NATS is closed', { values, cause });
  if (names.some((name) => final.includes(name)))
    return new LockstepError('invalid', 'NATS refuses this', {
      values,
      cause,
      advice: ['allow the user to publish to, and to subscribe, the subjects that docs/engines.md names'],
    });
  return new LockstepError(ifLost, 'NATS did not answer', { values, cause });
}

/** Limits of the server or the account; before the message is stored. */
const limits: readonly number[] = [10_002, 10_005, 10_023, 10_028, 10_047];
/** JetStream is away for now: no leader, not this node's, not enabled yet; or it could not begin a stream's store. */
const away: readonly number[] = [10_008, 10_009, 10_039, 10_049, 10_076];
/** A replica could not store what others may have stored. */
const doubtful: readonly number[] = [10_063, 10_077];

/** What a refusal means, as an error. */
export function refused({ code, err_code, description }: Refusal, what: string): LockstepError {
  const values = { what, code: err_code ?? code, description: description ?? '' };
  const number = err_code ?? 0;
  if (limits.includes(number)) return new LockstepError('overloaded', 'JetStream is at a limit', { values });
  if (doubtful.includes(number)) return new LockstepError('unknown', 'JetStream could not store it', { values });
  if (away.includes(number) || code === 503)
    return new LockstepError('unavailable', 'JetStream is not available', { values });
  return new LockstepError('invalid', 'JetStream refuses this', { values });
}

const decoder = new TextDecoder();

export function parsed(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch (cause) {
    throw new LockstepError('unknown', 'JetStream answered what is no JSON', { cause });
  }
}
