/**
 * What the contract of the network cannot ask for in calm weather: peers that die, lie, or do not answer, and the
 * limits of the real world.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { FrameStream, NodeAddress } from '../env/network.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { parseAddress, printAddress } from '../env/address.ts';
import { hostLimits, type HostLimits } from './limits.ts';
import { HostNetwork } from './network.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function openNetwork(changes: Partial<HostLimits> = {}): HostNetwork {
  const network = new HostNetwork(hostLimits(changes));
  cleanups.push(() => network.close());
  return network;
}

async function failureOf(promise: Promise<unknown>): Promise<LockstepError> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof LockstepError) return failure;
  throw new Error('no LockstepError was thrown', { cause: failure });
}

/** The stream that the next connection to a new listener brings. */
async function listening(network: HostNetwork): Promise<{ port: number; accepted: Promise<FrameStream> }> {
  const { promise, resolve } = Promise.withResolvers<FrameStream>();
  const listener = await network.listen('127.0.0.1:0', resolve);
  return { port: parseAddress(listener.address).port, accepted: promise };
}

/** Runs a program beside this one; its first line of output is a port. */
async function startPeer(program: string): Promise<{ child: ChildProcess; address: NodeAddress }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, address: `127.0.0.1:${Number(line)}` };
}

const networkUrl = new URL('./network.ts', import.meta.url).href;
const limitsUrl = new URL('./limits.ts', import.meta.url).href;
const peerProgram = `
  import { HostNetwork } from '${networkUrl}';
  import { hostLimits } from '${limitsUrl}';
  const network = new HostNetwork(hostLimits());
  const listener = await network.listen('127.0.0.1:0', (stream) => { stream.send(new Uint8Array([1])); stream.send(new Uint8Array([2])); });
  console.log(listener.address.split(':')[1]);
`;

test('a peer that is killed breaks the stream, after what it had sent', async () => {
  const { child, address } = await startPeer(peerProgram);
  const stream = await openNetwork().connect(address);
  const first = await stream.receive();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const received = [...(first ?? [])];
  let failure: unknown;
  while (failure === undefined) {
    await stream.receive().then(
      (frames) => received.push(...(frames ?? [])),
      (error: unknown) => (failure = error),
    );
  }
  expect(received.map((frame) => frame[0])).toEqual([1, 2]);
  expect(isLockstepError(failure, 'unavailable')).toBe(true);
  expect((await failureOf(stream.receive())).kind).toBe('unavailable');
  expect(stream.send(new Uint8Array(1))).toBe('closed');
  await stream.writable();
});

test('an end without our mark is a break, never an end', async () => {
  const { port, accepted } = await listening(openNetwork());
  connectTcp(port, '127.0.0.1').end();
  expect((await failureOf((await accepted).receive())).kind).toBe('unavailable');
});

test('bytes of another protocol break the stream before any frame comes of them', async () => {
  const { port, accepted } = await listening(openNetwork());
  const socket = connectTcp(port, '127.0.0.1');
  cleanups.push(() => socket.destroy());
  socket.on('error', () => undefined); // it may be cut off while it writes
  socket.write('GET / HTTP/1.1\r\nhost: example.test\r\n\r\n');
  const failure = await failureOf((await accepted).receive());
  expect(failure.kind).toBe('unavailable');
  expect(isLockstepError(failure.cause, 'corrupt')).toBe(true);
});

test('a reset breaks a sender that waits for room', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  cleanups.push(() => server.close());
  await once(server, 'listening');
  const connection = once(server, 'connection');
  const stream = await openNetwork().connect(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [socket] = await connection;
  while (stream.send(new Uint8Array(65_536)) === 'sent');
  const waiting = stream.writable();
  socket.resetAndDestroy();
  await waiting;
  // The system may still take bytes until it hears of the reset; from then on the answer is `closed`.
  while (stream.send(new Uint8Array(65_536)) !== 'closed') await stream.writable();
  expect((await failureOf(stream.receive())).kind).toBe('unavailable');
});

