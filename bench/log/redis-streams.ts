/**
 * Redis Streams, as durable as a log has to be: `XADD` under `appendfsync always`. One process away over the loopback;
 * our own client, a few lines over node:net that send what callers of one turn ask for in one write. Redis reads a
 * connection 16 KiB at a time and syncs once a turn, so callers in flight are spread over several connections.
 */
import { connect, type Socket } from 'node:net';
import type { Durability, Side } from '../harness.ts';
import { programOf } from '../../test/servers/needs.ts';
import { type RedisServer, startRedis } from '../../test/servers/redis.ts';
import { type Load, runLoad } from './load.ts';

const program = 'redis-server';
const durability: Durability = 'machine';

/** None, and loudly so, where there is no Redis. */
export function redisSides(load: Load, connectionCounts: readonly number[]): readonly Side[] {
  const found = programOf(program);
  if (found !== null) return connectionCounts.map((count) => redisSide(found, load, count));
  console.log(`\n!! ${program} is missing: what is compared with it is NOT MEASURED. Install Debian's ${program}.\n`);
  return [];
}

export const redisName = (connections: number): string =>
  `Redis XADD, fsync always, ${connections} connection${connections === 1 ? '' : 's'}`;

function redisSide(found: string, load: Load, connections: number): Side {
  return {
    name: redisName(connections),
    durability,
    prepare: async () => {
      const server = await startRedis(found, 'always');
      const clients = await connectAll(server, connections);
      const command = xadd(load.entryBytes);
      const run = async () => {
        const done = await runLoad(load, (entry, caller) => {
          return (clients[caller % connections] as RedisClient).append(command, entry);
        });
        const kept = await clients[0]?.ask('*2\r\n$4\r\nXLEN\r\n$1\r\ns\r\n');
        if (kept !== `:${load.entries}`) throw new Error(`Redis kept '${kept}' of ${load.entries} entries`);
        await clients[0]?.ask('*2\r\n$3\r\nDEL\r\n$1\r\ns\r\n');
        return done;
      };
      const close = async (): Promise<void> => {
        for (const client of clients) client.close();
        await server.stop();
      };
      return { run, close };
    },
  };
}

const connectAll = (server: RedisServer, count: number): Promise<RedisClient[]> =>
  Promise.all(Array.from({ length: count }, () => RedisClient.connect(server.port)));

/** What stands before the entry: `XADD s * d <entry>`. */
const xadd = (entryBytes: number): Uint8Array =>
  new TextEncoder().encode(`*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nd\r\n$${entryBytes}\r\n`);

/** Commands in order, answers in order. */
class RedisClient {
  readonly #socket: Socket;
  readonly #waiting: { resolve(answer: string): void; reject(error: Error): void }[] = [];
  #answered = 0;
  readonly #unsent = Buffer.allocUnsafe(2 * 1_024 * 1_024);
  #unsentBytes = 0;
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('Redis closed the connection')));
  }

  static connect(port: number): Promise<RedisClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RedisClient(socket)));
    });
  }

  append(command: Uint8Array, entry: Uint8Array): Promise<string> {
    const answer = this.#expect();
    const buffer = this.#unsent;
    buffer.set(command, this.#unsentBytes);
    const end = this.#unsentBytes + command.length + entry.length;
    buffer.set(entry, end - entry.length);
    buffer[end] = 13;
    buffer[end + 1] = 10;
    this.#unsentBytes = end + 2;
    return answer;
  }

  ask(command: string): Promise<string> {
    const answer = this.#expect();
    this.#unsentBytes += this.#unsent.write(command, this.#unsentBytes, 'latin1');
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  #expect(): Promise<string> {
    if (this.#unsentBytes === 0) process.nextTick(() => this.#send()); // once all callers of this turn have asked
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #send(): void {
    this.#socket.write(Buffer.from(this.#unsent.subarray(0, this.#unsentBytes))); // the socket may keep it
    this.#unsentBytes = 0;
  }

  /** Answers are one line, `:3`, or a length and a line, `$15`, `1700000000000-0`. */
  #onData(chunk: Buffer): void {
    const text = this.#rest + chunk.toString('latin1');
    let start = 0;
    for (;;) {
      const end = text.indexOf('\r\n', start);
      if (end === -1) break;
      const kind = text[start];
      const last = kind === '$' ? text.indexOf('\r\n', end + 2) : end;
      if (last === -1) break;
      this.#answer(text.slice(kind === '$' ? end + 2 : start, last), kind === '-');
      start = last + 2;
    }
    this.#rest = text.slice(start);
    this.#waiting.splice(0, this.#answered);
    this.#answered = 0;
  }

  #answer(line: string, refused: boolean): void {
    const waiter = this.#waiting[this.#answered++];
    if (waiter === undefined) throw new Error(`Redis answered what nobody asked: ${line}`);
    if (refused) waiter.reject(new Error(`Redis refused: ${line}`));
    else waiter.resolve(line);
  }

  #fail(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}
