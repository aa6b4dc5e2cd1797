import { expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import { simulate } from './simulate.ts';

async function echo(env: Env): Promise<void> {
  await env.network.listen('echo:1', (stream) => {
    const serve = async () => {
      for (;;) {
        const frames = await stream.receive();
        if (frames === null) return;
        for (const frame of frames) while (stream.send(frame) === 'full') await stream.writable();
      }
    };
    serve().catch(() => undefined);
  });
  await new Promise(() => undefined);
}

async function client(env: Env, count: number): Promise<number> {
  let answered = 0;
  while (answered < count) {
    try {
      const stream = await env.network.connect('echo:1', { withinMs: 500 });
      while (answered < count) {
        if (stream.send(new Uint8Array([answered & 255])) === 'closed') break;
        const frames = await stream.receive();
        if (frames === null) break;
        expect(frames[0]?.[0]).toBe(answered & 255);
        answered++;
      }
      stream.close();
    } catch {
      await env.sleep('50ms');
    }
  }
  return answered;
}

test('an echo service answers every request in any weather', async () => {
  const started = performance.now();
  const report = await simulate({ seeds: 50 }, async (world) => {
    void world.run('echo', echo);
    const done = world.run('client', (env) => client(env, 200));
    await world.sleep('2s');
    world.heal();
    expect(await done).toBe(200);
  });
  console.log(report, performance.now() - started);
  expect(report.seedCount).toBe(50);
});
