/** The proxy between clients and servers of the chaos: what each of its faults does, and that it loses no bytes otherwise. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

let echo: Server;
let proxy: TcpProxy;
let serverSaw = '';
let clients: Socket[] = [];

beforeEach(async () => {
  [serverSaw, clients] = ['', []];
  echo = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {}); // cut by the test
    socket.on('data', (chunk) => {
      serverSaw += chunk.toString();
      echo.emit('saw');
      socket.write(chunk);
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await startTcpProxy(address.port);
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

async function openClient(): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {}); // told by 'close'
  clients.push(socket);
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), closed(socket)]);
  return socket;
}

/** `once` would reject with the error that comes before. */
const closed = (socket: Socket): Promise<'closed'> =>
  socket.destroyed
    ? Promise.resolve('closed')
    : new Promise((resolve) => socket.once('close', () => resolve('closed')));

async function ask(socket: Socket, text: string): Promise<string> {
  const answer = once(socket, 'data') as Promise<[Buffer]>;
  socket.write(text);
  return (await answer)[0].toString();
}

/** Resolves with how long it took. */
async function timed(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

/** Enough for bytes to have arrived, had they been let through. */
const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

test('it carries bytes both ways, however many, and the end of a connection', async () => {
  const client = await openClient();
  expect(await ask(client, 'hello')).toBe('hello');
  let bytes = 0;
  client.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const sent = 12 * 1_024 * 1_024;
  client.end(Buffer.alloc(sent, 'x'));
  await closed(client);
  expect(bytes).toBe(sent);
  expect(proxy.connectionCount).toBe(0);
});

test('a cut resets every connection, and new ones are carried', async () => {
  const [one, two] = [await openClient(), await openClient()];
  await ask(one, 'a');
  await ask(two, 'b');
  const failures: string[] = [];
  for (const client of [one, two])
    client.on('error', (error: NodeJS.ErrnoException) => failures.push(error.code ?? ''));
  proxy.cut();
  await Promise.all([closed(one), closed(two)]);
  expect(failures).toEqual(['ECONNRESET', 'ECONNRESET']);
  expect(await ask(await openClient(), 'c')).toBe('c');
});

test('refusing resets new connections and leaves those that are there, until it heals', async () => {
  const before = await openClient();
  await ask(before, 'a');
  proxy.refuse();
  expect(await closed(await openClient())).toBe('closed');
  expect(await ask(before, 'b')).toBe('b');
  proxy.heal();
  expect(await ask(await openClient(), 'c')).toBe('c');
});

test('a black hole swallows one way alone, and lets go of it in order once it heals', async () => {
  const client = await openClient();
  await ask(client, 'a');
  proxy.blackHole('to-client');
  const saw = once(echo, 'saw');
  client.write('b');
  await saw;
  expect(serverSaw).toBe('ab'); // the request took effect: only the answer is missing
  let answered = '';
  client.on('data', (chunk: Buffer) => (answered += chunk.toString()));
  await aMoment();
  expect(answered).toBe('');
  proxy.heal();
  await once(client, 'data');
  proxy.blackHole('to-server');
  client.write('c');
  client.write('d');
  await aMoment();
  expect([serverSaw, answered]).toEqual(['ab', 'b']);
  const open = await openClient(); // taken, and nothing more
  open.write('e');
  await aMoment();
  expect(serverSaw).toBe('ab');
  const healed = once(echo, 'saw');
  proxy.heal();
  await healed;
  while (serverSaw.length < 5) await once(echo, 'saw');
  expect(serverSaw).toMatch(/^ab(cde|ecd|ced)$/);
});

test('what a black hole held is gone when the connection is cut', async () => {
  const client = await openClient();
  await ask(client, 'a');
  proxy.blackHole('both');
  client.write('b');
  await aMoment();
  proxy.cut();
  proxy.heal();
  expect(await ask(await openClient(), 'c')).toBe('c');
  expect(serverSaw).toBe('ac');
});

test('each way is delayed by itself', async () => {
  const client = await openClient();
  await ask(client, 'a');
  proxy.delay('to-server', 60);
  expect(await timed(ask(client, 'b'))).toBeGreaterThanOrEqual(59);
  proxy.delay('to-client', 60);
  expect(await timed(ask(client, 'c'))).toBeGreaterThanOrEqual(118);
  proxy.delay('both', 3_600_000);
  const answer = ask(client, 'd');
  await aMoment();
  proxy.heal(); // lets go of what was delayed, too
  expect(await answer).toBe('d');
  expect(await ask(client, 'e')).toBe('e');
});

test('a server that is not there resets its clients', async () => {
  await new Promise((resolve) => echo.close(resolve));
  expect(await closed(await openClient())).toBe('closed');
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
});
