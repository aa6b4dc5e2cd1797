/**
 * HTTP for machines, as a function of what is asked that needs no more than the web's own objects. It takes nothing on trust: names
 * are looked up, sizes are limited, and who may do what is asked of the surface before anything is done.
 */
import { asError, LockstepError, type ErrorValues } from '../kernel/errors.ts';
import { durationMs } from '../kernel/time.ts';
import type { Action } from '../machine/access.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { check } from '../machine/schema.ts';
import type { CommandOutcome } from '../machine/router.ts';
import type { Token } from '../partition/transaction.ts';
import { readBody } from './body.ts';
import { EventFeeds } from './event-feed.ts';
import { eventPage } from './event-page.ts';
import { eventStream, frameOf, type EventStreamSetup } from './event-stream.ts';
import type { Asked, Exchange, Reply } from './exchange.ts';
import { explainKind } from './error-kind.ts';
import { handlerLimits, type HandlerLimits } from './limits.ts';
import { parsePosition, printPosition, tokenToRead, type Position } from './position.ts';
import { commonHeaders, isOwnError, problemReply, refusal, refusalOf, type Refusal } from './problem.ts';
import { countOf, deadlineOf, durationOf, keyOf, sendOptionsOf, tokenOf, wantsStream } from './request-fields.ts';
import { routeOf, wrongMethod, type Route } from './route.ts';
import type { HandlerOptions, Page, Surface } from './surface.ts';
import { webPorts } from './web-ports.ts';
import {
  encodeBody,
  etagOf,
  etagOfState,
  eventStreamType,
  headerNames,
  typeOf,
  valueType,
  type BodyFormat,
} from './wire.ts';

/** A request that is taken up. */
interface Call {
  readonly asked: Asked;
  readonly query: URLSearchParams;
  readonly format: BodyFormat;
  readonly progress: Progress;
}

/** How far it came. */
interface Progress {
  /** Before that nothing can have been done. */
  isHandedOn: boolean;
}

/** What each outcome of a command is in HTTP. */
const statusOfOutcome: Readonly<Record<CommandOutcome['kind'], number>> = {
  committed: 200,
  rejected: 422,
  conflict: 412,
  fenced: 409,
  overtaken: 409,
  expired: 410,
};

const pageSizeDefault = 100;
const pageWaitMsDefault = 100;

export function exchangeOf(surface: Surface, options: HandlerOptions = {}): Exchange {
  const handler = new HttpHandler(surface, options);
  return (asked) => handler.handle(asked);
}

class HttpHandler {
  readonly #surface: Surface;
  readonly #options: HandlerOptions;
  readonly #base: string;
  readonly #limits: HandlerLimits;
  readonly #timers: Pick<typeof webPorts, 'timers'>['timers'];
  readonly #feeds: EventFeeds;
  #streamCount = 0;

  constructor(surface: Surface, options: HandlerOptions) {
    this.#surface = surface;
    this.#options = options;
    this.#base = checkBase(options.base ?? '');
    this.#limits = handlerLimits(options.limits);
    this.#timers = (options.ports ?? webPorts).timers;
    const bytesMax = this.#limits.streamBytesMax;
    this.#feeds = new EventFeeds({ connection: surface.connection, timers: this.#timers, bytesMax });
  }

