/**
 * `lockstep/server/node`: a server of its own, over Node's HTTP. `serve(node)` gives all of a node to this machine, or, with a
 * secret, to whoever bears it; `mounts` are handlers of what is exposed, for everybody. It has limits for whatever an
 * unknown caller may do, and ends in order.
 */
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { http } from './node/http.ts';
import { isLoopback } from './node/loopback.ts';
import { listenerOf, type BridgeLimits, type NodeListener } from './node/bridge.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { LockstepNode } from '../node/node.ts';
import { healthOf, nodeHandler, trustedExchange, unauthorized, type NodeHandlerOptions } from './node-handler.ts';
import { pageAt } from './page.ts';
import { problemOf, refusal, type Refusal } from './problem.ts';
import type { Asked, Exchange, Handler } from './exchange.ts';
import { problemType } from './wire.ts';

export interface ServeLimits extends BridgeLimits {
  /** Open connections at once, idle ones too. Default 20,000; more are closed at once. */
  readonly connectionsMax: number;
  /** For how long headers may take to arrive, in milliseconds. Default 10,000; then 408. */
  readonly headersMsMax: number;
  /** For how long a whole request may take to arrive, in milliseconds. Default 30,000; then 408. */
  readonly requestMsMax: number;
  /** For how long a connection may be idle between requests, in milliseconds. Default 65,000. */
  readonly idleMsMax: number;
  /** For how long `close` waits for what was begun, in milliseconds. Default 5,000. */
  readonly closeMsMax: number;
}

const limitsDefault: ServeLimits = Object.freeze({
  connectionsMax: 20_000,
  headersMsMax: 10_000,
  requestMsMax: 30_000,
  idleMsMax: 65_000,
  closeMsMax: 5_000,
  stallMsMax: 30_000,
});

export interface ServeOptions extends Omit<NodeHandlerOptions, 'base' | 'bearer'> {
  /** Default 4000; 0: any that is free. */
  readonly port?: number | undefined;
  /** Default `127.0.0.1`: this machine alone. Any other address needs a `bearer`. */
  readonly host?: string | undefined;
  /** The secret that callers must bear. Without it those of this machine are trusted, and there are no others. */
  readonly bearer?: string | undefined;
  /** The page at `/`, as text: that of `dist/dashboard/index.html`. Default: none. */
  readonly page?: string | undefined;
  /** Handlers by the path that they were made with as `base`: `{ '/api': api.handler(node, { base: '/api' }) }`. */
  readonly mounts?: Readonly<Record<string, Handler>> | undefined;
  readonly serverLimits?: Partial<ServeLimits> | undefined;
}

const headerBytesMax = 16_384;
const headersMax = 200;
const idleLookMs = 50;
const lingerMsMax = 1_000;

/**
 * Resolves once it listens.
 * @throws LockstepError `in-use` when the port is taken; `misuse` for an address of other machines without a secret.
 */
export async function serve(node: LockstepNode, options: ServeOptions = {}): Promise<HttpServer> {
  const { port = 4_000, host = '127.0.0.1', bearer, serverLimits } = options;
  if (bearer === undefined && !isLoopback(host))
    throw new LockstepError(
      'misuse',
      'who can reach this address from other machines is not trusted without a secret',
      {
        values: { host },
        advice: ["serve(node, { host, bearer: process.env['…'] })", 'what is for everybody goes into `mounts`'],
      },
    );
  const server = new HttpServer(exchangeFor(node, options), { ...limitsDefault, ...serverLimits });
  await server.listen(port, host);
  return server;
}

/**
 * A handler for a server of Node's that is not ours, and for frameworks over one, as Fastify and Express are: it takes their
 * requests as they come, with bodies that nobody has read. `{ stallMsMax }`: as in `ServeLimits`.
 */
export function nodeListener(handler: Handler, limits: Partial<BridgeLimits> = {}): NodeListener {
  return listenerOf(handler.exchange, { ...limitsDefault, ...limits, stop: null });
}

