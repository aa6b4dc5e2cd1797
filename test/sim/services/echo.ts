/** Says back what it hears, over frames and over the web; and a client that asks until it is answered. */
import type { Env, FrameStream, NodeAddress } from 'lockstep/env';

export async function echo(env: Env, address: NodeAddress): Promise<void> {
  await env.network.listen(address, (stream) => {
    sayBack(stream).catch(() => undefined); // the caller went away: it will come again
  });
  await new Promise(() => undefined);
}

async function sayBack(stream: FrameStream): Promise<void> {
  for (;;) {
    const frames = await stream.receive();
    if (frames === null) return stream.close();
    for (const frame of frames) while (stream.send(frame) === 'full') await stream.writable();
  }
}

export async function webEcho(request: Request): Promise<Response> {
  return new Response(await request.text(), { status: 200 });
}

/** Gives the answers to all requests, in order, however often a connection breaks or nobody answers in time. */
export async function askEcho(env: Env, address: NodeAddress, requests: readonly string[]): Promise<readonly string[]> {
  const answers: string[] = [];
  while (answers.length < requests.length) {
    try {
      const stream = await env.network.connect(address, { withinMs: 300 });
      await askOver(env, stream, requests, answers);
      stream.close();
    } catch {
      await env.sleep('20ms');
    }
  }
  return answers;
}

/** One request after the other, until all are answered, the stream has ended, or an answer takes too long. */
async function askOver(env: Env, stream: FrameStream, requests: readonly string[], answers: string[]): Promise<void> {
  for (let request = requests[answers.length]; request !== undefined; request = requests[answers.length]) {
    while (stream.send(new TextEncoder().encode(request)) === 'full') await stream.writable();
    const timer = env.timers.after(400, () => stream.close()); // `receive` then gives null
    const frames = await stream.receive();
    timer.cancel();
    const answer = frames?.[0];
    if (answer === undefined) return;
    answers.push(new TextDecoder().decode(answer));
    await env.sleep('20ms');
  }
}

export async function askWebEcho(env: Env, url: string, requests: readonly string[]): Promise<readonly string[]> {
  const answers: string[] = [];
  while (answers.length < requests.length) {
    try {
      const response = await env.fetch(url, { method: 'POST', body: requests[answers.length] ?? '' });
      answers.push(await response.text());
      await env.sleep('20ms');
    } catch {
      await env.sleep('20ms');
    }
  }
  return answers;
}
