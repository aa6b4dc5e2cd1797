/**
 * A TCP proxy between a client and a server that misbehaves on demand: on a free port of the loopback, every connection
 * carried to one target. It treats bytes as a network does: what it holds back (delayed, black-holed) comes later and
 * in order, or never if the connection is cut meanwhile; it loses nothing out of the middle of a connection.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export type Direction = 'to-server' | 'to-client';

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** How many connections it carries now. */
  readonly connectionCount: number;
  /** Resets all connections, on both sides; what was under way in them is lost. New ones are taken as before. */
  cut(): void;
  /** New connections are reset as soon as they come; those that are there stay. */
  refuse(): void;
  /** Connections are taken and stay open, and nothing goes this way any more, their end included. */
  blackHole(direction: Direction | 'both'): void;
  /** What comes from now on goes on so much later. 0: at once. */
  delay(direction: Direction | 'both', ms: number): void;
  /** As if nothing had been: what is held back goes on at once. What was cut stays so. */
  heal(): void;
  /** Cuts all and frees the port. */
  close(): Promise<void>;
}

/** Each way of a connection holds so much; then its sender has to wait, as with full buffers on the way. */
const heldBytesMax = 4 * 1_024 * 1_024;

/** `target`: a port of the loopback, which need not be taken yet. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const proxy = new Proxy(target);
  await proxy.listen();
  return proxy;
}

/** What one way of all connections does with bytes. */
interface Way {
  open: boolean;
  delayMs: number;
}

class Proxy implements TcpProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #ways: Readonly<Record<Direction, Way>> = {
    'to-server': { open: true, delayMs: 0 },
    'to-client': { open: true, delayMs: 0 },
  };
  readonly #connections = new Set<Connection>();
  #refusing = false;

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#take(client));
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  refuse(): void {
    this.#refusing = true;
  }

  blackHole(direction: Direction | 'both'): void {
    for (const way of this.#waysOf(direction)) way.open = false;
  }

  delay(direction: Direction | 'both', ms: number): void {
    for (const way of this.#waysOf(direction)) way.delayMs = ms;
  }

  heal(): void {
    this.#refusing = false;
    for (const way of this.#waysOf('both')) [way.open, way.delayMs] = [true, 0];
    for (const connection of this.#connections) connection.flush();
  }

  async close(): Promise<void> {
    this.#refusing = true;
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #waysOf(direction: Direction | 'both'): readonly Way[] {
    return direction === 'both' ? Object.values(this.#ways) : [this.#ways[direction]];
  }

  #take(client: Socket): void {
    if (this.#refusing) {
      client.on('error', () => {}); // it is reset: whoever else resets it first makes no difference
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const connection = new Connection(client, server, this.#ways, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }
}

class Connection {
  readonly #sockets: readonly Socket[];
  readonly #pipes: readonly Pipe[];

  constructor(client: Socket, server: Socket, ways: Readonly<Record<Direction, Way>>, onClosed: () => void) {
    this.#sockets = [client, server];
    this.#pipes = [new Pipe(client, server, ways['to-server']), new Pipe(server, client, ways['to-client'])];
    let closed = 0;
    for (const socket of this.#sockets) socket.once('close', () => ++closed === 2 && onClosed());
  }

  cut(): void {
    for (const pipe of this.#pipes) pipe.drop();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  flush(): void {
    for (const pipe of this.#pipes) pipe.flush('at once');
  }
}

type Item =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly dueAt: number }
  | { readonly kind: 'end' | 'reset'; readonly dueAt: number };

/** One way of one connection: what came in, in order, until it goes on. */
class Pipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #way: Way;
  #held: Item[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(source: Socket, sink: Socket, way: Way) {
    this.#source = source;
    this.#sink = sink;
    this.#way = way;
    const dueAt = (): number => performance.now() + way.delayMs;
    source.on('data', (bytes: Uint8Array) => this.#take({ kind: 'bytes', bytes, dueAt: dueAt() }));
    source.on('end', () => this.#take({ kind: 'end', dueAt: dueAt() }));
    source.on('error', () => {}); // 'close' follows and says so
    source.on('close', (failed) => failed && this.#take({ kind: 'reset', dueAt: dueAt() }));
    sink.on('drain', () => this.#balance());
  }

  /** Passes on what is due; `at once`: everything, whenever it was due. */
  flush(when: 'due' | 'at once' = 'due'): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    let count = 0;
    for (const item of this.#way.open ? this.#held : []) {
      const leftMs = item.dueAt - performance.now();
      if (when === 'due' && leftMs > 0) {
        this.#timer = setTimeout(() => this.flush(), Math.ceil(leftMs));
        break;
      }
      this.#pass(item);
      count++;
    }
    if (count > 0) this.#held = this.#held.slice(count);
    this.#balance();
  }

  drop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    [this.#held, this.#heldBytes] = [[], 0];
  }

  #take(item: Item): void {
    this.#held.push(item);
    if (item.kind === 'bytes') this.#heldBytes += item.bytes.length;
    if (this.#timer === null) this.flush();
    else this.#balance();
  }

  #pass(item: Item): void {
    if (item.kind === 'bytes') this.#heldBytes -= item.bytes.length;
    if (this.#sink.destroyed) return;
    if (item.kind === 'bytes') this.#sink.write(item.bytes);
    else if (item.kind === 'end') this.#sink.end();
    else this.#sink.resetAndDestroy();
  }

  #balance(): void {
    if (this.#heldBytes + this.#sink.writableLength >= heldBytesMax) this.#source.pause();
    else this.#source.resume();
  }
}
