/** Who waits and what wakes them, in simulated time, over a channel that hears, forgets (a pooler), or ends. */
import { expect, test } from 'vitest';
import type { Env } from '../../env/env.ts';
import { elapsedMs } from '../../kernel/time.ts';
import { simulate } from '../../sim/simulate.ts';
import { logId } from '../chain.ts';
import type { LogId } from '../port.ts';
import { Growth } from './growth.ts';
import type { SqlClient, SqlRow, SqlValue } from './sql-client.ts';

const id: LogId = logId('0123456789abcdef0123456789abcdef');

/** NOTIFY and LISTEN of one server. */
class Channel {
  readonly sent: string[] = [];
  forgets = false;
  #ears = new Set<{ readonly onMessage: (payload: string) => void; readonly onEnd: () => void }>();

  client(env: Env): SqlClient {
    const query = async (_: unknown, values: readonly SqlValue[]): Promise<readonly SqlRow[]> => {
      await env.sleep('1ms');
      this.sent.push(String(values[1]));
      if (!this.forgets) for (const { onMessage } of this.#ears) onMessage(String(values[1]));
      return [];
    };
    return {
      query,
      look: query,
      change: async (statement, values) => (await query(statement, values)).length,
      copy: () => Promise.resolve(null),
      prepareIfDirect: () => Promise.resolve(true),
      script: async () => {},
      listen: async (_, onMessage, onEnd) => {
        const ear = { onMessage, onEnd };
        this.#ears.add(ear);
        return async () => void this.#ears.delete(ear);
      },
      close: async () => {},
    };
  }

  end(): void {
    for (const { onEnd } of this.#ears) onEnd();
    this.#ears.clear();
  }
}

async function inWorld(
  body: (env: Env, channel: Channel, reader: Growth, writer: Growth) => Promise<void>,
): Promise<void> {
  await simulate({ seeds: 3, weather: 'calm' }, (world) =>
    world.run('machine', async (env) => {
      const channel = new Channel();
      const client = channel.client(env);
      const [reader, writer] = [client, null].map(
        (ears) => new Growth(env, client, { channel: 'lockstep', ears, pollMs: 10 }),
      ) as [Growth, Growth];
      reader.enter(id);
      writer.enter(id);
      await body(env, channel, reader, writer);
      reader.close();
      writer.close();
    }),
  );
}

const never = new AbortController().signal;

async function untilHeard(env: Env, growth: Growth): Promise<void> {
  await growth.grown(id, 0, never);
  while (!growth.hears) await env.sleep('1ms');
}

async function waitedMs(env: Env, growth: Growth, after: number): Promise<number> {
  const since = env.clock.now();
  await growth.grown(id, after, never);
  return elapsedMs(since, env.clock.now());
}

test('a notification wakes who waits in another process, within milliseconds', async () => {
  await inWorld(async (env, _, reader, writer) => {
    await untilHeard(env, reader);
    const waiting = waitedMs(env, reader, 5);
    await env.sleep('300ms');
    writer.tell(id, 6);
    const waited = await waiting;
    expect(waited).toBeGreaterThanOrEqual(300);
    expect(waited).toBeLessThan(310);
  });
});

test('an append of this process wakes at once, and what was seen is not waited for', async () => {
  await inWorld(async (env, _, reader) => {
    await untilHeard(env, reader);
    const waiting = waitedMs(env, reader, 5);
    reader.tell(id, 6);
    expect(await waiting).toBe(0);
    expect(await waitedMs(env, reader, 5)).toBe(0);
  });
});

test('many appends are one notification', async () => {
  await inWorld(async (env, channel, _, writer) => {
    for (let position = 1; position <= 100; position++) writer.tell(id, position);
    await env.sleep('50ms');
    expect(channel.sent).toEqual([`${id}:1`, `${id}:100`]);
  });
});

test('a pooler that forgets the LISTEN is found out, and then it polls: often at first, rarely while nothing comes', async () => {
  await inWorld(async (env, channel, reader) => {
    channel.forgets = true;
    const waits: number[] = [];
    for (let count = 0; count < 8; count++) waits.push(Math.round(await waitedMs(env, reader, 5)));
    expect(waits.slice(0, 6)).toEqual([10, 20, 40, 80, 160, 160]);
    expect(reader.hears).toBe(false);
    reader.looking(id)(6);
    expect(Math.round(await waitedMs(env, reader, 6))).toBe(10);
  });
});

test('when the connection ends it polls at once, and hears again later', async () => {
  await inWorld(async (env, channel, reader) => {
    await untilHeard(env, reader);
    const waiting = waitedMs(env, reader, 5);
    await env.sleep('100ms');
    channel.end();
    expect(await waiting).toBeLessThan(102);
    expect(reader.hears).toBe(false);
    await env.sleep('5s');
    expect(reader.hears).toBe(true);
  });
});

test('what a read showed is the truth, unless news came meanwhile', async () => {
  await inWorld(async (env, _, reader) => {
    await untilHeard(env, reader);
    reader.tell(id, 9);
    await env.sleep('10ms'); // it hears itself, too
    reader.looking(id)(4); // rolled back: it must not be taken for grown
    expect(await waitedMs(env, reader, 4)).toBeGreaterThan(900);
    const looked = reader.looking(id);
    reader.tell(id, 7);
    looked(4);
    expect(await waitedMs(env, reader, 4)).toBe(0);
  });
});

test('after news of another it looks again soon, some times; after its own append it waits for news', async () => {
  await inWorld(async (env, _, reader, writer) => {
    await untilHeard(env, reader);
    writer.tell(id, 6);
    await reader.grown(id, 5, never);
    reader.looking(id)(6);
    const waits: number[] = [];
    for (let count = 0; count < 4; count++) waits.push(Math.round(await waitedMs(env, reader, 6)));
    expect(waits).toEqual([2, 8, 32, 1_000]);
    reader.tell(id, 7);
    expect(Math.round(await waitedMs(env, reader, 7))).toBe(1_000);
  });
});

test('waiting ends with the reason of its signal', async () => {
  await inWorld(async (env, _, reader) => {
    const [stop, reason] = [new AbortController(), new Error('enough')];
    const waiting = reader.grown(id, 5, stop.signal);
    env.timers.after(1, () => stop.abort(reason));
    await expect(waiting).rejects.toBe(reason);
  });
});
