/** Bugs of the simulator that were found once, each with the world that showed it. */
import { expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import { simulate, type SimulateOptions } from './simulate.ts';
import type { World } from './world.ts';

const forever = (): Promise<never> => new Promise(() => undefined);

/** Sends numbers in a row over one stream after another; the server looks that none is out of order, and none late. */
function numbered(world: World): void {
  const watch = async (env: Env): Promise<void> => {
    await env.network.listen('server:1', (stream) => {
      const listen = async (): Promise<void> => {
        let [next, broken] = [0, false];
        for (;;) {
          const frames = await stream.receive().catch(() => []);
          if (frames === null || (broken && frames.length === 0)) return;
          if (frames.length === 0) {
            broken = true;
            await env.sleep('200ms');
          }
          if (broken && frames.length > 0) world.fail('a frame was given out after the break was told');
          for (const frame of frames) if (frame[0] !== next++ % 256) world.fail('a frame was overtaken');
        }
      };
      void listen();
    });
    await forever();
  };
  const send = async (env: Env): Promise<void> => {
    for (;;) {
      try {
        const stream = await env.network.connect('server:1', { withinMs: 300 });
        for (let next = 0; stream.send(new Uint8Array([next])) === 'sent'; next++) await env.sleep('1ms');
        stream.close();
      } catch {
        await env.sleep('20ms');
      }
    }
  };
  void world.run('server', watch, { steady: true });
  void world.run('client', send);
}

test('frames do not overtake each other when a link is mended, and none comes after a break', async () => {
  const weather = { cutEveryMs: 100, cutForMs: [10, 400], lossChance: 0.002, latencyMs: [1, 20] } as const;
  await simulate({ seeds: 60, weather, twice: false }, async (world) => {
    numbered(world);
    await world.sleep('1500ms');
  });
});

test('fetch is no failure detector: of a lost machine, or a crash behind a cut link, its caller hears by silence', async () => {
  for (const kind of ['power', 'process'] as const) {
    await simulate({ seeds: 3, weather: 'calm' }, async (world) => {
      world.serve('web.test', async (_request, env) => {
        await env.sleep('10s');
        return new Response('late');
      });
      let heardMs = -1;
      void world.run('client', async ({ fetch }) => {
        await fetch('http://web.test/').catch(() => (heardMs = world.nowMs));
        await forever();
      });
      await world.sleep('100ms');
      if (kind === 'process') world.isolate('web.test');
      world.crash('web.test', { kind, restart: 'never' });
      await world.sleep('500ms');
      expect(heardMs).toBe(-1);
      await world.until('it hears', () => heardMs > 0, { within: '10s' });
    });
  }
});

test('whatever differs in what is said, written, synced or noted differs in the fingerprint', async () => {
  const web = (world: World, answer: () => Response) => world.serve('web.test', async () => answer());
  const listening = async (world: World, ports: readonly number[]): Promise<void> => {
    void world.run('server', async ({ network }) => {
      for (const port of ports) await network.listen(`server:${port}`, () => undefined);
      await forever();
    });
    await world.sleep('50ms');
  };
  const scenarios: Record<string, (world: World, odd: boolean) => Promise<unknown>> = {
    'body of an answer': (world, odd) => {
      web(world, () => new Response(odd ? 'a' : 'b'));
      return world.run('client', async ({ fetch }) => (await fetch('http://web.test/')).text());
    },
    'header of an answer': (world, odd) => {
      web(world, () => new Response('', { headers: { 'x-odd': String(odd) } }));
      return world.run('client', ({ fetch }) => fetch('http://web.test/'));
    },
    'header of a request': (world, odd) => {
      web(world, () => new Response(''));
      return world.run('client', ({ fetch }) => fetch('http://web.test/', { headers: { 'x-odd': String(odd) } }));
    },
    'a draw that nobody sees': (world, odd) =>
      world.run('node', async ({ random, sleep }) => {
        if (odd) random();
        void sleep('1s');
      }),
    'a note': async (world, odd) => world.note('world', odd ? 'odd' : 'even'),
    'where a write goes': (world, odd) =>
      world.run('node', async ({ disk }) => disk.open('f', 'create')?.write(new Uint8Array([1]), odd ? 1 : 2)),
    'how long a file is': (world, odd) =>
      world.run('node', async ({ disk }) => disk.open('f', 'create')?.truncate(odd ? 1 : 2)),
    'which file is synced': (world, odd) =>
      world.run('node', async ({ disk }) => {
        const files = [disk.open('a', 'create'), disk.open('b', 'create')];
        await files[odd ? 0 : 1]?.sync();
      }),
    'where a connection goes': async (world, odd) => {
      await listening(world, [1, 2]);
      await world.run('client', ({ network }) => network.connect(odd ? 'server:1' : 'server:2'));
    },
    'which of two streams is first': async (world, odd) => {
      await listening(world, [1]);
      await world.run('client', async ({ network, sleep }) => {
        const streams = [await network.connect('server:1'), await network.connect('server:1')];
        for (const stream of odd ? streams : streams.reverse()) stream.send(new Uint8Array(1));
        await sleep('10ms');
      });
    },
  };
  for (const [name, scenario] of Object.entries(scenarios)) {
    let runs = 0;
    const options: SimulateOptions = { seeds: 1, weather: 'calm' };
    const found = simulate(options, async (world) => {
      await scenario(world, ++runs % 2 === 1);
      await world.sleep('1ms');
    });
    await expect(found, name).rejects.toMatchObject({ verdict: 'nondeterminism' });
  }
});

test('the web is as strict as without a simulator', async () => {
  await simulate({ seeds: 1, weather: 'calm' }, async (world) => {
    world.serve(
      'web.test',
      async (request) => new Response(`${request.headers.get('content-type')} ${await request.text()}`),
    );
    const answers = await world.run('client', async ({ fetch }) => {
      const ask = async (init: RequestInit): Promise<string> => {
        try {
          return await (await fetch('http://web.test/', init)).text();
        } catch (error) {
          return String(error);
        }
      };
      return [
        await ask({ method: 'POST', body: 'é' }),
        await ask({ method: 'POST', body: new Uint8Array([97]) }),
        await ask({ method: 'put', body: '{}', headers: { 'content-type': 'application/json' } }),
        await ask({ method: 'POST', body: new URLSearchParams({ a: 'b' }) }),
        await ask({}),
        (await ask({ body: 'x' })).slice(0, 9),
      ];
    });
    expect(answers).toEqual([
      'text/plain;charset=UTF-8 é',
      'null a',
      'application/json {}',
      'application/x-www-form-urlencoded;charset=UTF-8 a=b',
      'null ',
      'TypeError',
    ]);
  });
});
