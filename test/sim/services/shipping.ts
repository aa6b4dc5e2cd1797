/**
 * Ships a list of records to another node, many under way at once: streams keep their order, so the receiver only
 * says how many it has. After a break the sender goes on from there; what arrives twice is known by its number.
 */
import type { Env, FrameStream, NodeAddress } from 'lockstep/env';

const frameBytes = 40;

/** `held` is the last number that arrived; `onGap` is told when a number came too early. */
export async function receiver(
  env: Env,
  address: NodeAddress,
  held: { count: number },
  onGap: (number: number) => void,
): Promise<never> {
  const take = async (stream: FrameStream): Promise<void> => {
    send(stream, held.count); // where to go on from
    for (let frames = await stream.receive(); frames !== null; frames = await stream.receive()) {
      for (const frame of frames) {
        const number = numberOf(frame);
        if (number === held.count + 1) held.count = number;
        else if (number > held.count) onGap(number);
      }
      send(stream, held.count);
      await env.sleep('5ms'); // the work, slower than the sender
    }
    stream.close();
  };
  await env.network.listen(address, (stream) => {
    take(stream).catch(() => undefined); // the sender comes again
  });
  return new Promise(() => undefined);
}

export interface SenderOptions {
  readonly count: number;
  /** False is a planted bug: what the stream did not take is gone. */
  readonly heedsFull: boolean;
}

export async function shipper(env: Env, to: NodeAddress, options: SenderOptions): Promise<void> {
  const progress = { held: 0 };
  while (progress.held < options.count) {
    try {
      const stream = await env.network.connect(to, { withinMs: 300 });
      await shipOver(env, stream, options, progress);
      stream.close();
    } catch {
      await env.sleep('20ms'); // the receiver cannot be reached, or the connection broke
    }
  }
}

/** Sends and listens at once, until all is held, the stream has ended, or nothing is heard for a second. */
async function shipOver(
  env: Env,
  stream: FrameStream,
  options: SenderOptions,
  progress: { held: number },
): Promise<void> {
  let next: number | null = null;
  let sending: Promise<void> = Promise.resolve();
  while (progress.held < options.count) {
    const timer = env.timers.after(1_000, () => stream.close()); // `receive` then gives null
    const frames = await stream.receive();
    timer.cancel();
    const newest = frames?.at(-1);
    if (newest === undefined) break;
    progress.held = Math.max(progress.held, numberOf(newest));
    if (next !== null) continue;
    next = progress.held + 1;
    sending = ship(env, stream, next, options);
  }
  stream.close();
  await sending;
}

async function ship(env: Env, stream: FrameStream, first: number, options: SenderOptions): Promise<void> {
  const { count, heedsFull } = options;
  for (let number = first; number <= count; number++) {
    if (number % 10 === 0) await env.sleep('10ms'); // fetches the next ten
    let outcome = send(stream, number);
    while (outcome === 'full' && heedsFull) {
      await stream.writable();
      outcome = send(stream, number);
    }
    if (outcome === 'closed') return;
  }
}

function send(stream: FrameStream, number: number): 'sent' | 'full' | 'closed' {
  const frame = new Uint8Array(frameBytes);
  new DataView(frame.buffer).setUint32(0, number);
  return stream.send(frame);
}

const numberOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint32(0);
