import { expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import type { FrameStream } from '../env/network.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { Crashed } from './crashed.ts';
import { simulate } from './simulate.ts';
import type { World } from './world.ts';

const calmly = (scenario: (world: World) => Promise<void>, seeds = 5) => simulate({ seeds, weather: 'calm' }, scenario);
const forever = (): Promise<never> => new Promise(() => undefined);

async function kindOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (isLockstepError(error) ? error.kind : String(error)),
  );
}

/** A service that takes connections and keeps what it receives, as text. */
function sink(received: string[]): (env: Env) => Promise<void> {
  return async (env) => {
    const keep = async (stream: FrameStream): Promise<void> => {
      for (let frames = await stream.receive(); frames !== null; frames = await stream.receive()) {
        for (const frame of frames) received.push(new TextDecoder().decode(frame));
      }
    };
    await env.network.listen('server:1', (stream) => {
      keep(stream).catch(() => undefined);
    });
    await forever();
  };
}
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test('after a crash synchronous calls throw Crashed and do nothing, asynchronous ones never settle', async () => {
  await calmly(async (world) => {
    const thrown: unknown[] = [];
    let settled = 0;
    let kept: Env | null = null;
    void world.run('node', async (env) => {
      kept ??= env;
      await forever();
    });
    await world.sleep('10ms');
    world.crash('node', { restart: 'never' });
    const { clock, disk, network, randomness, sleep, fetch } = kept as unknown as Env;
    for (const call of [
      () => clock.now(),
      () => clock.wall(),
      () => disk.open('a', 'create'),
      () => randomness.uint32(),
    ]) {
      try {
        call();
      } catch (error) {
        thrown.push(error);
      }
    }
    for (const call of [network.connect('node:1'), sleep('1ms'), disk.remove('a'), fetch('http://node/')]) {
      const count = (): void => void settled++;
      call.then(count, count);
    }
    await world.sleep('1min');
    expect(thrown.length).toBe(4);
    expect(thrown.every((error) => error instanceof Crashed)).toBe(true);
    expect(settled).toBe(0);
    expect(kept).not.toBeNull();
  });
});

test('a crashed service starts again from its start, on the disk that is left', async () => {
  await calmly(async (world) => {
    const starts: number[] = [];
    const done = world.run('node', async ({ disk, sleep }) => {
      starts.push(disk.list('')?.length ?? -1);
      if (starts.length < 3) {
        disk.open(`file-${starts.length}`, 'create');
        await sleep('1s');
      }
    });
    await world.sleep('100ms');
    world.crash('node');
    await world.until('it is up again', () => starts.length === 2);
    await world.sleep('100ms');
    world.crash('node', { restart: '5s' });
    await done;
    expect(starts).toEqual([0, 1, 2]);
  });
});

test('a planned crash strikes before or after each effect, and there only', async () => {
  for (const when of ['before', 'after'] as const) {
    for (let effect = 1; effect <= 3; effect++) {
      await calmly(async (world) => {
        let first = true;
        const done = world.run('node', async ({ disk }) => {
          if (!first) return;
          first = false;
          world.crashAt('node', { effect, when, kind: 'process' });
          for (const name of ['a', 'b', 'c']) disk.open(name, 'create');
        });
        await done;
        const names = await world.run('reader', async ({ disk }) => disk.list('')?.length, { on: 'node' });
        expect(names).toBe(when === 'before' ? effect - 1 : effect);
      }, 1);
    }
  }
});

test('a disk without space says so at the write or at the sync, and what was durable stays', async () => {
  await calmly(async (world) => {
    const done = world.run('node', async ({ disk }) => {
      const file = disk.open('a', 'create');
      file?.write(text('kept'), 0);
      await file?.sync();
      await disk.syncDirectory('');
      world.disk('node').fill('write');
      expect(await kindOf((async () => file?.write(text(' more'), 4))())).toBe('disk-full');
      file?.write(text('KEPT'), 0);
      world.disk('node').fill('sync');
      file?.write(text(' more than that'), 4);
      expect(await kindOf(file?.sync() ?? forever())).toBe('disk-full');
      world.disk('node').free();
      await file?.sync();
    });
    await done;
    const left = world.disk('node').durable('a');
    expect(
      new TextDecoder()
        .decode(left ?? undefined)
        .slice(0, 4)
        .toLowerCase(),
    ).toBe('kept');
  });
});

