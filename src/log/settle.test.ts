/** Every way in which an append over a store can end, with stores that answer as the test says. */
import { describe, expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import { LockstepError, type ErrorKind } from '../kernel/errors.ts';
import { Waits } from '../observe/waits.ts';
import { simulate } from '../sim/simulate.ts';
import { position } from './coordinates.ts';
import { MemoryStores } from './memory.ts';
import type { Log, LogWriter } from './port.ts';
import { storeEngine } from './store-engine.ts';
import type { RecordStore, RecordStores } from './store.ts';

const config = { silenceMs: 50, pauseMsMax: 10, attemptMsMax: 500, settleMsMax: 3_000 };
const entry = { payload: new Uint8Array([1]), firstRevision: 1, revisionCount: 1 };
const thrown = (kind: ErrorKind) => (): Promise<never> => Promise.reject(new LockstepError(kind, 'planted'));
const never = (): Promise<never> => new Promise(() => {});
const firstOf = (batches: AsyncIterable<unknown>): Promise<unknown> => batches[Symbol.asyncIterator]().next();

interface Stage {
  readonly env: Env;
  readonly log: Log;
  readonly writer: LogWriter;
  /** What the store does from now on, instead of what it should. */
  readonly plant: (changes: Partial<RecordStore>) => void;
  readonly store: RecordStore;
  /** The log once more, as who knows nothing of it yet. */
  readonly again: () => Promise<Log>;
  readonly waits: Waits;
}

async function onStage(
  body: (stage: Stage) => Promise<void>,
  reads: RecordStores['reads'] = 'linearizable',
): Promise<void> {
  const run = async (env: Env): Promise<void> => {
    const memory = new MemoryStores();
    let planted: Partial<RecordStore> = {};
    const between = (store: RecordStore): RecordStore => ({
      id: store.id,
      append: (after, bytes) => (planted.append ?? store.append.bind(store))(after, bytes),
      read: (after, bytesMax) => (planted.read ?? store.read.bind(store))(after, bytesMax),
      grown: (after, signal) => (planted.grown ?? store.grown.bind(store))(after, signal),
      trim: (before) => (planted.trim ?? store.trim.bind(store))(before),
      close: () => store.close(),
    });
    const stores: RecordStores = {
      name: 'planted',
      guarantees: memory.guarantees,
      reads,
      open: async (name, create) => {
        const store = await memory.open(name, create);
        return store === null ? null : between(store);
      },
      list: () => memory.list(),
      remove: (name) => memory.remove(name),
      close: () => memory.close(),
    };
    const waits = new Waits(env.clock, env.timers);
    const engine = storeEngine(env, stores, { config, waits });
    const again = async (): Promise<Log> => (await engine.open('log', { create: true })) ?? expect.unreachable();
    const log = await again();
    const store = await memory.open('log', null);
    if (store === null) return expect.unreachable();
    const writer = await log.acquire({ owner: 'ann' });
    await body({ env, log, writer, plant: (changes) => (planted = changes), store, again, waits });
    await engine.close();
    expect(waits.count).toBe(0);
  };
  await simulate({ seeds: 3, weather: 'calm' }, (world) => world.run('machine', run));
}

test.each<{ what: string; append: RecordStore['append']; kind: ErrorKind }>([
  { what: 'never answers', append: never, kind: 'unknown' },
  { what: 'says that it does not know', append: thrown('unknown'), kind: 'unknown' },
  { what: 'certainly does nothing', append: thrown('unavailable'), kind: 'unavailable' },
  { what: 'is full', append: thrown('overloaded'), kind: 'unavailable' },
  { what: 'says "conflict", and has nothing to show', append: async () => 'conflict', kind: 'unknown' },
])('a store that $what: $kind at the deadline, and the writer is finished', async ({ append, kind }) => {
  await onStage(async ({ env, writer, plant }) => {
    plant({ append });
    const from = env.clock.now();
    await expect(writer.append(entry)).rejects.toMatchObject({ kind });
    expect(env.clock.now() - from).toBeGreaterThanOrEqual(config.settleMsMax - 1);
    plant({});
    expect(await writer.append(entry)).toEqual({ kind: 'fenced' });
    expect(await writer.confirm()).toBe('lost');
  });
});

test('what the store throws for good is thrown at once; after a doubt it is unknown', async () => {
  await onStage(async ({ writer, plant }) => {
    plant({ append: thrown('disk-full') });
    await expect(writer.append(entry)).rejects.toMatchObject({ kind: 'disk-full' });
  });
  await onStage(async ({ writer, plant }) => {
    let count = 0;
    plant({ append: () => (++count === 1 ? thrown('unknown')() : thrown('stopped')()) });
    await expect(writer.append(entry)).rejects.toMatchObject({ kind: 'unknown' });
  });
});

test('answers that are lost for a while do not harm, and it is there once', async () => {
  await onStage(async ({ log, writer, plant, store }) => {
    let count = 0;
    const append: RecordStore['append'] = async (after, bytes) => {
      const answer = await store.append(after, bytes);
      return ++count < 4 ? thrown('unknown')() : answer;
    };
    plant({ append, read: (after, most) => (count < 3 ? thrown('unavailable')() : store.read(after, most)) });
    expect(await writer.append(entry)).toEqual({ kind: 'appended', position: 2 });
    expect(await log.tail()).toBe(2);
  });
});

test("a damaged copy of ours is never taken for another's", async () => {
  await onStage(async ({ writer, plant, store }) => {
    const append: RecordStore['append'] = async (after, bytes) => {
      const damaged = bytes.slice();
      damaged[40] = (damaged[40] ?? 0) ^ 1;
      await store.append(after, damaged);
      return 'conflict';
    };
    plant({ append });
    await expect(writer.append(entry)).rejects.toMatchObject({ kind: 'unknown', cause: { kind: 'corrupt' } });
  });
});

test('a place that was trimmed before anybody looked stays unknown', async () => {
  await onStage(async ({ writer, plant }) => {
    const read = async () => ({ kind: 'records', records: [], first: position(9), last: position(12) }) as const;
    plant({ append: thrown('unknown'), read });
    await expect(writer.append(entry)).rejects.toMatchObject({ kind: 'unknown' });
  });
});

test('a confirmation that cannot be had is unavailable, and the writer goes on', async () => {
  await onStage(async ({ writer, plant }) => {
    plant({ read: never });
    await expect(writer.confirm()).rejects.toMatchObject({ kind: 'unavailable' });
    plant({});
    expect(await writer.confirm()).toBe('held');
    expect(await writer.append(entry)).toMatchObject({ kind: 'appended' });
  });
});

test('a release that cannot be told is a release all the same', async () => {
  await onStage(async ({ log, writer, plant }) => {
    plant({ append: thrown('unavailable') });
    await writer.release();
    plant({});
    expect(await writer.append(entry)).toEqual({ kind: 'fenced' });
    expect((await log.acquire({ owner: 'bob' })).epoch).toBe(2);
  });
});

test('a writer learns without being asked that another leads', async () => {
  await onStage(async ({ log, writer }) => {
    const lost = new Promise<void>((resolve) => {
      writer.lost.addEventListener('abort', () => resolve(), { once: true });
    });
    await log.acquire({ owner: 'bob' });
    await lost;
    expect(await writer.append(entry)).toEqual({ kind: 'fenced' });
  });
});

test('an append, a candidate and a reader that wait are in the registry, and leave it', async () => {
  await onStage(async ({ env, log, writer, plant, waits }) => {
    plant({ append: never });
    const stop = new AbortController();
    const signal = stop.signal;
    const ended = [
      writer.append(entry).catch(() => {}),
      log.acquire({ owner: 'bob', signal }).catch(() => {}),
      log.read(position(1), { signal })[Symbol.asyncIterator]().next().catch(() => {}), // prettier-ignore
    ];
    await env.sleep('10ms');
    expect(waits.explain({ key: 'log' }).map(({ what, waitsFor }) => [what, waitsFor])).toEqual([
      ['append', 'position 2'],
      ['acquire', 'silence in epoch 1'],
      ['read', 'position 2'],
    ]);
    stop.abort(new Error('enough'));
    await Promise.all(ended);
  });
});

test('a log that was removed is stopped for whoever wants to lead it', async () => {
  await onStage(async ({ log, plant }) => {
    plant({ read: async () => ({ kind: 'gone' }), append: async () => 'gone' });
    await expect(log.acquire({ owner: 'bob' })).rejects.toMatchObject({ kind: 'stopped' });
    await expect(log.tail()).rejects.toMatchObject({ kind: 'stopped' });
  });
});

describe('a store whose reads are recent', () => {
  /** As a replica that has so much of the log alone shows it, and takes appends there: beside the log. */
  const behind = (store: RecordStore, last: number, forked: Uint8Array[] = []): Partial<RecordStore> => ({
    read: async (after, most) => {
      const read = await store.read(after, most);
      if (read.kind === 'gone') return read;
      return { ...read, last: position(last), records: read.records.filter(({ position: at }) => at <= last) };
    },
    append: async (after, bytes) => {
      if (after === last) forked.push(bytes);
      return after === last ? 'appended' : 'conflict';
    },
  });

  test('nobody claims at an end before what was acknowledged here, and says what it waits for', async () => {
    await onStage(async ({ env, log, writer, plant, store, waits }) => {
      await writer.append(entry);
      await writer.append(entry);
      await writer.release();
      const forked: Uint8Array[] = [];
      plant(behind(store, 2, forked));
      const acquiring = log.acquire({ owner: 'bob' });
      await env.sleep('1s');
      expect(waits.explain({ key: 'log' }).map(({ waitsFor }) => waitsFor)).toEqual([
        'a store that ends at 2 to show position 4 again',
      ]);
      plant({});
      expect((await acquiring).start).toBe(5);
      expect(forked).toEqual([]);
    }, 'recent');
  });

  const chain = '0'.repeat(32);
  test.each<{ what: string; learn: (log: Log, signal: AbortSignal) => Promise<unknown> }>([
    { what: 'was read here', learn: (log) => firstOf(log.read(position(0))) },
    { what: 'a reader brings from before', learn: (log, signal) => firstOf(log.read(position(4), { chain, signal })) },
    { what: 'a candidate has seen', learn: (log, signal) => log.acquire({ owner: 'bob', signal }) },
  ])('nor before what $what', async ({ learn }) => {
    await onStage(async ({ env, writer, plant, store, again }) => {
      for (let count = 0; count < 3; count++) await writer.append(entry);
      const [log, stop] = [await again(), new AbortController()];
      env.timers.after(config.silenceMs / 2, () => stop.abort(new Error('enough')));
      await learn(log, stop.signal).catch(() => {});
      await writer.release();
      const forked: Uint8Array[] = [];
      plant(behind(store, 2, forked));
      const acquiring = log.acquire({ owner: 'bob' });
      await env.sleep('1s');
      plant({});
      expect((await acquiring).start).toBe(6);
      expect(forked).toEqual([]);
    }, 'recent');
  });

  test('an append in doubt is settled though the place is shown late', async () => {
    await onStage(async ({ env, log, writer, plant, store }) => {
      let count = 0;
      const append: RecordStore['append'] = async (after, bytes) => {
        const answer = await store.append(after, bytes);
        return ++count === 1 ? thrown('unknown')() : answer;
      };
      plant({ ...behind(store, 1), append });
      const appending = writer.append(entry);
      await env.sleep('1s');
      plant({});
      expect(await appending).toEqual({ kind: 'appended', position: 2 });
      expect(await log.tail()).toBe(2);
    }, 'recent');
  });
});
