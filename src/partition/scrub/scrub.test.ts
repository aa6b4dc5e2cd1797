/** Scrubs over a log in memory, in a calm world: replicas agree, and one that differs stops and says where. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { memoryEngine } from '../../log/memory.ts';
import type { Log, LogBatch } from '../../log/port.ts';
import { Waits } from '../../observe/waits.ts';
import { slotOf } from '../../ring/slot.ts';
import { openPartition, type PartitionEnv, type PartitionOptions } from '../open-partition.ts';
import type { Partition } from '../partition.ts';
import type { ScrubOutcome } from './scrub-service.ts';

const config = { silenceMs: 300, pauseMsMax: 100, attemptMsMax: 400, settleMsMax: 3_000 };

async function inWorld(play: (env: Env, log: Log) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config });
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      await play(env, log);
      await engine.close();
    });
  });
}

async function led(env: PartitionEnv, log: Log, options: Partial<PartitionOptions> = {}): Promise<Partition> {
  const setup = { log, payloadBytesMax: 1024 * 1024, directory: 'leader', owner: 'leader' };
  const partition = await openPartition(env, { ...setup, ...options });
  await partition.leading();
  return partition;
}

const followed = (env: Env, log: Log, options: Partial<PartitionOptions> = {}): Promise<Partition> => {
  const setup = { log, payloadBytesMax: 1024 * 1024, directory: 'follower', owner: 'follower', stands: false };
  return openPartition(env, { ...setup, ...options });
};

const write = (partition: Partition, place: string, index: number, value: string): Promise<unknown> =>
  partition.transact(place, (tx) => tx.set(['key', index], value));

async function scrubbed(partition: Partition): Promise<Extract<ScrubOutcome, { readonly kind: 'scrubbed' }>> {
  const outcome = await partition.scrub();
  return outcome.kind === 'scrubbed' ? outcome : expect.unreachable(outcome.kind);
}

/** One whose mark is there, and which is hashed. */
async function marked(partition: Partition): Promise<{ readonly outcome: Promise<ScrubOutcome> }> {
  const outcome = partition.scrub();
  for (let count = 0; count < 2; count++) await write(partition, 'beside', 0, 'it'); // the first one may be before the mark
  return { outcome };
}

/** What a replica makes of the sum, once it has all that `of` has, and has hashed. */
async function told(env: Env, partition: Partition, of: Partition): Promise<boolean | null> {
  const snapshot = await partition.read({ atLeast: of.status.token });
  if (snapshot.kind === 'snapshot') snapshot[Symbol.dispose]();
  await env.sleep('50ms');
  return partition.status.scrub?.agreed ?? null;
}

/** A log whose reader is shown other text than was written. */
function altered(log: Log, from: string, to: string): Log {
  const encoder = new TextEncoder();
  const [sought, put] = [encoder.encode(from), encoder.encode(to)];
  const change = (bytes: Uint8Array): Uint8Array => {
    const copy = bytes.slice();
    const at = copy.findIndex((_, index) => sought.every((byte, offset) => copy[index + offset] === byte));
    if (at >= 0) copy.set(put, at);
    return copy;
  };
  async function* changed(batches: AsyncIterable<LogBatch>): AsyncGenerator<LogBatch> {
    for await (const batch of batches) {
      if (batch.kind !== 'records') yield batch;
      else yield { kind: 'records', records: batch.records.map((one) => ({ ...one, payload: change(one.payload) })) };
    }
  }
  return {
    id: log.id,
    read: (position, options) => changed(log.read(position, options)),
    tail: () => log.tail(),
    acquire: (options) => log.acquire(options),
    trim: (before) => log.trim(before),
    hold: (position) => log.hold(position),
    close: () => log.close(),
  };
}

