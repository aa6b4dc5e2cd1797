/**
 * Between Node's HTTP and `fetch` handlers: a request's body is taken as fast as it is read, an answer's as fast as the other
 * side takes it; whoever goes away aborts the request, and whoever takes nothing for too long is cut off.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Handler } from '../surface.ts';

export interface BridgeLimits {
  /** For how long an answer may stand still because the other side takes nothing, in milliseconds. Default 30,000. */
  readonly stallMsMax: number;
}

/** Null: it names no place on this server. */
export function urlOf({ url = '', headers }: IncomingMessage): URL | null {
  // Not resolved against a base: `//other.test/` would lead away.
  return url.startsWith('/') ? URL.parse(`http://${headers.host ?? ''}${url}`) : null;
}

/** Answers it. `stop`: ends answers that go on, at a place where the other side can go on. Never rejects. */
export async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  about: { readonly url: URL; readonly handler: Handler; readonly limits: BridgeLimits; readonly stop: AbortSignal },
): Promise<void> {
  const { url, handler, limits, stop } = about;
  const gone = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort(new Error('the other side has gone away'));
  });
  try {
    const response = await handler(requestOf(incoming, url, gone.signal));
    writeHead(outgoing, response);
    if (response.body === null || incoming.method === 'HEAD') outgoing.end();
    else await pump(response.body, outgoing, { stop, stallMsMax: limits.stallMsMax });
  } catch (error) {
    // A handler does not reject, so the answer's body did: what has been sent cannot be taken back.
    outgoing.destroy(error instanceof Error ? error : undefined);
  }
  drain(incoming);
}

/**
 * What of a body nobody wanted is read and dropped, until the server's deadline for a request: closed with bytes unread, the
 * connection would be reset, and the answer lost with it.
 */
function drain(incoming: IncomingMessage): void {
  if (incoming.complete) return;
  incoming.removeAllListeners('data');
  incoming.resume();
}

function requestOf(incoming: IncomingMessage, url: URL, signal: AbortSignal): Request {
  const { method = 'GET', rawHeaders } = incoming;
  const headers: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2)
    headers.push([rawHeaders[at] as string, rawHeaders[at + 1] as string]);
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers, signal });
  return new Request(url, { method, headers, signal, body: bodyOf(incoming), duplex: 'half' });
}

/** At most what Node has read already lies here. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        incoming.pause();
        incoming.on('data', (chunk: Uint8Array) => {
          controller.enqueue(chunk);
          incoming.pause();
        });
        incoming.once('end', () => controller.close());
        incoming.once('error', (error) => controller.error(error));
        incoming.once('aborted', () => controller.error(new Error('the body broke off')));
      },
      pull: () => void incoming.resume(),
      cancel: () => drain(incoming),
    },
    { highWaterMark: 0 },
  );
}

function writeHead(outgoing: ServerResponse, { status, headers }: Response): void {
  const fields: string[] = [];
  headers.forEach((value, name) => fields.push(name, value));
  outgoing.writeHead(status, fields);
}

async function pump(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
  { stop, stallMsMax }: { readonly stop: AbortSignal; readonly stallMsMax: number },
): Promise<void> {
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => {}); // it may have ended
  outgoing.once('close', cancel);
  stop.addEventListener('abort', cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || outgoing.destroyed) break;
      if (!outgoing.write(value)) await drained(outgoing, stallMsMax);
    }
    outgoing.end();
  } finally {
    stop.removeEventListener('abort', cancel);
  }
}

/** Resolves when there is room, or nobody there any more. */
function drained(outgoing: ServerResponse, stallMsMax: number): Promise<void> {
  return new Promise((resolve) => {
    const stalled = setTimeout(() => outgoing.destroy(), stallMsMax);
    const end = (): void => {
      clearTimeout(stalled);
      outgoing.off('drain', end);
      outgoing.off('close', end);
      resolve();
    };
    outgoing.once('drain', end);
    outgoing.once('close', end);
    if (outgoing.destroyed) end();
  });
}
