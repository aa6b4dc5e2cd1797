import type { Fetch } from '../env/fetch.ts';
import type { Process } from './machine.ts';
import type { Timeline } from './timeline.ts';
import type { Letter, Reply, Web } from './web.ts';

/**
 * `fetch` between simulated machines. The request arrives whole or not at all, the answer too; when either is lost
 * the caller gets the web's own `TypeError: fetch failed` after a while and cannot know which it was.
 */
export function fetchOf(process: Process, web: Web): Fetch {
  const { timeline } = process.machine;
  return async (input, init) => {
    if (!process.alive) return new Promise(() => undefined);
    const { request, body } = split(input, init);
    request.signal.throwIfAborted();
    const letter: Letter = {
      url: request.url,
      method: request.method,
      headers: [...request.headers],
      body: body ?? (request.body === null ? null : new Uint8Array(await timeline.outside(request.arrayBuffer()))),
    };
    mix(timeline, letter);
    const pending = process.wait(`${letter.method} ${letter.url}`);
    return new Promise<Response>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        request.signal.removeEventListener('abort', onAbort);
        if (process.pending.delete(pending)) process.notify(settle);
      };
      const onAbort = (): void => finish(() => reject(request.signal.reason));
      request.signal.addEventListener('abort', onAbort, { once: true });
      const fail = (): void => finish(() => reject(new TypeError('fetch failed')));
      const done = (reply: Reply): void => finish(() => resolve(responseOf(reply)));
      process.act(() => exchange(process, web, letter, done, fail));
    });
  };
}

function exchange(process: Process, web: Web, letter: Letter, done: (reply: Reply) => void, fail: () => void): void {
  const here = process.machine.name;
  const there = new URL(letter.url).hostname;
  const { timeline } = process.machine;
  web.carry(
    here,
    there,
    `${letter.method} ${letter.url}`,
    () => {
      const host = web.host(there);
      if (host === undefined) {
        timeline.after(web.fabric.latencyMs(), fail);
        return;
      }
      const forget = host.process.onDeath((kind) => {
        // A kernel that lives on says so, if its word gets through; of anything else the caller hears by silence.
        const told = kind === 'process' && !web.fabric.isCut(there, here);
        timeline.after(told ? web.fabric.latencyMs() : web.fabric.breakAfterMs(), fail);
      });
      const reply = async (): Promise<void> => {
        const made = await answer(host.answer, letter, timeline);
        host.process.act(() => {
          forget();
          mix(timeline, made);
          web.carry(there, here, `${made.status}`, () => done(made), fail);
        });
      };
      host.process.notify(() => void reply());
    },
    fail,
  );
}

/** What the handler answers; a handler that throws is an error of the server, as everywhere on the web. */
async function answer(
  handler: (request: Request) => Promise<Response>,
  letter: Letter,
  timeline: Timeline,
): Promise<Reply> {
  const request = new Request(letter.url, {
    method: letter.method,
    headers: letter.headers.map(([name, value]): [string, string] => [name, value]),
    body: letter.body,
  });
  const response = await handler(request);
  return timeline.outside(replyOf(response));
}

/** Text and bytes are taken as they are: making a stream of them, only to read it again, would cost most of a fetch. */
function split(
  input: string | URL | Request,
  init: RequestInit | undefined,
): { readonly request: Request; readonly body: Uint8Array<ArrayBuffer> | null } {
  const body = init?.body;
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    return { request: new Request(input, init), body: null };
  const request = new Request(input, { ...init, body: null });
  if (request.method === 'GET' || request.method === 'HEAD') {
    throw new TypeError('a request with GET or HEAD has no body');
  }
  if (typeof body === 'string' && !request.headers.has('content-type')) {
    request.headers.set('content-type', 'text/plain;charset=UTF-8');
  }
  return { request, body: typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body) };
}

/** What is said on the web is part of what happened. */
function mix({ fingerprint }: Timeline, { headers, body }: Pick<Letter, 'headers' | 'body'>): void {
  for (const [name, value] of headers) fingerprint.text(`${name}: ${value}`);
  if (body !== null) fingerprint.bytes(body);
}

async function replyOf(response: Response): Promise<Reply> {
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, statusText: response.statusText, headers: [...response.headers], body };
}

function responseOf({ status, statusText, headers, body }: Reply): Response {
  const bodiless = status === 204 || status === 205 || status === 304;
  return new Response(bodiless ? null : body, {
    status,
    statusText,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  });
}