function exchangeFor(node: LockstepNode, { bearer, page, mounts = {}, ...options }: ServeOptions): Exchange {
  const trusted =
    bearer === undefined ? ownMachineExchange(node, options) : nodeHandler(node, { ...options, bearer }).exchange;
  const bases = Object.entries(mounts).map(([base, { exchange }]) => ({ base, exchange }));
  const shown = page === undefined ? () => null : pageAt('/', page);
  return (asked) => {
    const { pathname } = asked.url;
    const mounted = bases.find(({ base }) => pathname === base || pathname.startsWith(`${base}/`));
    if (mounted !== undefined) return mounted.exchange(asked);
    const reply = shown(asked);
    return reply === null ? trusted(asked) : Promise.resolve(reply);
  };
}

/**
 * For a server that only this machine reaches. A page in a browser of this machine is not this machine: neither by its own
 * name for the address (DNS rebinding), nor by a request from another origin.
 */
function ownMachineExchange(node: LockstepNode, options: ServeOptions): Exchange {
  const trusted = trustedExchange(node, options);
  return async (asked) => {
    const { hostname, host } = asked.url;
    const origin = asked.headers.get('origin');
    const site = asked.headers.get('sec-fetch-site') ?? 'none';
    const isOwn = isLoopback(hostname) && (origin === null || URL.parse(origin)?.host === host);
    if (!isOwn || (site !== 'none' && site !== 'same-origin') || isPassedOn(asked)) return unauthorized('');
    return healthOf(node, asked) ?? trusted(asked);
  };
}

/** A proxy of this machine speaks for whoever reaches it, and says so: behind one the server is to have a secret. */
const isPassedOn = ({ headers }: Asked): boolean => proxyHeaders.some((name) => headers.get(name) !== null);
const proxyHeaders = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'];

export class HttpServer implements AsyncDisposable {
  readonly #limits: ServeLimits;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stop = new AbortController();
  #closed: Promise<void> | null = null;

  /** Use `serve`. */
  constructor(exchange: Exchange, limits: ServeLimits) {
    this.#limits = limits;
    const { connectionsMax, headersMsMax, requestMsMax, idleMsMax } = limits;
    const settings = {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersMsMax,
      requestTimeout: requestMsMax,
      keepAliveTimeout: idleMsMax,
      connectionsCheckingInterval: Math.max(100, Math.min(5_000, headersMsMax / 2)),
      noDelay: true,
    };
    this.#server = http.createServer(
      settings,
      listenerOf(exchange, { stallMsMax: limits.stallMsMax, stop: this.#stop.signal }),
    );
    this.#server.maxConnections = connectionsMax;
    this.#server.maxHeadersCount = headersMax;
    this.#server.on('clientError', refuseBytes);
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Once. @throws LockstepError `in-use` when the port is taken. */
  async listen(port: number, host: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE'
          ? new LockstepError('in-use', 'another process listens there', { values: { host, port }, cause })
          : cause,
      ),
    );
    this.#server.listen({ port, host }, resolve);
    await promise;
  }

  /** Without an end: `http://127.0.0.1:4000`. */
  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo; // it listens at no path
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** How many connections are open, idle ones too. */
  connectionCount(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }

  /** Takes no more; streams end where they can be gone on with, other answers are finished, up to `closeMsMax`. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#stop.abort(new LockstepError('stopped', 'this server is closing'));
    this.#server.closeIdleConnections();
    // Who connected and asked nothing yet, as browsers do ahead of time, is not idle to it.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    // Those that become idle from now on nobody else would close.
    const idle = setInterval(() => this.#server.closeIdleConnections(), idleLookMs);
    const late = setTimeout(() => this.#server.closeAllConnections(), this.#limits.closeMsMax);
    await ended;
    clearInterval(idle);
    clearTimeout(late);
  }
}

/** What is no HTTP, too large or too slow, before there is a request. */
function refuseBytes(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const refused = refusalOfBytes(error.code);
  const body = JSON.stringify(problemOf(refused, ''));
  const head = [
    `HTTP/1.1 ${refused.status} Refused`,
    `content-type: ${problemType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // Closed at once with bytes unread, the answer would be lost; who does not close then is not waited for.
  socket.resume();
  const linger = setTimeout(() => socket.destroy(), lingerMsMax);
  socket.once('close', () => clearTimeout(linger));
}

function refusalOfBytes(code: string | undefined): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return refusal(431, new LockstepError('invalid', 'the headers are too large', { values: { headerBytesMax } }));
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusal(408, new LockstepError('unavailable', 'the request did not arrive in time'));
    default:
      return refusal(400, new LockstepError('invalid', 'this is no HTTP request'));
  }
}
