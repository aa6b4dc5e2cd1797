/**
 * The real network: TCP with Nagle's algorithm off and keep-alive probes on. A peer that is cut off without a word is
 * noticed by the probes while the line is idle, but only after the system's own limit (Linux: about 15 minutes) while
 * bytes are under way: whoever must know sooner sends frames to and fro and counts on answers. Nothing is encrypted
 * and nobody is authenticated: listen on private networks.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { ConnectOptions, FrameStream, Listener, Network, NodeAddress } from '../env/network.ts';
import { LockstepError, type ErrorKind } from '../kernel/errors.ts';
import { parseAddress, printAddress } from '../env/address.ts';
import { SocketStream } from './frame-stream.ts';
import type { HostLimits } from './limits.ts';
import { codeOf } from './system-code.ts';

const connectMsDefault = 5_000;
/** The longest that Node's timers take. */
const connectMsMax = 2_147_483_647;

export class HostNetwork implements Network {
  readonly #limits: HostLimits;
  readonly #servers: Set<Server> = new Set();
  /** Standing and being connected. */
  readonly #sockets: Set<Socket> = new Set();
  readonly #streams: Set<SocketStream> = new Set();
  #open = true;

  constructor(limits: HostLimits) {
    this.#limits = limits;
  }

  async listen(address: NodeAddress, onStream: (stream: FrameStream) => void): Promise<Listener> {
    this.#checkOpen();
    const { host, port } = parseAddress(address);
    const server = createServer({ ...this.#socketOptions(), pauseOnConnect: false }, (socket) =>
      this.#onAccepted(socket, onStream),
    );
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(error, address)));
      server.listen({ host, port, exclusive: true }, resolve);
    });
    const bound = server.address();
    if (bound === null || typeof bound === 'string' || !this.#open) {
      server.close();
      throw this.#stopped();
    }
    server.on('error', () => undefined); // of one connection that could not be accepted: its other end learns by itself
    this.#servers.add(server);
    const close = (): void => {
      if (this.#servers.delete(server)) server.close();
    };
    return { address: printAddress(host, bound.port), close };
  }

  async connect(address: NodeAddress, options: ConnectOptions = {}): Promise<FrameStream> {
    this.#checkOpen();
    const { host, port } = parseAddress(address);
    options.signal?.throwIfAborted();
    if (this.#sockets.size >= this.#limits.streamCountMax) {
      throw new LockstepError('overloaded', 'too many streams stand', {
        values: { address, streamCountMax: this.#limits.streamCountMax },
      });
    }
    const socket = createConnection({ ...this.#socketOptions(), host, port });
    this.#keep(socket);
    try {
      await connected(socket, address, options);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return this.#streamOver(socket, address);
  }

  /** Takes no more connections, ends all streams, and resolves once they have ended or were cut off at their limit. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    for (const server of this.#servers) server.close();
    this.#servers.clear();
    const gone = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of this.#sockets) {
      if (socket.connecting) socket.destroy(this.#stopped());
    }
    for (const stream of this.#streams) stream.close();
    await Promise.all(gone);
  }

  #socketOptions(): { allowHalfOpen: true; noDelay: true; keepAlive: true; keepAliveInitialDelay: number } {
    const keepAliveInitialDelay = this.#limits.streamProbeAfterMs;
    return { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay };
  }

  #onAccepted(socket: Socket, onStream: (stream: FrameStream) => void): void {
    if (!this.#open || this.#sockets.size >= this.#limits.streamCountMax) {
      socket.destroy();
      return;
    }
    this.#keep(socket);
    onStream(this.#streamOver(socket, printAddress(socket.remoteAddress ?? '', socket.remotePort ?? 0)));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #streamOver(socket: Socket, peer: string): SocketStream {
    const stream = new SocketStream(socket, peer, this.#limits);
    this.#streams.add(stream);
    socket.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  #checkOpen(): void {
    if (!this.#open) throw this.#stopped();
  }

  #stopped(): LockstepError {
    return new LockstepError('stopped', 'the network was closed');
  }
}

/** Resolves when the socket is connected; whatever ends the wait takes its listeners away again. */
function connected(socket: Socket, address: NodeAddress, options: ConnectOptions): Promise<void> {
  const { signal, withinMs = connectMsDefault } = options;
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      clearTimeout(timeout);
      signal?.removeEventListener('abort', onAbort);
      socket.off('connect', onConnect);
      // 'error' stays listened to: a destroyed socket may still report one.
      settle();
    };
    const onAbort = (): void => finish(() => reject(signal?.reason));
    const onConnect = (): void =>
      finish(() => (isToItself(socket) ? reject(notReached(address, new Error('nobody listens'))) : resolve()));
    const timeout = setTimeout(
      () => finish(() => reject(notReached(address, new Error(`no answer within ${withinMs} ms`)))),
      Math.min(Math.max(0, withinMs), connectMsMax),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', onConnect);
    socket.on('error', (error) =>
      finish(() => reject(error instanceof LockstepError ? error : notReached(address, error))),
    );
  });
}

/**
 * TCP can connect a port to itself when nobody listens on it and the system picks that very port to connect from; a
 * loop of retries on loopback gets there sooner or later, and then holds the port that the other side wants.
 */
function isToItself(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}

function notReached(address: NodeAddress, cause: unknown): LockstepError {
  return new LockstepError('unavailable', 'nobody took the connection', { cause, values: { address } });
}

function listenError(cause: unknown, address: NodeAddress): LockstepError {
  const values = { address, code: codeOf(cause) };
  const told: Readonly<Record<string, readonly [ErrorKind, string]>> = {
    EADDRINUSE: ['in-use', 'somebody else listens at this address'],
    EMFILE: ['overloaded', 'this process has too many files and sockets open'],
    ENFILE: ['overloaded', 'this machine has too many files and sockets open'],
  };
  const [kind, message] = told[values.code ?? ''] ?? ['misuse', 'this machine cannot listen at this address'];
  return new LockstepError(kind, message, { cause, values });
}