test('a failed sync is reported once, and the disk goes on', async () => {
  await calmly(async (world) => {
    await world.run('node', async ({ disk }) => {
      const file = disk.open('a', 'create');
      file?.write(text('x'), 0);
      world.disk('node').failSyncs();
      expect(await kindOf(file?.sync() ?? forever())).toBe('disk-failed');
      expect(await kindOf(file?.sync() ?? forever())).toBe('done');
    });
  });
});

test('a service that ends by a failed disk is started again; one that throws anything else fails the run', async () => {
  await calmly(async (world) => {
    let starts = 0;
    await world.run('node', async ({ disk }) => {
      if (++starts > 1) return;
      const file = disk.open('a', 'create');
      world.disk('node').failSyncs();
      await file?.sync();
    });
    expect(starts).toBe(2);
  });
  const found = simulate({ seeds: 1, weather: 'calm' }, async (world) => {
    await world.run('node', async () => {
      throw new TypeError('not so');
    });
  });
  await expect(found).rejects.toMatchObject({ verdict: 'threw', seed: 1, cause: { message: 'not so' } });
});

test('over a cut link frames are held, and arrive in order when it is mended soon', async () => {
  await calmly(async (world) => {
    const received: string[] = [];
    void world.run('server', sink(received));
    const sent = world.run('client', async ({ network, sleep }) => {
      const stream = await network.connect('server:1');
      for (let count = 0; count < 5; count++) {
        stream.send(text(String(count)));
        await sleep('10ms');
      }
      await sleep('10s');
    });
    await world.sleep('25ms');
    world.cut('client', 'server', { oneWay: true });
    await world.sleep('500ms');
    expect(received.length).toBeLessThan(5);
    world.mend('client', 'server');
    await world.until('all have arrived', () => received.length === 5);
    expect(received).toEqual(['0', '1', '2', '3', '4']);
    await sent;
  });
});

test('over a link that stays cut the sender learns of the break first, the other end once something gets through', async () => {
  await calmly(async (world) => {
    let serverEnd = 'open';
    void world.run('server', async ({ network }) => {
      await network.listen('server:1', (stream) => {
        void kindOf(stream.receive()).then((kind) => (serverEnd = kind));
      });
      await forever();
    });
    const client = world.run('client', async ({ network, sleep }) => {
      const stream = await network.connect('server:1');
      await sleep('100ms');
      stream.send(text('lost'));
      return kindOf(stream.receive());
    });
    await world.sleep('50ms');
    world.isolate('client');
    expect(await client).toBe('unavailable');
    expect(serverEnd).toBe('open');
    world.heal();
    await world.until('the server knows', () => serverEnd === 'unavailable');
  });
});

test('a receiver that does not ask holds its sender back', async () => {
  await simulate({ seeds: 5, weather: { base: 'calm', windowBytes: 1_000 } }, async (world) => {
    let accepted: FrameStream | undefined;
    void world.run('server', async ({ network }) => {
      await network.listen('server:1', (stream) => void (accepted = stream));
      await forever();
    });
    await world.run('client', async ({ network, sleep }) => {
      const stream = await network.connect('server:1');
      let sent = 0;
      while (stream.send(new Uint8Array(100)) === 'sent') sent++;
      expect(sent).toBe(10);
      let writable = false;
      void stream.writable().then(() => (writable = true));
      await sleep('5s');
      expect(writable).toBe(false);
      void accepted?.receive();
      await sleep('1s');
      expect(writable).toBe(true);
      expect(stream.send(new Uint8Array(100))).toBe('sent');
    });
  });
});

