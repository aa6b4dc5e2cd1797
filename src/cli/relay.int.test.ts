/** The open port of `lockstep dev`, with real servers that come and go behind it. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Relay } from './relay.ts';

let relay: Relay;
let url = '';
const servers: Server[] = [];
beforeEach(async () => {
  relay = new Relay();
  url = await relay.listen(0);
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  await relay.close();
});

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const post = (headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/a?b=c`, { method: 'POST', body: 'data', headers });

test('what comes while nobody serves waits, and goes on with its path, headers and body', async () => {
  const early = [post({ 'x-who': 'ann' }), post({ 'x-who': 'bob' })];
  const echo = await serving((asked, answer) => {
    asked.setEncoding('utf8').on('data', (body: string) => {
      answer
        .writeHead(201, { 'x-was': `${asked.method} ${asked.url} ${String(asked.headers['x-who'])} ${body}` })
        .end();
    });
  });
  relay.open(echo);
  const answers = await Promise.all(early);
  expect(answers.map(({ status, headers }) => [status, headers.get('x-was')])).toEqual([
    [201, 'POST /a?b=c ann data'],
    [201, 'POST /a?b=c bob data'],
  ]);
});

test('it is shut once what had gone on is answered; what comes then goes to the next', async () => {
  const arrived = Promise.withResolvers<() => void>();
  relay.open(await serving((_asked, answer) => arrived.resolve(() => answer.end('old'))));
  const first = post();
  const finish = await arrived.promise;
  let isShut = false;
  const shut = relay.shut().then(() => (isShut = true));
  const second = post();
  expect(isShut).toBe(false);
  finish();
  await shut;
  relay.open(await serving((_asked, answer) => answer.end('new')));
  expect([await (await first).text(), await (await second).text()]).toEqual(['old', 'new']);
});

test('who dies before it answers is asked again where that is safe; else it is unknown what happened', async () => {
  relay.open(await serving((asked) => asked.socket.destroy()));
  const unsafe = await post();
  expect([unsafe.status, await unsafe.json()]).toMatchObject([504, { kind: 'unknown', happened: 'unknown' }]);
  const arrived = Promise.withResolvers<void>();
  relay.open(
    await serving((asked) => {
      asked.socket.destroy();
      arrived.resolve();
    }),
  );
  const safe = post({ 'idempotency-key': 'one' });
  await arrived.promise;
  relay.open(await serving((_asked, answer) => answer.end('done')));
  expect(await (await safe).text()).toBe('done');
});

test('while the app does not start, requests are told why', async () => {
  const waiting = post();
  relay.break('SyntaxError: of course');
  for (const refused of [await waiting, await post()])
    expect([refused.status, await refused.json()]).toMatchObject([503, { advice: ['SyntaxError: of course'] }]);
  relay.mend();
  const mended = post();
  relay.open(await serving((_asked, answer) => answer.end('well')));
  expect(await (await mended).text()).toBe('well');
});