test.skipIf(process.platform === 'win32')(
  'nobody answers: unavailable in time, or the reason of the signal',
  async () => {
    // A stopped process accepts nobody: once its queue is full, the system leaves connections without an answer.
    const { child, address } = await startPeer(`
    import { createServer } from 'node:net';
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
  `);
    child.kill('SIGSTOP');
    const network = openNetwork({ streamCloseMsMax: 100 });
    let unanswered: unknown;
    for (let count = 0; count < 20 && unanswered === undefined; count++) {
      const attempt = network.connect(address, { withinMs: 200 });
      unanswered = await attempt.then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    expect(unanswered).toMatchObject({
      kind: 'unavailable',
      values: { address },
      cause: { message: 'no answer within 200 ms' },
    });

    const [reason, stop] = [new Error('enough'), new AbortController()];
    const attempt = network.connect(address, { withinMs: 60_000, signal: stop.signal });
    setTimeout(() => stop.abort(reason), 5);
    await expect(attempt).rejects.toBe(reason);
  },
);

test('over its limit of streams connecting is overloaded, and whoever is accepted is cut off', async () => {
  const [small, large] = [openNetwork({ streamCountMax: 2 }), openNetwork()];
  const listener = await small.listen('127.0.0.1:0', () => undefined);
  const elsewhere = await large.listen('127.0.0.1:0', () => undefined);
  for (let count = 0; count < 2; count++) await small.connect(elsewhere.address);
  expect(await failureOf(small.connect(elsewhere.address))).toMatchObject({
    kind: 'overloaded',
    values: { streamCountMax: 2 },
  });
  const cutOff = await large.connect(listener.address);
  expect((await failureOf(cutOff.receive())).kind).toBe('unavailable');
});

test('a closed stream whose peer does not ask is cut off at its limit', async () => {
  const [near, far] = [openNetwork({ streamCloseMsMax: 50 }), openNetwork()];
  const { promise: accepted, resolve } = Promise.withResolvers<FrameStream>();
  const listener = await far.listen('127.0.0.1:0', resolve);
  const stream = await near.connect(listener.address);
  const other = await accepted;
  for (let held = false; !held;) {
    while (stream.send(new Uint8Array(65_536)) === 'sent');
    held = await Promise.race([
      stream.writable().then(() => false),
      new Promise<boolean>((done) => setTimeout(() => done(true), 50)),
    ]);
  }
  stream.close();
  await near.close(); // resolves, though the other end never asked
  let failure: unknown;
  while (failure === undefined) await other.receive().catch((error: unknown) => (failure = error));
  expect(isLockstepError(failure, 'unavailable')).toBe(true);
});

test('close sends what is queued, ends every stream and listener, and refuses what comes later', async () => {
  const [network, other] = [openNetwork(), openNetwork()];
  const { promise: accepted, resolve } = Promise.withResolvers<FrameStream>();
  const listener = await other.listen('127.0.0.1:0', resolve);
  const own = await network.listen('127.0.0.1:0', () => undefined);
  const stream = await network.connect(listener.address);
  const far = await accepted;
  stream.send(new Uint8Array([7]));
  await network.close();
  expect(await far.receive()).toEqual([new Uint8Array([7])]);
  expect(await far.receive()).toBeNull();
  expect((await failureOf(network.connect(listener.address))).kind).toBe('stopped');
  expect((await failureOf(network.listen('127.0.0.1:0', () => undefined))).kind).toBe('stopped');
  expect((await failureOf(other.connect(own.address))).kind).toBe('unavailable');
});

test('an address is a host and a port, with brackets around IPv6', () => {
  expect(parseAddress('node-1.internal:4000')).toEqual({ host: 'node-1.internal', port: 4_000 });
  expect(parseAddress(printAddress('::1', 0))).toEqual({ host: '::1', port: 0 });
  expect([printAddress('::1', 1), printAddress('127.0.0.1', 2)]).toEqual(['[::1]:1', '127.0.0.1:2']);
  for (const wrong of ['here', ':1', 'a:b', '::1:80', 'a b:1', 'a:65536', 'a:-1', 'a:1.5', 'http://a:1']) {
    expect(() => parseAddress(wrong as NodeAddress)).toThrow(/^an address is a host, a colon and a port/);
  }
});

test("an address that is not this machine's is misuse to listen at", async () => {
  expect(await failureOf(openNetwork().listen('192.0.2.1:0', () => undefined))).toMatchObject({
    kind: 'misuse',
    values: { address: '192.0.2.1:0', code: 'EADDRNOTAVAIL' },
  });
});