describe('a scrub', () => {
  test('replicas agree, whatever their tables look like, while they go on', async () => {
    await inWorld(async (env, log) => {
      const leader = await led(env, log);
      const follower = await followed(env, log, { tree: { memtableBytes: 4_000, blockBytes: 512, tableBytes: 8_000 } });
      for (let index = 0; index < 700; index++) void write(leader, `place-${index % 40}`, index, `value ${index}`);
      const scrub = scrubbed(leader);
      for (let index = 0; index < 300; index++) void write(leader, `place-${index % 40}`, index, 'other');
      const { revision, sum } = await scrub;
      expect(await told(env, follower, leader)).toBe(true);
      expect(follower.status.scrub).toMatchObject({ revision, sum });
      expect(leader.status.scrub).toEqual(follower.status.scrub);
      expect((await scrubbed(leader)).sum).not.toBe(sum);
      await Promise.all([leader.close(), follower.close()]);
    });
  });

  test('a replica that differs stops, and names both sums, the revision and where', async () => {
    await inWorld(async (env, log) => {
      const leader = await led(env, log);
      const follower = await followed(env, altered(log, 'right', 'wrong'));
      for (let index = 0; index < 300; index++) await write(leader, `place-${index}`, index, 'as it is');
      await write(leader, 'place-of-it', 7, 'right');
      const { revision, sum } = await scrubbed(leader);
      const failure = (await follower.stopped) as Error & { readonly values: Record<string, unknown> };
      const part = Math.floor(slotOf('place-of-it') / 64) * 64;
      expect(failure).toMatchObject({
        kind: 'corrupt',
        values: { revision, sumInLog: sum, where: `slots ${part} to ${part + 63}` },
      });
      expect(failure.values['sum']).not.toBe(sum);
      expect(follower.status).toMatchObject({ kind: 'failed', scrub: { agreed: false } });
      expect(leader.status.kind).toBe('leading');
      await Promise.all([leader.close(), follower.close()]);
    });
  });

  test('a mark that was left without its sum is ended by the next leader; whoever differs from it stops', async () => {
    await inWorld(async (env, log) => {
      const leader = await led(env, log);
      const other = await followed(env, altered(log, 'right', 'wrong'), { stands: true });
      const third = await followed(env, altered(log, 'right', 'wrong'), { directory: 'third', owner: 'third' });
      for (let index = 0; index < 2_000; index++) void write(leader, 'place', index, 'value');
      await leader.transact(null, (tx) => tx.local.set(['x'], 'right'));
      const scrub = await marked(leader);
      await leader.stepDown();
      expect((await scrub.outcome).kind).toBe('not-leader');
      expect(await leader.stopped).toMatchObject({ kind: 'corrupt', values: { where: 'what has no place' } });
      expect([await told(env, other, other), await told(env, third, other)]).toEqual([true, true]);
      await Promise.all([leader.close(), other.close(), third.close()]);
    });
  });

  test('comes by itself, and leaves alone what nobody writes to', async () => {
    await inWorld(async (env, log) => {
      const leader = await led(env, log, { settings: { scrubEveryMs: 10_000 } });
      await env.sleep('9s');
      expect(leader.status.scrub).toBeNull();
      await env.sleep('2s');
      const first = leader.status;
      expect(first.scrub?.agreed).toBe(true);
      await env.sleep('60s');
      expect(leader.status.revision).toBe(first.revision);
      await write(leader, 'place', 1, 'value');
      await env.sleep('20s');
      expect(leader.status.scrub?.revision).toBeGreaterThan(first.revision);
      await leader.close();
    });
  });

  test('stands among the waits, is given up at its deadline, and ends with the partition', async () => {
    await inWorld(async (env, log) => {
      const waits = new Waits(env.clock, env.timers);
      // A busy loop: whoever waits for a moment waits for longer.
      const after: Env['timers']['after'] = (ms, onDue) => env.timers.after(ms + 20, onDue);
      const busy = { clock: env.clock, timers: { after }, randomness: env.randomness };
      const leader = await led({ ...busy, disk: env.disk, jobs: env.jobs, ownership: env.ownership }, log, {
        waits,
        settings: { scrubWithinMs: 50 },
      });
      await Promise.all(Array.from({ length: 1_000 }, (_, index) => write(leader, 'place', index, 'value')));
      const scrub = await marked(leader);
      expect(waits.explain().map(({ what }) => what)).toContain('scrub');
      expect(await scrub.outcome).toEqual({ kind: 'given-up' });
      expect(waits.explain()).toEqual([]);
      await leader.close();
      expect(await leader.scrub()).toEqual({ kind: 'not-leader', leader: null });
    });
  });
});