test('the peer of a killed process hears at once, that of a machine without power only after a while', async () => {
  for (const [kind, within] of [
    ['process', 50],
    ['power', 60_000],
  ] as const) {
    await calmly(async (world) => {
      void world.run('server', sink([]));
      const client = world.run('client', async ({ network, clock }) => {
        const stream = await network.connect('server:1');
        const from = clock.now();
        expect(await kindOf(stream.receive())).toBe('unavailable');
        return clock.now() - from;
      });
      await world.sleep('100ms');
      world.crash('server', { kind, restart: 'never' });
      const waitedMs = await client;
      expect(waitedMs).toBeLessThan(100 + within);
      if (kind === 'power') expect(waitedMs).toBeGreaterThan(1_000);
    });
  }
});

test('a paused machine does nothing, then everything in its order, and its clocks went on', async () => {
  await calmly(async (world) => {
    const ticks: number[] = [];
    void world.run('node', async ({ clock, sleep }) => {
      for (;;) {
        await sleep('10ms');
        ticks.push(clock.now());
      }
    });
    await world.sleep('35ms');
    world.pause('node');
    await world.sleep('1s');
    expect(ticks.length).toBe(3);
    world.resume('node');
    await world.sleep('15ms');
    expect(ticks[3]).toBeGreaterThan(1_000);
  });
});

test('clocks drift and are set; timers never fire early by their own clock', async () => {
  await calmly(async (world) => {
    await world.run('node', async ({ clock, sleep, now }) => {
      const from = { worldMs: world.nowMs, ms: clock.now(), wall: now().getTime() };
      world.setClock('node', { offMs: 60_000, rate: 0.5 });
      expect(now().getTime() - from.wall).toBe(60_000);
      await sleep('1s');
      expect(world.nowMs - from.worldMs).toBeCloseTo(2_000, 3);
      expect(clock.now() - from.ms).toBeGreaterThanOrEqual(1_000);
      const slowed = sleep('1s');
      const at = clock.now();
      world.setClock('node', { offMs: 0, rate: 0.1 });
      await slowed;
      expect(clock.now() - at).toBeGreaterThanOrEqual(1_000 - 1e-6);
    });
  });
});

test('a host answers fetch; when it crashes or the link is cut the caller cannot know', async () => {
  await calmly(async (world) => {
    let served = 0;
    world.serve('bank.test', async (request, env) => {
      served++;
      const { amount } = (await request.json()) as { amount: number };
      await env.sleep('10ms');
      return Response.json({ amount }, { status: 201 });
    });
    const ask = ({ fetch }: Env, signal?: AbortSignal): Promise<string> =>
      fetch('http://bank.test/pay', {
        method: 'POST',
        body: JSON.stringify({ amount: 5 }),
        ...(signal === undefined ? {} : { signal }),
      }).then(
        async (response) => `${response.status} ${await response.text()}`,
        (error: unknown) => String(error),
      );
    expect(await world.run('one', (env) => ask(env))).toBe('201 {"amount":5}');
    const two = world.run('two', (env) => ask(env));
    await world.until('the request is there', () => served === 2);
    world.crash('bank.test', { restart: '1s' });
    expect(await two).toBe('TypeError: fetch failed');
    const three = world.run('three', (env) => ask(env));
    await world.sleep('0ms');
    world.cut('three', 'bank.test');
    expect(await three).toBe('TypeError: fetch failed');
    const stop = new AbortController();
    const four = world.run('four', (env) => ask(env, stop.signal));
    await world.sleep('2ms');
    stop.abort(new Error('enough'));
    expect(await four).toBe('Error: enough');
    expect(await world.run('five', ({ fetch }) => fetch('http://nowhere.test/').catch(String))).toBe(
      'TypeError: fetch failed',
    );
  });
});

test('a service that is asked to stop hears it by its signal', async () => {
  await calmly(async (world) => {
    const done = world.run('node', ({ sleep }) => kindOf(sleep('1h')));
    await world.sleep('10ms');
    world.stop('node');
    expect(await done).toBe('stopped');
    expect(world.nowMs).toBeLessThan(1_000);
  });
});
