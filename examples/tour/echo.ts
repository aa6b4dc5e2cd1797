/**
 * The tour's services. Each is an async function of an `Env`, and knows nothing of the simulator: on a real machine
 * it is called with `hostEnv` instead, and does the same over real sockets.
 */
import type { Env, FrameStream, NodeAddress } from 'lockstep/env';

/** Says back every frame that it gets, on every connection, until its process ends. */
export async function echo({ network }: Env, address: NodeAddress): Promise<never> {
  await network.listen(address, (stream) => {
    sayBack(stream).catch(() => undefined); // the connection broke: whoever asked will ask again
  });
  return new Promise(() => undefined);
}

async function sayBack(stream: FrameStream): Promise<void> {
  for (;;) {
    const frames = await stream.receive();
    if (frames === null) return stream.close(); // the other end has closed
    for (const frame of frames) while (stream.send(frame) === 'full') await stream.writable();
  }
}

/** Asks one question after the other; when there is no answer, another server, until there is one. */
export async function client(
  env: Env,
  servers: readonly NodeAddress[],
  questions: readonly string[],
  onAnswer: (question: string, answer: string) => void,
): Promise<void> {
  let server = 0;
  for (const question of questions) {
    let answer: string | null = null;
    while (answer === null) {
      answer = await ask(env, servers[server % servers.length] ?? 's1:7', question);
      if (answer === null) server++;
    }
    onAnswer(question, answer);
    await env.sleep('20ms');
  }
}

/** The planted bug: one question, one attempt. Nobody notices while the network is kind. */
export async function clientWithoutRetry(
  env: Env,
  servers: readonly NodeAddress[],
  questions: readonly string[],
  onAnswer: (question: string, answer: string) => void,
): Promise<void> {
  for (const [index, question] of questions.entries()) {
    const answer = await ask(env, servers[index % servers.length] ?? 's1:7', question);
    if (answer !== null) onAnswer(question, answer);
    await env.sleep('20ms');
  }
}

/** Null: the server cannot be reached, the connection broke, or 100 ms went by. */
async function ask({ network, timers }: Env, server: NodeAddress, question: string): Promise<string | null> {
  try {
    const stream = await network.connect(server, { withinMs: 100 });
    const timer = timers.after(100, () => stream.close()); // `receive` then gives null
    stream.send(new TextEncoder().encode(question));
    const frames = await stream.receive();
    timer.cancel();
    stream.close();
    return frames?.[0] === undefined ? null : new TextDecoder().decode(frames[0]);
  } catch {
    return null;
  }
}
