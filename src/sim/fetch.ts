import type { Fetch } from '../env/fetch.ts';
import type { Process } from './machine.ts';
import type { Letter, Reply, Web } from './web.ts';

/**
 * `fetch` between simulated machines. The request arrives whole or not at all, the answer too; when either is lost
 * the caller gets the web's own `TypeError: fetch failed` after a while and cannot know which it was.
 */
export function fetchOf(process: Process, web: Web): Fetch {
  const { timeline } = process.machine;
  return async (input, init) => {
    if (!process.alive) return new Promise(() => undefined);
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const letter = await timeline.outside(letterOf(request));
    timeline.fingerprint.text(`${letter.method} ${letter.url}`);
    if (letter.body !== null) timeline.fingerprint.bytes(letter.body);
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
      const forget = host.process.onDeath(() => timeline.after(web.fabric.latencyMs(), fail));
      const reply = async (): Promise<void> => {
        const made = await answer(host.answer, letter, timeline);
        host.process.act(() => {
          forget();
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
  timeline: { outside<T>(work: Promise<T>): Promise<T> },
): Promise<Reply> {
  const request = new Request(letter.url, {
    method: letter.method,
    headers: letter.headers.map(([name, value]): [string, string] => [name, value]),
    body: letter.body,
  });
  const response = await handler(request);
  return timeline.outside(replyOf(response));
}

async function letterOf(request: Request): Promise<Letter> {
  const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());
  return { url: request.url, method: request.method, headers: [...request.headers], body };
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
