/**
 * Requests and answers over frames, as a service would write them: JSON in a frame, one answer a request, in order.
 * An answer can be lost after the work was done, so what is asked again must carry an id or do no harm twice.
 */
import { isLockstepError, LockstepError } from '../../../src/kernel/errors.ts';
import type { Env, FrameStream, NodeAddress } from 'lockstep/env';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Answers until the process ends. What `answer` throws ends the service, as a failed disk must. */
export async function answerCalls(
  env: Env,
  address: NodeAddress,
  answer: (request: Json) => Json | Promise<Json>,
): Promise<never> {
  return new Promise((_, reject) => {
    const take = (stream: FrameStream): void => {
      talk(stream, answer).catch((error: unknown) => {
        if (!isLockstepError(error, 'unavailable')) reject(error); // a caller that went away is no harm
      });
    };
    env.network.listen(address, take).catch(reject);
  });
}

async function talk(stream: FrameStream, answer: (request: Json) => Json | Promise<Json>): Promise<void> {
  for (;;) {
    const frames = await stream.receive();
    if (frames === null) return stream.close();
    for (const frame of frames) await sendWhole(stream, encode(await answer(decode(frame))));
  }
}

async function sendWhole(stream: FrameStream, frame: Uint8Array): Promise<void> {
  while (stream.send(frame) === 'full') await stream.writable();
}

/**
 * Asks once, over a connection of its own.
 * @throws LockstepError `unavailable` when it was not asked; `unknown` when no answer came in time.
 */
export async function call(env: Env, address: NodeAddress, request: Json, withinMs = 500): Promise<Json> {
  const stream = await env.network.connect(address, { withinMs });
  const timer = env.timers.after(withinMs, () => stream.close()); // `receive` then gives null
  try {
    await sendWhole(stream, encode(request));
    const frames = await stream.receive().catch(() => null);
    if (frames?.[0] !== undefined) return decode(frames[0]);
    throw new LockstepError('unknown', 'the answer was lost', { values: { address } });
  } finally {
    timer.cancel();
    stream.close();
  }
}

/** Asks until there is an answer: only for requests that may arrive twice. */
export async function callUntilAnswered(env: Env, address: NodeAddress, request: Json): Promise<Json> {
  for (;;) {
    try {
      return await call(env, address, request);
    } catch (error) {
      if (!isLockstepError(error) || !error.retry) throw error;
      await env.sleep('50ms');
    }
  }
}

const encode = (value: Json): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const decode = (frame: Uint8Array): Json => JSON.parse(new TextDecoder().decode(frame)) as Json;
