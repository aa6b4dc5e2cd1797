/**
 * The contract of the network port in calm weather: connecting, frames, backpressure, ends. Broken streams need a
 * world that breaks them: see `src/os/network.int.test.ts` and the simulator's own tests.
 */
import { describe, expect } from 'vitest';
import type { Env } from '../../../src/env/env.ts';
import { frameBytesMax, type FrameStream, type Listener, type NodeAddress } from '../../../src/env/network.ts';
import { bytesOf, claimsIn, failureOf, kindOf, type Claim, type World } from './world.ts';

export function networkContract(name: string, world: World): void {
  describe(`${name} keeps the contract of Network`, () => {
    const claim = claimsIn(world);
    const anyPort: NodeAddress = `${world.host}:0`;
    listenClaims(claim, anyPort);
    connectClaims(claim, anyPort);
    frameClaims(claim, anyPort);
    backpressureClaims(claim, anyPort);
    closeClaims(claim, anyPort);
    receiveClaims(claim, anyPort);
  });
}

function listenClaims(claim: Claim, anyPort: NodeAddress): void {
  claim('asked for port 0 it listens on free ones, and says which', async ({ network }) => {
    const listeners = [await network.listen(anyPort, ignore), await network.listen(anyPort, ignore)];
    const ports = listeners.map(({ address }) => Number(address.slice(anyPort.length - 1)));
    for (const { address } of listeners) expect(address.startsWith(anyPort.slice(0, -1))).toBe(true);
    expect(ports.every((port) => port > 0 && port < 65_536)).toBe(true);
    expect(ports[0]).not.toBe(ports[1]);
    for (const listener of listeners) listener.close();
  });

  claim('an address that is taken is in-use, and the one that has it keeps it', async ({ network }) => {
    const streams: FrameStream[] = [];
    const listener = await network.listen(anyPort, (stream) => streams.push(stream));
    expect(await kindOf(() => network.listen(listener.address, ignore))).toBe('in-use');
    const near = await network.connect(listener.address);
    near.send(bytesOf(1));
    near.close();
    listener.close();
  });

  claim('a closed listener takes no more connections, and its address is free', async ({ network }) => {
    const listener = await network.listen(anyPort, ignore);
    listener.close();
    listener.close();
    expect(await kindOf(() => network.connect(listener.address))).toBe('unavailable');
    const next = await network.listen(listener.address, ignore);
    expect(next.address).toBe(listener.address);
    next.close();
  });

  claim('connections that stand stay when the listener is closed', async (env) => {
    const { near, far, listener } = await connectedPair(env, anyPort);
    listener.close();
    near.send(bytesOf(1));
    far.send(bytesOf(2));
    expect([await take(far, 1), await take(near, 1)]).toEqual([[bytesOf(1)], [bytesOf(2)]]);
    near.close();
  });
}

function connectClaims(claim: Claim, anyPort: NodeAddress): void {
  claim('nobody listens there: unavailable', async ({ network }) => {
    const listener = await network.listen(anyPort, ignore);
    listener.close();
    for (let round = 0; round < 3; round++) {
      expect(await kindOf(() => network.connect(listener.address, { withinMs: 2_000 }))).toBe('unavailable');
    }
  });

  claim('a signal that is aborted, before or meanwhile: its reason', async ({ network }) => {
    const listener = await network.listen(anyPort, ignore);
    const [reason, stop] = [new Error('enough'), new AbortController()];
    const connecting = failureOf(() => network.connect(listener.address, { signal: stop.signal }));
    stop.abort(reason);
    expect(await connecting).toBe(reason);
    expect(await failureOf(() => network.connect(listener.address, { signal: stop.signal }))).toBe(reason);
    listener.close();
  });

  claim('a signal that is aborted later does nothing to the stream', async (env) => {
    const stop = new AbortController();
    const { near, far } = await connectedPair(env, anyPort, stop.signal);
    stop.abort(new Error('late'));
    near.send(bytesOf(1));
    expect(await take(far, 1)).toEqual([bytesOf(1)]);
    near.close();
  });

  claim('the end that connects knows the address of the other', async (env) => {
    const { near, far, listener } = await connectedPair(env, anyPort);
    expect(near.peer).toBe(listener.address);
    expect(far.peer).not.toBe(listener.address);
    near.close();
  });

  claim('many connections at once, each with its own frames both ways', async (env) => {
    const listener = await env.network.listen(anyPort, (stream) => void echo(stream));
    const talk = async (id: number): Promise<void> => {
      const near = await env.network.connect(listener.address);
      for (let round = 0; round < 10; round++) {
        near.send(bytesOf(id, round));
        expect(await take(near, 1)).toEqual([bytesOf(id, round)]);
      }
      near.close();
    };
    await Promise.all(Array.from({ length: 40 }, (_, id) => talk(id)));
    listener.close();
  });
}

