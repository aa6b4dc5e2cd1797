/**
 * The verbs over HTTP, by names: each is asked again with the same id until somebody answers or its deadline comes, as a node
 * does with its partitions; streams are resumed where they broke off.
 */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { uuidv7, type RandomSource } from '../kernel/random.ts';
import { durationMs, type Duration } from '../kernel/time.ts';
import { isPassing, pause, within } from '../log/within.ts';
import type { Answer, Recorded, SendOptions, Snapshot } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { deliver, type Again } from '../machine/delivery.ts';
import type { Options } from '../machine/part.ts';
import type { CommandOutcome } from '../machine/router.ts';
import type { CommandId } from '../partition/command-id.ts';
import type { Token } from '../partition/transaction.ts';
import { errorOf } from '../server/problem.ts';
import type { WebPorts } from '../server/web-ports.ts';
import {
  bytesOfBase64,
  decodeBody,
  encodeBody,
  etagOf,
  eventStreamType,
  headerNames,
  paths,
  printCause,
  printFence,
  problemType,
  valueType,
} from '../server/wire.ts';
import { SseParser, type ServerSentEvent } from './sse.ts';

export interface RemoteSetup {
  /** Without an end: `https://shop.test/api`, or `/api` in a page. */
  readonly url: string;
  /** Of every request; asked anew each time, so that a token may change. */
  readonly headers: () => NonNullable<RequestInit['headers']>;
  readonly ports: Pick<WebPorts, 'clock' | 'timers' | 'fetch'> & { readonly randomness: RandomSource };
}

/** One question. */
interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Waiting {
  readonly what: string;
  readonly key: string;
  readonly deadline: Duration | undefined;
  readonly signal: AbortSignal | undefined;
  readonly values: Readonly<Record<string, string>>;
}

const deadlineDefault: Duration = '30s';
/** For how long an answer is waited for past the time that the server was given. */
const graceMs = 1_000;
/** A stream that does not even say that it is alive is broken. */
const silenceMsMax = 45_000;
const streamPauseMsMax = 2_000;

export class Remote {
  readonly #setup: RemoteSetup;

  constructor(setup: RemoteSetup) {
    this.#setup = setup;
  }

  /** @throws LockstepError what the server tells; `unknown` or `unavailable` at the deadline; the signal's reason. */
  async send(
    machine: string,
    key: string,
    command: string,
    data: unknown,
    options: SendOptions<unknown> = {},
  ): Promise<CommandOutcome> {
    if (options.requireNone !== undefined)
      throw new LockstepError('misuse', 'requireNone names definitions, which do not go over HTTP', {
        values: { key },
      });
    const { clock, randomness } = this.#setup.ports;
    const commandId = options.commandId ?? (uuidv7(clock.wall(), randomness) as CommandId); // a UUID of version 7 is one
    const { deadline, signal } = options;
    const values = { command: `${machine}.${command}`, key, commandId };
    const path = paths.command(machine, command, { key });
    const headers = { ...sendHeaders(options), [headerNames.commandId]: commandId };
    const ask: Ask = { method: 'POST', path, headers, body: data };
    const outcome = await this.#ask<CommandOutcome>(ask, { what: 'command', key, deadline, signal, values });
    if (outcome.kind !== 'expired' || options.commandId !== undefined) return outcome;
    throw new LockstepError('unknown', 'the id of this command was forgotten before its outcome was known', { values });
  }

  /** @throws as `send`. */
  read(
    machine: string,
    key: string,
    { after, maxAge }: Options<{ after: Token; maxAge: Duration }> = {},
  ): Promise<Snapshot<unknown>> {
    const path = paths.state(machine, { key, after, maxAge });
    return this.#ask({ method: 'GET', path, headers: {} }, this.#about('read', machine, key));
  }

  /** @throws as `send`. */
  query(
    name: string,
    input: unknown,
    options: Options<{ after: Token; partial: boolean; deadline: Duration; signal: AbortSignal }> = {},
  ): Promise<Answer<unknown>> {
    const { after, partial, deadline, signal } = options;
    const path = paths.query(name, { after, partial: partial === true ? 'true' : undefined });
    const about = { what: 'query', key: name, deadline, signal, values: { query: name } };
    return this.#ask({ method: 'POST', path, headers: {}, body: input }, about);
  }

