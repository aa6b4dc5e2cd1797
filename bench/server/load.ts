/** Callers of a server in closed loops: each has a connection of its own, and asks again once it was answered. */
import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  readonly connections: number;
  /** Of all callers together. */
  readonly requests: number;
  /** The bytes of one request of this caller. */
  readonly requestOf: (caller: number) => string;
}

/** How long each request took, in milliseconds. @throws Error for an answer other than 2xx. */
export async function load({ port, connections, requests, requestOf }: Load): Promise<Float64Array> {
  const latenciesMs = new Float64Array(requests);
  let begun = 0;
  const callers = Array.from({ length: connections }, async (_, caller) => {
    const socket = await socketTo(port);
    const bytes = requestOf(caller);
    while (begun < requests) {
      const at = begun++;
      const since = performance.now();
      await answerTo(socket, bytes);
      latenciesMs[at] = performance.now() - since;
    }
    socket.destroy();
  });
  await Promise.all(callers);
  return latenciesMs;
}

export function socketTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Answers say their length: chunks are for streams. */
function answerTo(socket: Socket, bytes: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const headEnd = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (headEnd < 0 || text.length < headEnd + 4 + length) return;
      socket.off('data', onData);
      if (text.startsWith('HTTP/1.1 2')) resolve();
      else reject(new Error(`the server answered: ${text.slice(0, 200)}`));
    };
    socket.on('data', onData);
    socket.write(bytes);
  });
}