  async handle(asked: Asked): Promise<Reply> {
    const progress: Progress = { isHandedOn: false };
    try {
      const answer = await this.#answer(asked, progress);
      return 'error' in answer ? problemReply(answer, this.#base) : answer;
    } catch (error) {
      if (isOwnError(error)) return problemReply(refusalOf(error), this.#base);
      if (!asked.signal.aborted) this.#options.onError?.(error, asked.request);
      const isUndone = !progress.isHandedOn || this.#surface.connection['~isUndone']?.(error) === true;
      return problemReply(refusal(500, this.#toldOf(error, isUndone)), this.#base);
    }
  }

  /** Of what is none of our errors: the code of the app threw it. */
  #toldOf(failure: unknown, isUndone: boolean): LockstepError {
    const { cause } = asError(failure);
    const threw = cause === undefined ? String(failure) : `${String(failure)}: ${asError(cause).message}`;
    const values = this.#surface.isTrusted ? { threw } : {};
    return isUndone
      ? failedBefore(values)
      : new LockstepError('unknown', 'this request failed on the server', { values });
  }

  async #answer(asked: Asked, progress: Progress): Promise<Reply | Refusal> {
    const { headerBytesMax } = this.#limits;
    if (asked.headerBytes > headerBytesMax)
      return refusal(431, new LockstepError('invalid', 'the headers are too large', { values: { headerBytesMax } }));
    const { pathname, searchParams: query } = asked.url;
    const path = pathname.startsWith(`${this.#base}/`) ? pathname.slice(this.#base.length) : null;
    if (path === null) return this.#nothingHere(null);
    const accept = asked.headers.get('accept') ?? '';
    const call: Call = { asked, query, format: accept.includes(valueType) ? 'value' : 'json', progress };
    const { pages, actions } = this.#surface;
    const page = pages.get(path) ?? actions.get(path);
    if (page !== undefined) return this.#told(page, call, pages.has(path) ? 'GET' : 'POST');
    const route = routeOf(asked.method, path);
    if (route === null) return this.#nothingHere(null);
    return route.kind === 'refusal' ? route : this.#take(route, call);
  }

  async #told(page: Page, call: Call, by: 'GET' | 'POST'): Promise<Reply | Refusal> {
    const { method } = call.asked;
    if (method !== by) return wrongMethod(method, by);
    call.progress.isHandedOn = by === 'POST';
    const content = await page(call.query);
    if (content.kind === 'value') return this.#found(content.value, call, 200);
    if (content.kind === 'changing')
      return wantsStream(call.asked)
        ? this.#streamed(call, (signal) => framesOf('change', content.changes(signal), call.format))
        : this.#found(await content.now(), call, 200);
    if (call.format === 'value') return this.#found(content.value, call, 200);
    const about = { ...commonHeaders, vary: 'accept', 'content-type': content.type };
    return { status: 200, headers: about, body: content.text() };
  }

  #take(route: Route, call: Call): Promise<Reply | Refusal> | Reply | Refusal {
    switch (route.kind) {
      case 'send':
        return this.#send(route.machine, route.command, call);
      case 'read':
        return this.#read(route.machine, call);
      case 'events':
        return this.#events(route.machine, call);
      case 'query':
        return this.#query(route.query, call);
      case 'error-kind':
        return explainKind(route.errorKind);
    }
  }

  async #send(name: string, command: string, call: Call): Promise<Reply | Refusal> {
    const { asked, query } = call;
    const { connection, machines, isTrusted } = this.#surface;
    const { answerMsMax } = this.#limits;
    const machine = machines.get(name);
    if (machine === undefined) return this.#nothingHere(name);
    const key = keyOf(query);
    const body = await readBody(asked, this.#limits, this.#timers);
    if (body.kind === 'refusal') return body;
    const action: Action = { kind: 'send', name, key, command, input: body.value };
    const access = await this.#admitted(asked, action);
    if (access.kind === 'refusal') return access;
    const options = {
      ...sendOptionsOf(asked, answerMsMax, isTrusted),
      actor: access.actor,
    };
    call.progress.isHandedOn = true;
    const outcome = (await connection.send(machine, key, command, body.value, options)) as CommandOutcome;
    const { kind } = outcome;
    if (kind !== 'committed') return this.#found(outcome, call, statusOfOutcome[kind]);
    return this.#found(outcome, call, statusOfOutcome[kind], versionHeaders(outcome));
  }

  async #read(name: string, call: Call): Promise<Reply | Refusal> {
    const { asked, query } = call;
    const { connection, machines } = this.#surface;
    const machine = machines.get(name);
    if (machine === undefined) return this.#nothingHere(name);
    const key = keyOf(query);
    const access = await this.#admitted(asked, { kind: 'read', name, key });
    if (access.kind === 'refusal') return access;
    const options = { after: tokenOf(query), maxAge: durationOf(query.get('maxAge')) };
    const snapshot = await connection.read(machine, key, options);
    const headers = { ...versionHeaders(snapshot), etag: etagOfState(snapshot.version, snapshot.state) };
    const known = asked.headers.get('if-none-match');
    if (known?.replace(/^W\//, '') === headers.etag)
      return { status: 304, headers: { ...commonHeaders, ...headers }, body: null };
    return this.#found(snapshot, call, 200, headers);
  }

  async #query(name: string, call: Call): Promise<Reply | Refusal> {
    const { asked, query: options } = call;
    const { connection, queries } = this.#surface;
    const query = queries.get(name);
    if (query === undefined) return this.#nothingHere(name);
    const body = await readBody(asked, this.#limits, this.#timers);
    if (body.kind === 'refusal') return body;
    const { input: schema, where } = query['~query'];
    const input = await check(schema, body.value, { kind: 'query', name });
    const key = where.kind === 'at' ? where.keyOf(input) : null;
    const access = await this.#admitted(asked, { kind: 'query', name, key, input });
    if (access.kind === 'refusal') return access;
    if (wantsStream(asked)) {
      const answers = (signal: AbortSignal) => connection.watch(query, body.value, { signal });
      return this.#streamed(call, (signal) => framesOf('answer', answers(signal), call.format));
    }
    const answer = await connection.query(query, body.value, {
      after: tokenOf(options),
      partial: options.get('partial') === 'true',
      deadline: deadlineOf(asked, this.#limits.answerMsMax),
      signal: asked.signal,
    });
    return this.#found(answer, call, 200, { [headerNames.token]: answer.token });
  }

  async #events(name: string, call: Call): Promise<Reply | Refusal> {
    const { asked, query } = call;
    const machine = this.#surface.machines.get(name);
    if (machine === undefined) return this.#nothingHere(name);
    const key = query.get('key');
    const access = await this.#admitted(asked, { kind: 'events', name, key });
    if (access.kind === 'refusal') return access;
    const position = asked.headers.get('last-event-id') ?? query.get('after') ?? 'start';
    return wantsStream(asked) ? this.#stream(machine, key, position, call) : this.#page(machine, key, position, call);
  }

  #stream(machine: AnyMachine, key: string | null, position: string, call: Call): Reply | Refusal {
    const start = parsePosition(position);
    const { format } = call;
    return this.#streamed(call, (signal) => this.#feeds.follow({ machine, key, format }, start, signal));
  }

  #streamed({ asked }: Call, open: EventStreamSetup['open']): Reply | Refusal {
    const { streamsMax } = this.#limits;
    if (this.#streamCount >= streamsMax)
      return refusalOf(new LockstepError('overloaded', 'too many event streams are open', { values: { streamsMax } }));
    this.#streamCount++;
    const stream = eventStream({
      limits: this.#limits,
      timers: this.#timers,
      base: this.#base,
      open,
      toldOf: (failure) => this.#toldOf(failure, true),
      onEnd: (failure) => {
        this.#streamCount--;
        if (failure !== null) this.#options.onError?.(failure, asked.request);
      },
    });
    return { status: 200, headers: { ...commonHeaders, 'content-type': eventStreamType }, body: stream };
  }

  async #page(machine: AnyMachine, key: string | null, position: string, call: Call): Promise<Reply> {
    const { asked, query } = call;
    const { signal } = asked;
    const { connection } = this.#surface;
    const parsed = parsePosition(position);
    // What comes between this page and the next would be in none of them.
    const from = parsed.after === 'now' ? await this.#fromNow(key, signal) : parsed;
    const after = await tokenToRead(connection, from, key, signal);
    const limit = Math.min(countOf(query.get('limit')) ?? pageSizeDefault, this.#limits.pageMax);
    const wait = durationOf(query.get('wait'));
    const page = await eventPage({
      taken: from.taken,
      position: printPosition(from),
      limit,
      waitMs: Math.min(wait === undefined ? pageWaitMsDefault : durationMs(wait), this.#limits.answerMsMax),
      withinMs: this.#limits.answerMsMax,
      timers: this.#timers,
      signal,
      open: (ending) => connection.events(machine, { key: key ?? undefined, after, signal: ending }),
    });
    return this.#found(page, call, 200);
  }

  async #fromNow(key: string | null, signal: AbortSignal): Promise<Position> {
    const { connection } = this.#surface;
    const now = await connection['~begin']?.('now', { of: key, again: null }, signal);
    return { after: now ?? 'now', taken: [] };
  }

  async #admitted(
    asked: Asked,
    action: Action,
  ): Promise<{ readonly kind: 'granted'; readonly actor: string } | Refusal> {
    const access = await this.#surface.access(asked, action);
    switch (access.kind) {
      case 'granted':
        return access;
      case 'not-exposed':
        return this.#nothingHere(action.name);
      case 'refused':
        return refusal(403, new LockstepError('misuse', 'who asks may not do this'));
      case 'failed':
        this.#options.onError?.(access.error, asked.request);
        return refusal(500, failedBefore());
    }
  }

