/** A real server on a real port, and callers that mean no good: the right status, bounded memory, and a node that goes on. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect as connectSocket, type Socket } from 'node:net';
import { openInMemory } from 'lockstep/sim';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../client/connect.ts';
import { allow } from '../machine/access.ts';
import { defineApp } from '../machine/app.ts';
import type { Connection } from '../machine/connection.ts';
import { machine } from '../machine/machine.ts';
import { unchecked } from '../machine/schema.ts';
import type { LockstepNode } from '../node/node.ts';
import { expose } from './api.ts';
import { serve, type HttpServer, type ServeOptions } from './node.ts';

const note = machine({
  name: 'note',
  initial: () => ({ count: 0 }),
  commands: { Write: unchecked<string>() },
  events: { Written: unchecked<string>() },
  decide: { Write: (_state, text, { event }) => [event('Written', text)] },
  evolve: { Written: ({ count }) => ({ count: count + 1 }) },
});
const api = expose([allow(note, { send: ['Write'], read: true })], async () => ({ actor: 'anybody' }));
const bearer = 'a-secret-that-nobody-guesses';

let node: LockstepNode;
let server: HttpServer | null = null;

beforeAll(async () => {
  node = await openInMemory(defineApp({ name: 'notes', parts: [note] }));
});
afterEach(async () => {
  await server?.close();
  server = null;
});
afterAll(() => node.close());

async function served(options: ServeOptions = {}): Promise<HttpServer> {
  const mounts = { '/api': api.handler(node, { base: '/api' }) };
  server = await serve(node, { port: 0, mounts, ...options });
  return server;
}

const write = (url: string, key: string, text: string): Promise<Response> =>
  fetch(`${url}/api/machines/note/commands/Write?key=${key}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(text),
  });

function socketTo({ url }: HttpServer): Socket {
  const socket = connectSocket(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {}); // being cut off is what these tests are about
  return socket;
}

/** What comes back for these bytes, until the other side ends it. */
async function raw(to: HttpServer, bytes: string): Promise<string> {
  const socket = socketTo(to);
  socket.write(bytes);
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (text += chunk));
  await once(socket, 'close');
  return text;
}

const host = (to: HttpServer): string => `host: ${new URL(to.url).host}\r\n`;