  /** A question that changes nothing, at a path of the server. @throws as `send`. */
  get<T extends object>(path: string, options: Options<{ deadline: Duration; signal: AbortSignal }> = {}): Promise<T> {
    return this.#ask({ method: 'GET', path, headers: {} }, { ...this.#about('question', path, path), ...options });
  }

  /** Something to do, at a path of the server; asked again until it is answered. @throws as `send`. */
  post<T extends object>(path: string): Promise<T> {
    return this.#ask({ method: 'POST', path, headers: {} }, this.#about('order', path, path));
  }

  /** What is at a path of the server, then what it becomes. @throws as `events`. */
  async *follow<T>(
    path: string,
    { signal }: Options<{ signal: AbortSignal }> = {},
  ): AsyncGenerator<T, void, undefined> {
    for await (const { data } of this.#stream({ method: 'GET', path, headers: {} }, signal))
      yield decodeBody(bytesOfBase64(data), 'value') as T; // of a server of the same version
  }

  /** @throws LockstepError what the server tells; the signal's reason. */
  async *events(
    machine: string,
    { key, after, signal }: Options<{ key: string; after: string; signal: AbortSignal }> = {},
  ): AsyncGenerator<Recorded<AnyMachine>, void, undefined> {
    const ask: Ask = { method: 'GET', path: paths.events(machine, { key, after }), headers: {} };
    for await (const { data } of this.#stream(ask, signal))
      yield decodeBody(bytesOfBase64(data), 'value') as Recorded<AnyMachine>; // of a server of the same definitions
  }

  /** @throws as `events`. */
  async *watch(
    name: string,
    input: unknown,
    { signal }: Options<{ signal: AbortSignal }> = {},
  ): AsyncGenerator<Answer<unknown>, void, undefined> {
    const ask: Ask = { method: 'POST', path: paths.query(name, {}), headers: {}, body: input };
    for await (const { data } of this.#stream(ask, signal))
      yield decodeBody(bytesOfBase64(data), 'value') as Answer<unknown>; // as above
  }

  #about(what: string, machine: string, key: string): Waiting {
    return { what, key, deadline: undefined, signal: undefined, values: { machine, key } };
  }

  async #ask<T extends object>(ask: Ask, waiting: Waiting): Promise<T> {
    const { ports } = this.#setup;
    const { deadline = deadlineDefault, ...about } = waiting;
    const withinMs = durationMs(deadline);
    const found = await deliver<Found<T> | Failed>({ ports, waits: null }, { ...about, withinMs }, (leftMs) =>
      this.#attempt(ask, leftMs, about),
    );
    if (found.kind === 'failed') throw found.error;
    return found.value;
  }

  async #attempt<T>(
    ask: Ask,
    leftMs: number,
    { what, signal }: Pick<Waiting, 'what' | 'signal'>,
  ): Promise<Found<T> | Failed | Again> {
    const mayAct = what === 'command' || what === 'order';
    const { timers } = this.#setup.ports;
    const headers = { accept: valueType, [headerNames.deadline]: `${Math.ceil(leftMs)}ms` };
    try {
      const ended = await within(timers, leftMs + graceMs, [signal], async (ending): Promise<Found<T> | Failed> => {
        const response = await this.#fetch(ask, headers, ending);
        const bytes = new Uint8Array(await response.arrayBuffer());
        if (response.headers.get('content-type') === valueType) {
          return { kind: 'found', value: decodeBody(bytes, 'value') as T }; // of a server of the same definitions
        }
        const problem = problemIn(response, bytes);
        const error = errorOf(problem, response.status);
        const isDecided = response.status === 500 || error.values['projection'] !== undefined; // one that is stopped stays so
        if (isDecided && problem !== undefined) return { kind: 'failed', error };
        throw error;
      });
      if (ended.kind === 'late') return { kind: 'again', inDoubt: mayAct, why: 'an answer' };
      return ended.value;
    } catch (error) {
      // It is closing: another, or it again, will be there in a moment.
      if (isLockstepError(error, 'stopped') && signal?.aborted !== true)
        return { kind: 'again', inDoubt: false, why: error.message };
      if (isLockstepError(error) || signal?.aborted === true) throw error;
      return { kind: 'again', inDoubt: mayAct && !isUnsent(error), why: `the network: ${printed(error)}` };
    }
  }

