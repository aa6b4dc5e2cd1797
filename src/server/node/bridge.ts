/**
 * Between Node's HTTP and our handlers: a body is taken as fast as it is read, an answer goes out as fast as the other side
 * takes it; whoever goes away aborts the request, and whoever takes nothing for too long is cut off.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { LockstepError } from '../../kernel/errors.ts';
import { BodyParts, isFlow, type Address, type Asked, type Exchange, type Flow, type Reply } from '../exchange.ts';
import { problemReply, refusal } from '../problem.ts';
import { Addresses } from './address.ts';
import { lazyRequest } from './lazy-request.ts';

export interface BridgeLimits {
  /** For how long an answer may stand still because the other side takes nothing, in milliseconds. Default 30,000. */
  readonly stallMsMax: number;
}

/** What a server of Node's calls for each request. */
export type NodeListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

interface WriteAbout extends BridgeLimits {
  /** Ends answers that go on, at a place where the other side can go on. */
  readonly stop: AbortSignal | null;
}

export function listenerOf(exchange: Exchange, about: WriteAbout): NodeListener {
  const addresses = new Addresses();
  return (incoming, outgoing) => {
    const url = addresses.of(incoming);
    if (url === null) refuseAddress(outgoing);
    else void answer(incoming, outgoing, exchange(new NodeAsked(incoming, outgoing, url)), about);
  };
}

function refuseAddress(outgoing: ServerResponse): void {
  const refused = refusal(400, new LockstepError('invalid', 'this names no place on this server'));
  const { status, headers, body } = problemReply(refused, '');
  outgoing.writeHead(status, { ...headers, connection: 'close' }).end(body);
}

/** Never rejects. */
async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  reply: Promise<Reply>,
  about: WriteAbout,
): Promise<void> {
  try {
    await write(await reply, outgoing, about);
  } catch (error) {
    // An exchange does not reject, so the answer's stream did: what has been sent cannot be taken back.
    outgoing.destroy(error instanceof Error ? error : undefined);
  }
  drain(incoming);
}

/**
 * What of a body nobody wanted is read and dropped, until the server's deadline for a request: closed with bytes unread, the
 * connection would be reset, and the answer lost with it.
 */
function drain(incoming: IncomingMessage): void {
  if (incoming.readableEnded) return;
  incoming.removeAllListeners('data');
  incoming.resume();
}

class NodeAsked implements Asked {
  readonly url: Address;
  readonly headers: Asked['headers'];
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  #gone: AbortController | null = null;
  #request: Request | null = null;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, url: Address) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.url = url;
    this.headers = new NodeHeaders(incoming.headers);
  }

  get method(): string {
    return this.#incoming.method ?? 'GET';
  }

  get headerBytes(): number {
    return this.#incoming.rawHeaders.reduce((bytes, text) => bytes + text.length, 0);
  }

  get signal(): AbortSignal {
    this.#gone ??= this.#watch();
    return this.#gone.signal;
  }

  get request(): Request {
    this.#request ??= lazyRequest(this.url, this.method, this.#incoming.rawHeaders, () => this.signal);
    return this.#request;
  }

  #watch(): AbortController {
    const gone = new AbortController();
    this.#outgoing.once('close', () => {
      if (!this.#outgoing.writableFinished) gone.abort(new LockstepError('stopped', 'the other side has gone away'));
    });
    return gone;
  }

  async earlyBody(): Promise<Uint8Array | null> {
    const incoming = this.#incoming;
    await Promise.resolve(); // the parser gives the head first, and now what came behind it
    const length = incoming.headers['content-length'];
    if (!incoming.complete && incoming.readableLength !== Number(length)) return null;
    return (incoming.read() as Uint8Array | null) ?? new Uint8Array(0); // without an encoding it gives no text
  }

  readBody(bytesMax: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const incoming = this.#incoming;
    const parts = new BodyParts(bytesMax);
    return new Promise((resolve, reject) => {
      const end = (bytes: Uint8Array | null): void => {
        drain(incoming);
        resolve(bytes);
      };
      incoming.on('data', (part: Uint8Array) => {
        if (!parts.add(part)) end(null);
      });
      incoming.once('end', () => end(parts.bytes()));
      incoming.once('close', () => {
        if (!incoming.complete) reject(new LockstepError('invalid', 'the body broke off'));
      });
      signal.addEventListener('abort', () => end(null), { once: true });
    });
  }
}

class NodeHeaders {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    const value = this.#headers[name];
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ');
  }
}

/** Head and body in one write, where the body is there. */
async function write({ status, headers, body }: Reply, outgoing: ServerResponse, about: WriteAbout): Promise<void> {
  if (isFlow(body)) {
    // It ends when the connection does: in chunks a part would be four writes, and its bytes no longer the same for all.
    outgoing.removeHeader('transfer-encoding');
    outgoing.writeHead(status, { ...headers, connection: 'close' });
    outgoing.flushHeaders();
    await pump(body, outgoing, about);
  } else if (body === null) {
    outgoing.writeHead(status, headers).end();
  } else {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    outgoing.writeHead(status, { ...headers, 'content-length': length }).end(body);
  }
}

async function pump(body: Flow, outgoing: ServerResponse, { stop, stallMsMax }: WriteAbout): Promise<void> {
  const sink: Writable = outgoing.socket ?? outgoing; // there is no socket before the answers of earlier requests have ended
  const end = (): void => body.stop();
  outgoing.once('close', end);
  stop?.addEventListener('abort', end, { once: true });
  try {
    for (;;) {
      const part = await body.take();
      if (part === null || outgoing.destroyed) break;
      if (!sink.write(part)) await drained(sink, stallMsMax);
    }
    outgoing.end();
  } finally {
    stop?.removeEventListener('abort', end);
  }
}

/** Resolves when there is room, or nobody there any more. */
function drained(sink: Writable, stallMsMax: number): Promise<void> {
  return new Promise((resolve) => {
    const stalled = setTimeout(() => sink.destroy(), stallMsMax);
    const end = (): void => {
      clearTimeout(stalled);
      sink.off('drain', end);
      sink.off('close', end);
      resolve();
    };
    sink.once('drain', end);
    sink.once('close', end);
    if (sink.destroyed) end();
  });
}