function frameClaims(claim: Claim, anyPort: NodeAddress): void {
  const frames = [0, 1, 5, 65_536, 0, 70_001, 1_000_000, 2].map((length, index) =>
    Uint8Array.from({ length }, (_, at) => (at * 7 + index) % 256),
  );

  claim('frames arrive whole, in order and unchanged, both ways at once', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    await Promise.all([sendAll(near, frames), sendAll(far, frames), expectAll(near, frames), expectAll(far, frames)]);
    near.close();
  });

  claim('a frame may be changed once it was sent', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    const frame = bytesOf(1, 2, 3);
    near.send(frame);
    frame.fill(9);
    near.send(frame);
    expect(await take(far, 2)).toEqual([bytesOf(1, 2, 3), bytesOf(9, 9, 9)]);
    near.close();
  });

  claim('what arrives is plain arrays, each of its own', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    near.send(bytesOf(1, 2));
    near.send(bytesOf(3, 4));
    const [first, second] = await take(far, 2);
    first?.fill(9);
    expect(second).toEqual(bytesOf(3, 4));
    expect(Object.getPrototypeOf(second)).toBe(Uint8Array.prototype);
    near.close();
  });

  claim('the largest frame is taken; a larger one is misuse and harms nothing', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    expect(await kindOf(() => near.send(new Uint8Array(frameBytesMax + 1)))).toBe('misuse');
    const largest = new Uint8Array(frameBytesMax);
    largest[frameBytesMax - 1] = 7;
    expect(near.send(largest)).toBe('sent');
    const [arrived] = await take(far, 1);
    expect([arrived?.length, arrived?.at(-1)]).toEqual([frameBytesMax, 7]);
    near.close();
  });
}

function backpressureClaims(claim: Claim, anyPort: NodeAddress): void {
  claim('too much under way is full, and takes nothing; writable says when it goes on', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    const sentCount = sendUntilFull(near, 0);
    const received = take(far, sentCount);
    await near.writable();
    expect(near.send(numbered(sentCount))).toBe('sent');
    expectNumbered(await received);
    expect((await take(far, 1))[0]?.[0]).toBe(sentCount % 256);
    near.close();
  });

  claim('writable resolves at once when there is room', async (env) => {
    const { near } = await connectedPair(env, anyPort);
    await near.writable();
    near.close();
  });

  claim('not asking holds the sender back, and loses nothing', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    let sentCount = 0;
    for (let held = false; !held;) {
      sentCount = sendUntilFull(near, sentCount);
      const waited = env.sleep('40ms').then(() => true);
      held = await Promise.race([near.writable().then(() => false), waited]);
    }
    near.close();
    expectNumbered(await take(far, sentCount));
    expect(await far.receive()).toBeNull();
  });
}

function closeClaims(claim: Claim, anyPort: NodeAddress): void {
  claim('close sends what is queued, then ends the stream: null, again and again', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    const sentCount = sendUntilFull(near, 0);
    near.close();
    near.close();
    expectNumbered(await take(far, sentCount));
    expect([await far.receive(), await far.receive()]).toEqual([null, null]);
    expect(far.send(bytesOf(1))).toBe('closed');
    await far.writable();
    far.close();
  });

  claim('the end that closed takes nothing more and gives null', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    far.send(bytesOf(1));
    await env.sleep('5ms');
    near.close();
    expect(near.send(bytesOf(2))).toBe('closed');
    expect([await near.receive(), await near.receive()]).toEqual([null, null]);
    await near.writable();
    expect(await far.receive()).toBeNull();
  });

  claim('close ends a receive that waits', async (env) => {
    const { near } = await connectedPair(env, anyPort);
    const waiting = near.receive();
    near.close();
    expect(await waiting).toBeNull();
  });

  claim('close lets a sender that waits go on, to learn it', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    sendUntilFull(near, 0);
    const waiting = near.writable();
    near.close();
    await waiting;
    expect(near.send(bytesOf(1))).toBe('closed');
    while ((await far.receive()) !== null);
  });

  claim('both ends may close at once', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    near.send(bytesOf(1));
    far.send(bytesOf(2));
    near.close();
    far.close();
    expect([await near.receive(), await far.receive()]).toEqual([null, null]);
  });

  claim('a closed stream leaves the others of its listener alone', async (env) => {
    const listener = await env.network.listen(anyPort, (stream) => void echo(stream));
    const [one, other] = [await env.network.connect(listener.address), await env.network.connect(listener.address)];
    one.close();
    other.send(bytesOf(1));
    expect(await take(other, 1)).toEqual([bytesOf(1)]);
    other.close();
    listener.close();
  });
}