  #found(value: unknown, { format }: Call, status: number, headers: Readonly<Record<string, string>> = {}): Reply {
    const about = { ...commonHeaders, vary: 'accept', 'content-type': typeOf(format) };
    return { status, headers: { ...about, ...headers }, body: encodeBody(value, format) };
  }

  /** What is there stands in the answer for whoever may know it. */
  #nothingHere(name: string | null): Refusal {
    const { isTrusted, machines, queries } = this.#surface;
    const advice = isTrusted ? [`there are: ${[...machines.keys(), ...queries.keys()].join(', ')}`] : [];
    const values = name === null ? {} : { name };
    return refusal(404, new LockstepError('misuse', 'there is nothing here', { values, advice }));
  }
}

const failedBefore = (values: ErrorValues = {}): LockstepError =>
  new LockstepError('misuse', 'code of this app failed on the server; nothing was done', { values });

async function* framesOf(
  type: string,
  values: AsyncIterable<unknown>,
  format: BodyFormat,
): AsyncGenerator<string, void, undefined> {
  for await (const value of values) yield frameOf(type, null, value, format);
}

function checkBase(base: string): string {
  if (base === '' || /^(?:\/[\w.~-]+)+$/.test(base)) return base;
  throw new LockstepError('misuse', 'a base is a path without an end: /api', { values: { base } });
}

function versionHeaders({ version, token }: { readonly version: number; readonly token: Token }) {
  return { etag: etagOf(version), [headerNames.token]: token };
}
