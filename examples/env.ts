/**
 * Two services that use all of a disk, a network, timers and chance through an `Env`, run twice: on this machine, and
 * in the simulator, where the same code meets crashes, torn writes, lost connections and clocks that are off.
 *
 * A meter keeps the highest reading that it was told, and answers once it is durable. A reporter tells it readings in
 * order, and repeats each until it is answered; a reading that arrives twice does no harm.
 */
import { hostEnv, isLockstepError, openHostEnv } from 'lockstep';
import type { Disk, Env, FrameStream, NodeAddress } from 'lockstep/env';
import { simulate } from 'lockstep/sim';

const [textOf, bytesOf] = [
  (bytes: Uint8Array) => new TextDecoder().decode(bytes),
  (text: string) => new TextEncoder().encode(text),
];

/** Serves until `env.signal` aborts. Fails when its disk does: whoever runs it starts it again. */
async function meter(env: Env, address: NodeAddress, onListening?: (at: NodeAddress) => void): Promise<void> {
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
  let highest = Number(readAll(env.disk, 'reading') ?? 0);
  let saved = Promise.resolve(); // one after the other, though streams are served side by side

  async function keep(reading: number): Promise<void> {
    if (reading <= highest) return;
    await replaceFile(env.disk, 'reading', String(reading));
    highest = reading;
  }

  async function serve(stream: FrameStream): Promise<void> {
    for (let frames = await stream.receive(); frames !== null; frames = await stream.receive()) {
      for (const frame of frames) {
        await (saved = saved.then(() => keep(Number(textOf(frame)))));
        stream.send(frame); // `full` or `closed`: the reporter will ask again
      }
    }
  }

  const listener = await env.network.listen(address, (stream) => {
    serve(stream).catch((error: unknown) => {
      stream.close();
      if (!isLockstepError(error, 'unavailable')) fail(error); // a broken stream ends nothing but itself
    });
  });
  env.signal.addEventListener('abort', () => end(), { once: true });
  onListening?.(listener.address);
  await ended.finally(() => listener.close());
}

/** Resolves once every reading was answered. */
async function reporter(env: Env, address: NodeAddress, readings: readonly number[]): Promise<void> {
  for (const reading of readings) {
    while (!(await isAnswered(env, address, reading))) await env.sleep(`${100 + Math.floor(env.random() * 100)}ms`);
  }
}

async function isAnswered(env: Env, address: NodeAddress, reading: number): Promise<boolean> {
  try {
    const stream = await env.network.connect(address, { withinMs: 1_000 });
    const deadline = env.timers.after(1_000, () => stream.close()); // ends the wait below, with null
    stream.send(bytesOf(String(reading)));
    const answers = await stream.receive().finally(() => deadline.cancel());
    stream.close();
    return answers !== null;
  } catch (error) {
    if (isLockstepError(error, 'unavailable')) return false;
    throw error;
  }
}

/** The new content or the old one, whatever happens meanwhile; durable once it resolves. */
async function replaceFile(disk: Disk, path: string, text: string): Promise<void> {
  await disk.remove(`${path}.new`); // of an attempt that a crash ended
  const file = disk.open(`${path}.new`, 'create');
  if (file === null) throw new Error(`two replace ${path} at once`);
  try {
    file.write(bytesOf(text), 0);
    await file.sync(); // the bytes, before any name leads to them
  } finally {
    file.close();
  }
  disk.rename(`${path}.new`, path);
  await disk.syncDirectory(''); // the name
}

function readAll(disk: Disk, path: string): string | null {
  const file = disk.open(path, 'read');
  if (file === null) return null;
  const content = new Uint8Array(file.size());
  file.read(content, 0);
  file.close();
  return textOf(content);
}

const readings = [3, 14, 15, 92, 653];

// This machine.
const stop = new AbortController();
const env = await openHostEnv({ data: './meter-data', signal: stop.signal });
const listening = Promise.withResolvers<NodeAddress>();
const serving = meter(env, '127.0.0.1:0', listening.resolve);
await reporter(hostEnv, await listening.promise, readings);
stop.abort(); // asks; `env.close()` makes
await serving;
console.log(`on this machine: the file says ${readAll(env.disk, 'reading')}`);
await env.close();

// Twenty simulated weathers, and in each the power goes out while the meter is at work.
const { worldMs, eventCount } = await simulate({ seeds: 20 }, async (world) => {
  void world.run('meter', (env) => meter(env, 'meter:4000'));
  const reporting = world.run('reporter', (env) => reporter(env, 'meter:4000', readings), { steady: true });
  await world.sleep('300ms');
  world.crash('meter', { kind: 'power' });
  await world.sleep('30s');
  world.heal(); // from here on it must get there
  await reporting;
  const durable = world.disk('meter').durable('reading');
  if (durable === null || textOf(durable) !== '653') world.fail('what was answered is durable');
});
console.log(
  `in 20 simulated worlds: so does every disk, after ${Math.round(worldMs / 1_000)} s and ${eventCount} events`,
);
