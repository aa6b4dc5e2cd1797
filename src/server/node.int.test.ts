/** A real server on a real port: who is let in, what it serves, and how it ends. */
import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { connect } from '../client/connect.ts';
import { note, Notes, write } from '../../test/servers/notes.ts';
import { serve, type HttpServer, type ServeOptions } from './node.ts';

const bearer = 'a-secret-that-nobody-guesses';
const notes = new Notes();
const served = (options?: ServeOptions): Promise<HttpServer> => notes.serve(options);

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
    await expect(serve(notes.node, { port: 0, host: '0.0.0.0' })).rejects.toMatchObject({ kind: 'misuse' });
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
    await expect(serve(notes.node, { port: Number(new URL(url).port) })).rejects.toMatchObject({ kind: 'in-use' });
  });

  test('closing ends streams and lets what was begun come to its end', async () => {
    const server = await served();
    const { url } = server;
    const stream = await fetch(`${url}/api/machines/note/events`, { headers: { accept: 'text/event-stream' } });
    const sent = Promise.all([1, 2, 3].map((text) => write(url, 'closing', String(text))));
    await expect(sent).resolves.toMatchObject([{ status: 200 }, { status: 200 }, { status: 200 }]);
    await server.close();
    expect(await stream.text()).toContain('data: ');
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
