/**
 * Requests and answers over frames, as a service would write them: a value in a frame, one answer a request, in order.
 * An answer can be lost after the work was done, so what is asked again must carry an id or do no harm twice.
 */
import { ValueDecoder } from '../../bytes/value-decode.ts';
import { ValueEncoder } from '../../bytes/value-encode.ts';
import type { Env } from '../../env/env.ts';
import type { FrameStream, NodeAddress } from '../../env/network.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';

/** What can be asked and answered. */
export type Plain =
  | null
  | boolean
  | number
  | string
  | bigint
  | Date
  | Uint8Array
  | readonly Plain[]
  | { readonly [name: string]: Plain | undefined };

/** Answers until the process ends. What `answer` throws ends the service, as a failed disk must. */
export async function answerCalls(
  env: Pick<Env, 'network'>,
  address: NodeAddress,
  answer: (request: Plain) => Plain | Promise<Plain>,
): Promise<never> {
  const codec = new Codec();
  return new Promise((_, reject) => {
    const take = (stream: FrameStream): void => {
      talk(stream, codec, answer).catch((error: unknown) => {
        if (!isLockstepError(error, 'unavailable')) reject(error); // a caller that went away is no harm
      });
    };
    env.network.listen(address, take).catch(reject);
  });
}

async function talk(
  stream: FrameStream,
  codec: Codec,
  answer: (request: Plain) => Plain | Promise<Plain>,
): Promise<void> {
  for (;;) {
    const frames = await stream.receive();
    if (frames === null) return stream.close();
    for (const frame of frames) await sendWhole(stream, codec.encode(await answer(codec.decode(frame))));
  }
}

async function sendWhole(stream: FrameStream, frame: Uint8Array): Promise<void> {
  while (stream.send(frame) === 'full') await stream.writable();
}

/**
 * Asks once, over a connection of its own.
 * @throws LockstepError `unavailable` when it was not asked; `unknown` when no answer came in time; `invalid` for a
 * request with what cannot be stored.
 */
export async function call(
  env: Pick<Env, 'network' | 'timers'>,
  address: NodeAddress,
  request: Plain,
  withinMs = 500,
): Promise<Plain> {
  const codec = new Codec();
  const asked = codec.encode(request);
  const stream = await env.network.connect(address, { withinMs });
  const timer = env.timers.after(withinMs, () => stream.close()); // `receive` then gives null
  try {
    await sendWhole(stream, asked);
    const frames = await stream.receive().catch(() => null);
    if (frames?.[0] !== undefined) return codec.decode(frames[0]);
    throw lost(stream);
  } finally {
    timer.cancel();
    stream.close();
  }
}

/**
 * Asks one address over one stream, in order. A stream that broke, or on which an answer was late, is given up with all that
 * was asked on it; the next request has another.
 */
export class Caller {
  readonly #env: Pick<Env, 'network' | 'timers'>;
  readonly #address: NodeAddress;
  readonly #codec = new Codec();
  #line: Promise<Line> | null = null;

  constructor(env: Pick<Env, 'network' | 'timers'>, address: NodeAddress) {
    this.#env = env;
    this.#address = address;
  }

  /** @throws as `call`. */
  async ask(request: Plain, withinMs: number): Promise<Plain> {
    const asked = this.#codec.encode(request);
    const line = await (this.#line ??= this.#connect(withinMs));
    return line.ask(asked, withinMs);
  }

  close(): void {
    this.#line?.then((line) => line.giveUp()).catch(() => {}); // whoever waits for it is told
    this.#line = null;
  }

  async #connect(withinMs: number): Promise<Line> {
    const { network, timers } = this.#env;
    const forget = (): void => void (this.#line = null);
    try {
      return new Line(await network.connect(this.#address, { withinMs }), timers, this.#codec, forget);
    } catch (error) {
      forget();
      throw error;
    }
  }
}

interface Asked {
  readonly resolve: (answer: Plain) => void;
  readonly reject: (error: LockstepError) => void;
}

/** One stream and what was asked on it, oldest first. */
class Line {
  readonly #stream: FrameStream;
  readonly #timers: Env['timers'];
  readonly #codec: Codec;
  readonly #onEnd: () => void;
  readonly #waiting: Asked[] = [];
  #sent: Promise<void> = Promise.resolve();
  #hasEnded = false;

  constructor(stream: FrameStream, timers: Env['timers'], codec: Codec, onEnd: () => void) {
    this.#stream = stream;
    this.#timers = timers;
    this.#codec = codec;
    this.#onEnd = onEnd;
    void this.#receive();
  }

  ask(frame: Uint8Array, withinMs: number): Promise<Plain> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) return reject(lost(this.#stream));
      const timer = this.#timers.after(withinMs, () => this.giveUp());
      this.#waiting.push({
        resolve: (answer) => (timer.cancel(), resolve(answer)),
        reject: (error) => (timer.cancel(), reject(error)),
      });
      this.#sent = this.#sent.then(() => sendWhole(this.#stream, frame));
    });
  }

  giveUp(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd();
    this.#stream.close();
    for (const { reject } of this.#waiting.splice(0)) reject(lost(this.#stream));
  }

  async #receive(): Promise<void> {
    for (;;) {
      const frames = await this.#stream.receive().catch(() => null);
      if (frames === null) return this.giveUp();
      for (const frame of frames) this.#waiting.shift()?.resolve(this.#codec.decode(frame));
    }
  }
}

const lost = ({ peer }: FrameStream): LockstepError =>
  new LockstepError('unknown', 'the answer was lost', { values: { address: peer } });

/** Asks until there is an answer: only for requests that may arrive twice. */
export async function callUntilAnswered(env: Env, address: NodeAddress, request: Plain): Promise<Plain> {
  for (;;) {
    try {
      return await call(env, address, request);
    } catch (error) {
      if (!isLockstepError(error) || !error.retry) throw error;
      await env.sleep('50ms');
    }
  }
}

/** Keeps its buffers. */
class Codec {
  readonly #encoder = new ValueEncoder();
  readonly #decoder = new ValueDecoder();

  encode(value: Plain): Uint8Array {
    return this.#encoder.encode(value);
  }

  decode(frame: Uint8Array): Plain {
    return this.#decoder.decode(frame);
  }
}
