/**
 * An open port in front of a process that comes and goes: requests go on to whichever serves now, and wait while none does.
 * What can be asked twice without harm is asked again where the process went away before it answered. For this machine
 * alone; what is refused to whom is decided behind it.
 */
import type { Agent, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { asError, isLockstepError, LockstepError } from '../kernel/errors.ts';
import { atMost } from '../log/within.ts';
import { codeOf } from '../os/system-code.ts';
import { http } from '../server/node/http.ts';
import { problemOf, refusal } from '../server/problem.ts';
import { webPorts } from '../server/web-ports.ts';
import { headerNames, problemType } from '../server/wire.ts';

const host = '127.0.0.1';
/** For how long a request waits for the process. */
const waitMsMax = 30_000;
/** For how long it waits for answers before the process is told to end. */
const answerMsMax = 5_000;
/** Of a body, which is kept to be sent again. Who serves has a limit of its own, which is less. */
const bodyBytesMax = 16 * 1_024 * 1_024;
/** Between two ends of one connection (RFC 9110), and what is said anew. */
const hopHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'te', 'expect', 'content-length']);

/** Of requests, since the process went away. */
export interface Waited {
  readonly count: number;
  readonly failedCount: number;
}

interface Target {
  readonly url: URL;
  readonly agent: Agent;
}

export class Relay {
  readonly #server: Server;
  /** Who serves, or will. */
  #target = Promise.withResolvers<Target>();
  #opened: Target | null = null;
  /** Why none serves until somebody does something about it; null: one does, or will in a moment. */
  #broken: LockstepError | null = null;
  #waitingCount = 0;
  #failedCount = 0;
  /** Requests that went on and are not answered yet. */
  #askedCount = 0;
  #answered = Promise.withResolvers<void>();

  constructor() {
    this.#server = http.createServer((incoming, outgoing) => void this.#take(incoming, outgoing));
  }

  /** @throws LockstepError `in-use` when the port is taken. */
  listen(port: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#server.once('error', (cause) =>
      reject(
        codeOf(cause) === 'EADDRINUSE'
          ? new LockstepError('in-use', 'another process listens there', { values: { host, port }, cause })
          : cause,
      ),
    );
    this.#server.listen({ port, host }, () => resolve(`http://${host}:${this.#port}`));
    return promise;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens at no path
  }

  /** Requests that waited, and all that come, go there; what came of those that waited. */
  open(url: string): Waited {
    const waited = { count: this.#waitingCount, failedCount: this.#failedCount };
    this.#broken = null;
    if (this.#opened !== null) this.#forget();
    this.#opened = { url: new URL(url), agent: new http.Agent({ keepAlive: true }) };
    this.#target.resolve(this.#opened);
    return waited;
  }

  /** From now on requests wait. Resolves once those that had gone on are answered, or have had long enough. */
  async shut(): Promise<void> {
    this.#forget();
    this.#failedCount = 0;
    if (this.#askedCount === 0) return;
    this.#answered = Promise.withResolvers();
    await atMost(webPorts.timers, answerMsMax, [], () => this.#answered.promise);
  }

  /** Nobody serves: who asks is told so, and why, until `open` or `mend`. */
  break(why: string): void {
    const advice = why.split('\n');
    this.#broken = new LockstepError('unavailable', 'the app does not start; nothing was done', { advice });
    this.#target.promise.catch(() => {}); // nobody may be waiting
    this.#target.reject(this.#broken);
    this.#forget();
  }

  #forget(): void {
    this.#opened = null;
    this.#target = Promise.withResolvers();
  }

  /** It is tried again: requests wait. */
  mend(): void {
    this.#broken = null;
  }

  close(): Promise<void> {
    this.#target.reject(new LockstepError('stopped', 'this server is closing'));
    this.#target.promise.catch(() => {}); // likewise
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController();
    outgoing.once('close', () => gone.abort());
    try {
      const body = await bodyOf(incoming);
      for (;;) {
        const target = await this.#served();
        const reply = await this.#ask(target, incoming, body, gone.signal);
        if (reply !== null) {
          outgoing.writeHead(reply.statusCode ?? 502, headersOf(reply));
          await pipeline(reply, outgoing);
          return;
        }
        if (this.#opened === target) this.#forget();
        // Its process went away. The next one is asked where the request may be sent twice.
        if (!isRepeatable(incoming)) throw new LockstepError('unknown', 'the process went away before it answered');
      }
    } catch (error) {
      if (outgoing.headersSent || gone.signal.aborted) return void outgoing.destroy();
      this.#failedCount++;
      refuse(outgoing, isLockstepError(error) ? error : new LockstepError('unknown', asError(error).message));
    }
  }

  async #ask(target: Target, incoming: IncomingMessage, body: Uint8Array, gone: AbortSignal) {
    this.#askedCount++;
    try {
      return await answered(target, incoming, body, gone);
    } finally {
      if (--this.#askedCount === 0) this.#answered.resolve();
    }
  }

  async #served(): Promise<Target> {
    if (this.#broken !== null) throw this.#broken;
    this.#waitingCount++;
    try {
      const ended = await atMost(webPorts.timers, waitMsMax, [], () => this.#target.promise);
      if (ended.kind === 'done') return ended.value;
      throw new LockstepError('unavailable', 'the app did not start in time; nothing was done');
    } finally {
      this.#waitingCount--;
    }
  }
}

const statuses = { invalid: 413, unknown: 504 } as const;

function refuse(outgoing: ServerResponse, error: LockstepError): void {
  const refused = refusal(error.kind === 'invalid' || error.kind === 'unknown' ? statuses[error.kind] : 503, error);
  outgoing.writeHead(refused.status, { 'content-type': problemType, 'retry-after': '1' });
  outgoing.end(JSON.stringify(problemOf(refused, '')));
}

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let count = 0;
  for await (const part of incoming as AsyncIterable<Uint8Array>) {
    count += part.length;
    if (count > bodyBytesMax) throw new LockstepError('invalid', 'the body is too large', { values: { bodyBytesMax } });
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const isRepeatable = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' || method === 'HEAD' || headers[headerNames.commandId] !== undefined;

/** Null: the process went away before it answered. */
function answered(
  { url, agent }: Target,
  { method, url: path, headers }: IncomingMessage,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<IncomingMessage | null> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage | null>();
  const about = { host: url.hostname, port: url.port, method, path, agent, signal };
  const length = body.length === 0 && headers['content-type'] === undefined ? {} : { 'content-length': body.length };
  const outgoing = http.request({ ...about, headers: { ...withoutHops(headers), ...length } }, resolve);
  outgoing.once('error', (error) => (signal.aborted ? reject(error) : resolve(null)));
  outgoing.end(body);
  return promise;
}

const withoutHops = (headers: IncomingMessage['headers']) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)));

/** Its length is its own, as its body goes on as it is. */
function headersOf({ headers }: IncomingMessage) {
  const length = headers['content-length'];
  return { ...withoutHops(headers), ...(length === undefined ? {} : { 'content-length': length }) };
}
