/** A real server on a real port, and callers that mean no good: the right status, bounded memory, and a node that goes on. */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { connect } from '../client/connect.ts';
import type { Connection } from '../machine/connection.ts';
import { hostOf, raw, socketTo } from '../../test/servers/callers.ts';
import { api, note, Notes, write } from '../../test/servers/notes.ts';
import type { HttpServer, ServeOptions } from './node.ts';

const notes = new Notes();
const served = (options?: ServeOptions): Promise<HttpServer> => notes.serve(options);

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
    ['a path that climbs', 400, 'GET /api/../../etc/passwd HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['a path with a null', 404, 'GET /api/%00 HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['a broken escape', 404, 'GET /api/machines/%ff/state?key=%ff HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    [
      'a slash that is encoded',
      404,
      'GET /api/machines%2fnote/state?key=a HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n',
    ],
    [
      'dots that are encoded',
      400,
      'GET /api/%2e%2e/machines/note/state?key=a HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n',
    ],
    [
      'dots within',
      400,
      'GET /api/machines/note/./../../../healthz/x?key=a HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n',
    ],
    ['backslashes', 400, 'GET /api\\..\\machines\\note HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    [
      'a name of the prototype',
      404,
      'GET /api/machines/__proto__/state?key=a HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n',
    ],
    ['an empty name', 404, 'GET /api/machines//state?key=a HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['a fragment', 400, 'GET /api/machines/note#/state?key=a HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['a path that is too long', 431, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHOST\r\n\r\n`],
    [
      'a long path that is not too long',
      404,
      `GET /api/${'x/'.repeat(4_000)} HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n`,
    ],
    [
      'a host that has a path',
      400,
      'GET /state HTTP/1.1\r\nhost: localhost/api/machines/note\r\nconnection: close\r\n\r\n',
    ],
    ["a proxy's request", 400, 'OPTIONS * HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
    ['HTTP of another version', 400, 'GET / HTTP/9.9\r\nHOST\r\n\r\n'],
    [
      'a chunk that is none',
      400,
      'POST /api/machines/note/commands/Write?key=a HTTP/1.1\r\nHOST\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    ],
    [
      'a body of no type',
      415,
      'POST /api/machines/note/commands/Write?key=a HTTP/1.1\r\nHOST\r\ncontent-length: 2\r\nconnection: close\r\n\r\n""',
    ],
    [
      'a body that is no JSON',
      400,
      'POST /api/machines/note/commands/Write?key=a HTTP/1.1\r\nHOST\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{]',
    ],
    [
      'a length that is too large',
      413,
      'POST /api/machines/note/commands/Write?key=a HTTP/1.1\r\nHOST\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\nconnection: close\r\n\r\n',
    ],
    ['another method', 405, 'DELETE /api/machines/note/state?key=a HTTP/1.1\r\nHOST\r\nconnection: close\r\n\r\n'],
  ])('%s is answered with %i', async (_what, status, bytes) => {
    const to = await served();
    expect(await raw(to, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect((await write(to.url, 'after', 'still here')).status).toBe(200);
  });

  test('a body that is too large is refused while it comes, and dropped', async () => {
    const to = await served();
    const socket = socketTo(to);
    socket.write(
      `POST /api/machines/note/commands/Write?key=big HTTP/1.1\r\n${hostOf(to)}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
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
      `POST /api/machines/note/commands/Write?key=half HTTP/1.1\r\n${hostOf(to)}content-type: application/json\r\ncontent-length: 100\r\n\r\n"ha`,
    );
    await once(socket, 'ready');
    socket.destroy();
    expect((await write(to.url, 'half', 'whole')).status).toBe(200);
    expect((await notes.node.read(note, 'half')).state.count).toBe(1);
  });

  test('headers and bodies that dribble are cut off', async () => {
    const to = await served({ serverLimits: { headersMsMax: 150, requestMsMax: 200 } });
    const cut = await Promise.all([
      raw(to, `GET /healthz HTTP/1.1\r\n${hostOf(to)}x: `),
      raw(to, `POST /api/machines/note/commands/Write?key=a HTTP/1.1\r\n${hostOf(to)}content-length: 9\r\n\r\n"`),
    ]);
    for (const text of cut) expect(text).toMatch(/^HTTP\/1.1 408 /);
  });

  test('many that dribble their headers or bodies are cut off, and keep nobody waiting', async () => {
    const to = await served({ serverLimits: { headersMsMax: 1_000, requestMsMax: 1_500 } });
    const begun = [
      `GET /healthz HTTP/1.1\r\n${hostOf(to)}x: `,
      `POST /api/x HTTP/1.1\r\n${hostOf(to)}content-length: 9\r\n\r\n`,
    ];
    const sockets = Array.from({ length: 200 }, (_, at) => {
      const socket = socketTo(to);
      socket.write(begun[at % 2] as string);
      const dribble = setInterval(() => socket.write('x'), 60);
      socket.once('close', () => clearInterval(dribble));
      return socket;
    });
    await expect.poll(() => to.connectionCount(), { timeout: 5_000 }).toBeGreaterThanOrEqual(200);
    expect((await write(to.url, 'dribble', 'not waiting')).status).toBe(200);
    await expect.poll(() => sockets.every(({ closed }) => closed), { timeout: 10_000 }).toBe(true);
  });

  test('nobody waits for 500 connections that ask nothing, and closing does not either', async () => {
    const to = await served();
    const sockets = Array.from({ length: 500 }, () => socketTo(to));
    await expect.poll(() => to.connectionCount(), { timeout: 5_000 }).toBe(500);
    expect((await write(to.url, 'idle', 'beside them')).status).toBe(200);
    const since = performance.now();
    await to.close();
    expect(performance.now() - since).toBeLessThan(4_000); // it would wait 5 s for what was begun
    await expect.poll(() => sockets.every(({ closed }) => closed)).toBe(true);
  });

  test('many streams that are never read hold no memory of their own, are cut off, and keep no other stream waiting', async () => {
    const to = await served({ serverLimits: { stallMsMax: 400 } });
    const ask = `GET /api/machines/note/events?key=flood HTTP/1.1\r\n${hostOf(to)}accept: text/event-stream\r\n\r\n`;
    const unread = Array.from({ length: 20 }, () => {
      const socket = socketTo(to);
      socket.write(ask);
      return socket.pause();
    });
    const events = connect(to.url).events(note, { key: 'flood' })[Symbol.asyncIterator]();
    const text = 'x'.repeat(64_000);
    const bytesBefore = process.memoryUsage().arrayBuffers;
    let bytesMost = 0;
    for (let at = 0; at < 160; at += 20) {
      await Promise.all(Array.from({ length: 20 }, () => notes.node.send(note, 'flood', 'Write', text)));
      for (let read = 0; read < 20; read++) await events.next();
      bytesMost = Math.max(bytesMost, process.memoryUsage().arrayBuffers - bytesBefore);
    }
    await events.return?.();
    expect(bytesMost).toBeLessThan(32 * 1_048_576); // each for itself they would hold 10 MB
    await expect.poll(() => to.connectionCount(), { timeout: 5_000 }).toBe(0);
    for (const socket of unread) socket.destroy();
  });

  test('a stream that is never read is cut, and not even half of it was read ahead', async () => {
    let read = 0;
    const counted: Connection = {
      send: (...input) => notes.node.send(...input),
      read: (...input) => notes.node.read(...input),
      query: (...input) => notes.node.query(...input),
      watch: (...input) => notes.node.watch(...input),
      async *events(...input) {
        for await (const event of notes.node.events(...input)) {
          read++;
          yield event;
        }
      },
    };
    const mounts = { '/counted': api.handler(counted, { base: '/counted' }) };
    const to = await served({ mounts, serverLimits: { stallMsMax: 200 } });
    const text = 'x'.repeat(64_000);
    const all = 400; // 25 MB: the system itself takes a few
    await Promise.all(Array.from({ length: all }, () => notes.node.send(note, 'unread', 'Write', text)));
    const socket = socketTo(to);
    socket.pause();
    socket.write(
      `GET /counted/machines/note/events?key=unread HTTP/1.1\r\n${hostOf(to)}accept: text/event-stream\r\n\r\n`,
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