  #fetch({ method, path, headers, body }: Ask, more: Readonly<Record<string, string>>, signal: AbortSignal) {
    const { url, ports, headers: own } = this.#setup;
    const all = new Headers(own());
    for (const [name, value] of Object.entries({ ...headers, ...more })) all.set(name, value);
    // Where there is no body its type is said all the same: a page that says none is refused.
    if (method === 'POST') all.set('content-type', valueType);
    if (body === undefined) return ports.fetch(`${url}${path}`, { method, headers: all, signal });
    return ports.fetch(`${url}${path}`, { method, headers: all, body: encodeBody(body, 'value'), signal });
  }

  /** From where it broke off, again and again. */
  async *#stream(ask: Ask, signal: AbortSignal | undefined): AsyncGenerator<ServerSentEvent, void, undefined> {
    const { timers, randomness } = this.#setup.ports;
    let id = '';
    for (let failures = 0; ; failures++) {
      try {
        for await (const event of this.#streamOnce(ask, id, signal)) {
          ({ id } = event);
          failures = 0;
          yield event;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (isLockstepError(error) && !isPassing(error) && !isLockstepError(error, 'stopped')) throw error;
      }
      await pause(timers, randomness.float() * Math.min(50 * 2 ** Math.min(failures, 6), streamPauseMsMax), [signal]);
    }
  }

  async *#streamOnce(
    ask: Ask,
    lastId: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ServerSentEvent, void, undefined> {
    const { timers } = this.#setup.ports;
    const ending = new AbortController();
    const onAbort = (): void => ending.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const headers = {
        accept: `${eventStreamType}, ${valueType}`,
        ...(lastId === '' ? {} : { 'last-event-id': lastId }),
      };
      const opened = await within(timers, silenceMsMax, [], () => this.#fetch(ask, headers, ending.signal));
      if (opened.kind === 'late') return;
      const response = opened.value;
      if (!response.ok || response.body === null)
        throw errorOf(problemIn(response, new Uint8Array(await response.arrayBuffer())), response.status);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new SseParser();
      for (;;) {
        const read = await within(timers, silenceMsMax, [], () => reader.read());
        if (read.kind === 'late' || read.value.done) return;
        for (const event of parser.push(read.value.value)) {
          if (event.type === 'problem') throw errorOf(JSON.parse(event.data), 200);
          yield event;
        }
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      ending.abort(new LockstepError('stopped', 'nobody reads this stream any more'));
    }
  }
}

interface Found<T> {
  readonly kind: 'found';
  readonly value: T;
}

/** It came to nothing there, as where `decide` throws, and would again. */
interface Failed {
  readonly kind: 'failed';
  readonly error: LockstepError;
}

/** Undefined for what is no problem. */
function problemIn(response: Response, bytes: Uint8Array): unknown {
  if (response.headers.get('content-type') !== problemType) return undefined;
  return decodeBody(bytes, 'json');
}

function sendHeaders(options: SendOptions<unknown>): Readonly<Record<string, string>> {
  const { expectedVersion, fence, actor, causedBy, correlationId, trace } = options;
  return defined({
    'if-match': expectedVersion === undefined ? undefined : etagOf(expectedVersion),
    [headerNames.fence]: fence === undefined ? undefined : printFence(fence),
    [headerNames.actor]: actor === undefined ? undefined : encodeURIComponent(actor),
    [headerNames.cause]: causedBy === undefined ? undefined : printCause(causedBy),
    [headerNames.correlationId]: correlationId === undefined ? undefined : encodeURIComponent(correlationId),
    [headerNames.trace]: trace,
  });
}

const defined = (values: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined));

/** Whether nobody was reached, so that nothing was sent. Hosts of `fetch` that do not tell leave it in doubt. */
const isUnsent = (error: unknown): boolean => unsentCodes.has(codeOf(error) ?? '');

const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const printed = (error: unknown): string => {
  const code = codeOf(error);
  return code === null ? String(error) : `${String(error)}, ${code}`;
};

function codeOf(error: unknown): string | null {
  const { cause } = (error ?? {}) as { readonly cause?: { readonly code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : null;
}