function receiveClaims(claim: Claim, anyPort: NodeAddress): void {
  claim('receive waits for at least one frame', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    const receiving = far.receive();
    env.timers.after(3, () => near.send(bytesOf(1)));
    expect(await receiving).toEqual([bytesOf(1)]);
    near.close();
  });

  claim('receive gives each frame once', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    for (let index = 0; index < 100; index++) {
      near.send(bytesOf(index));
      if (index % 10 === 0) await env.sleep('1ms');
    }
    expectNumbered(await take(far, 100));
    near.close();
    expect(await far.receive()).toBeNull();
  });

  claim('a second receive at a time is misuse, and the first still gets its frames', async (env) => {
    const { near, far } = await connectedPair(env, anyPort);
    const first = far.receive();
    expect(await kindOf(() => far.receive())).toBe('misuse');
    near.send(bytesOf(1));
    expect(await first).toEqual([bytesOf(1)]);
    near.close();
  });
}

const ignore = (): void => undefined;

interface Pair {
  readonly near: FrameStream;
  readonly far: FrameStream;
  readonly listener: Listener;
}

/** The two ends of one stream. */
async function connectedPair({ network }: Env, anyPort: NodeAddress, signal?: AbortSignal): Promise<Pair> {
  const accepted = Promise.withResolvers<FrameStream>();
  const listener = await network.listen(anyPort, accepted.resolve);
  const near = await network.connect(listener.address, { signal });
  return { near, far: await accepted.promise, listener };
}

async function echo(stream: FrameStream): Promise<void> {
  for (let frames = await stream.receive(); frames !== null; frames = await stream.receive()) {
    await sendAll(stream, frames);
  }
}

async function sendAll(stream: FrameStream, frames: readonly Uint8Array[]): Promise<void> {
  for (const frame of frames) {
    while (stream.send(frame) === 'full') await stream.writable();
  }
}

/** The next `count` frames. */
async function take(stream: FrameStream, count: number): Promise<readonly Uint8Array[]> {
  const taken: Uint8Array[] = [];
  while (taken.length < count) {
    const frames = await stream.receive();
    if (frames === null) throw new Error(`the stream ended after ${taken.length} of ${count} frames`);
    expect(frames.length).toBeGreaterThan(0);
    taken.push(...frames);
  }
  expect(taken).toHaveLength(count);
  return taken;
}

async function expectAll(stream: FrameStream, frames: readonly Uint8Array[]): Promise<void> {
  for (const [index, frame] of (await take(stream, frames.length)).entries()) {
    const expected = frames[index] as Uint8Array;
    expect(frame.length).toBe(expected.length);
    expect(frame.every((byte, at) => byte === expected[at])).toBe(true);
  }
}

/** 64 KiB that begin with the number, modulo 256. */
const numbered = (index: number): Uint8Array => new Uint8Array(65_536).fill(index, 0, 1);

/** Sends numbered frames until the stream is full; how many were sent in all. */
function sendUntilFull(stream: FrameStream, sentBefore: number): number {
  for (let index = sentBefore; index < 4_096; index++) {
    const answer = stream.send(numbered(index));
    if (answer === 'full') return index;
    expect(answer).toBe('sent');
  }
  throw new Error('256 MiB are under way, and the stream is not full');
}

function expectNumbered(frames: readonly Uint8Array[]): void {
  for (const [index, frame] of frames.entries()) expect(frame[0]).toBe(index % 256);
}