describe('a server', () => {
  test('takes commands, tells states, and streams events to a client that goes on when it comes back', async () => {
    const first = await served();
    const { port } = new URL(first.url);
    const remote = connect(first.url);
    await remote.send(note, 'n-1', 'Write', 'one', { deadline: '5s' });
    expect((await remote.read(note, 'n-1')).state).toEqual({ count: 1 });
    const events = remote.events(note, { key: 'n-1' })[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ data: 'one' });
    await first.close();
    await served({ port: Number(port) });
    await remote.send(note, 'n-1', 'Write', 'two');
    expect((await events.next()).value).toMatchObject({ data: 'two' });
    await events.return?.();
  });

  test('without a secret trusts this machine alone: no page of a browser, no other name', async () => {
    const { url } = await served();
    const state = `${url}/machines/note/state?key=n-1`;
    const port = Number(new URL(url).port);
    expect((await fetch(state)).status).toBe(200);
    expect((await fetch(state, { headers: { origin: 'http://evil.test' } })).status).toBe(401);
    expect((await fetch(state, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(401);
    expect(await statusOf({ port, path: '/machines/note/state?key=n-1', headers: { host: 'evil.test' } })).toBe(401);
    await expect(serve(node, { port: 0, host: '0.0.0.0' })).rejects.toMatchObject({ kind: 'misuse' });
  });

  test('with a secret trusts who bears it, and tells everybody that it lives', async () => {
    const { url } = await served({ bearer });
    const statusWith = async (path: string, authorization?: string) =>
      (await fetch(url + path, authorization === undefined ? {} : { headers: { authorization } })).status;
    expect(await statusWith('/partitions')).toBe(401);
    expect(await statusWith('/partitions', `Bearer ${bearer}x`)).toBe(401);
    expect(await statusWith('/partitions', `Basic ${bearer}`)).toBe(401);
    expect(await statusWith('/partitions', `Bearer ${bearer}`)).toBe(200);
    expect([await statusWith('/healthz'), await statusWith('/readyz')]).toEqual([200, 200]);
    expect((await write(url, 'open', 'for everybody')).status).toBe(200);
  });

  test('a taken port is said to be taken', async () => {
    const { url } = await served();
    await expect(serve(node, { port: Number(new URL(url).port) })).rejects.toMatchObject({ kind: 'in-use' });
  });

  test('closing ends streams and lets what was begun come to its end', async () => {
    const { url } = await served();
    const stream = await fetch(`${url}/api/machines/note/events`, { headers: { accept: 'text/event-stream' } });
    const sent = Promise.all([1, 2, 3].map((text) => write(url, 'closing', String(text))));
    await expect(sent).resolves.toMatchObject([{ status: 200 }, { status: 200 }, { status: 200 }]);
    await server?.close();
    expect(await stream.text()).toContain('data: ');
  });
});

describe('hostile callers', () => {
  test.each([
    ['no HTTP', 400, 'hello\r\n\r\n'],
    ['a header without a name', 400, 'GET / HTTP/1.1\r\n: x\r\n\r\n'],
    ['no host', 400, 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['two lengths', 400, 'POST /x HTTP/1.1\r\nHOST\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc'],
    [
      'a length and chunks',
      400,
      'POST /x HTTP/1.1\r\nHOST\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a header that is too large', 431, `GET / HTTP/1.1\r\nHOST\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['a flood of headers', 431, `GET / HTTP/1.1\r\nHOST\r\n${'a: b\r\n'.repeat(5_000)}\r\n`],
    ['another server in the path', 400, 'GET http://evil.test/healthz HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['a path of another server', 404, 'GET //evil.test/healthz HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['a path that climbs', 404, 'GET /api/../../etc/passwd HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['a path with a null', 404, 'GET /api/%00 HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['a broken escape', 404, 'GET /api/machines/%ff/state?key=%ff HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['another method', 405, 'DELETE /api/machines/note/state?key=a HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
  ])('%s is answered with %i', async (_what, status, bytes) => {
    const to = await served();
    expect(await raw(to, bytes.replace('HOST\r\n', host(to)))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect((await write(to.url, 'after', 'still here')).status).toBe(200);
  });

  test('a body that is too large is refused while it comes, and dropped', async () => {
    const to = await served();
    const socket = socketTo(to);
    socket.write(
      `POST /api/machines/note/commands/Write?key=big HTTP/1.1\r\n${host(to)}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const answered = once(socket, 'data');
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    for (let count = 0; count < 24; count++) socket.write(chunk);
    expect(String((await answered)[0])).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  test('a body that breaks off harms nobody', async () => {
    const to = await served();
    const socket = socketTo(to);
    socket.write(
      `POST /api/machines/note/commands/Write?key=half HTTP/1.1\r\n${host(to)}content-type: application/json\r\ncontent-length: 100\r\n\r\n"ha`,
    );
    await once(socket, 'ready');
    socket.destroy();
    expect((await write(to.url, 'half', 'whole')).status).toBe(200);
    expect((await node.read(note, 'half')).state.count).toBe(1);
  });

  test('headers and bodies that dribble are cut off', async () => {
    const to = await served({ serverLimits: { headersMsMax: 150, requestMsMax: 200 } });
    const cut = await Promise.all([
      raw(to, `GET /healthz HTTP/1.1\r\n${host(to)}x: `),
      raw(to, `POST /api/machines/note/commands/Write?key=a HTTP/1.1\r\n${host(to)}content-length: 9\r\n\r\n"`),
    ]);
    for (const text of cut) expect(text).toMatch(/^HTTP\/1.1 408 /);
  });

  test('a stream that is never read is cut, and not even half of it was read ahead', async () => {
    let read = 0;
    const counted: Connection = {
      send: (...input) => node.send(...input),
      read: (...input) => node.read(...input),
      query: (...input) => node.query(...input),
      watch: (...input) => node.watch(...input),
      async *events(...input) {
        for await (const event of node.events(...input)) {
          read++;
          yield event;
        }
      },
    };
    const mounts = { '/counted': api.handler(counted, { base: '/counted' }) };
    const to = await served({ mounts, serverLimits: { stallMsMax: 200 } });
    const text = 'x'.repeat(16_000);
    const all = 1_500; // 24 MB: the system itself takes a few
    await Promise.all(Array.from({ length: all }, () => node.send(note, 'unread', 'Write', text)));
    const socket = socketTo(to);
    socket.pause();
    socket.write(
      `GET /counted/machines/note/events?key=unread HTTP/1.1\r\n${host(to)}accept: text/event-stream\r\n\r\n`,
    );
    await expect.poll(() => read, { timeout: 5_000 }).toBeGreaterThan(0);
    await expect.poll(() => to.connectionCount(), { timeout: 5_000 }).toBe(0);
    expect(read).toBeLessThan(all / 2);
    socket.destroy();
  });

  test('more connections than allowed are closed, and the others go on', async () => {
    const to = await served({ serverLimits: { connectionsMax: 5 } });
    const sockets = Array.from({ length: 20 }, () => socketTo(to));
    await expect.poll(() => sockets.filter(({ closed }) => closed).length).toBe(15);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => to.connectionCount()).toBe(0);
    expect((await write(to.url, 'after', 'still here')).status).toBe(200);
  });
});

/** `fetch` refuses to name another host. */
function statusOf(about: { readonly port: number; readonly path: string; readonly headers: Record<string, string> }) {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const request = httpRequest({ host: '127.0.0.1', ...about }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  request.once('error', reject);
  request.end();
  return promise;
}
