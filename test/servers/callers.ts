/** Callers of a server on this machine that mean no good: bytes as they are, whatever they are. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Being cut off is what they are about: it is no error. */
export function socketTo({ url }: { readonly url: string }): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  return socket;
}

/** What comes back for these bytes, until the other side ends it. In them `HOST` is the header of that name. */
export async function raw(to: { readonly url: string }, bytes: string): Promise<string> {
  const socket = socketTo(to);
  socket.write(bytes.replace('HOST\r\n', hostOf(to)));
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (text += chunk));
  await once(socket, 'close');
  return text;
}

export const hostOf = ({ url }: { readonly url: string }): string => `host: ${new URL(url).host}\r\n`;
