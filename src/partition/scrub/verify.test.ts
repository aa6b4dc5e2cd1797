/** Verification of a replica: sound where nothing was touched; a flipped byte of a table, a log and a mark that is another. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { memoryEngine } from '../../log/memory.ts';
import type { Log, LogBatch, LogRecord } from '../../log/port.ts';
import { Waits } from '../../observe/waits.ts';
import { encodeMark } from '../log-mark.ts';
import { openPartition, type PartitionOptions } from '../open-partition.ts';
import type { Partition } from '../partition.ts';
import type { Finding, VerifyProgress } from './verify.ts';

const config = { silenceMs: 300, pauseMsMax: 100, attemptMsMax: 400, settleMsMax: 3_000 };
const tree = { memtableBytes: 4_000, blockBytes: 512, tableBytes: 8_000 };

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

/** It leads, and has tables. */
async function written(env: Env, log: Log, options: Partial<PartitionOptions> = {}): Promise<Partition> {
  const setup = { log, payloadBytesMax: 1024 * 1024, directory: 'state', owner: 'node', tree };
  const partition = await openPartition(env, { ...setup, ...options });
  await partition.leading();
  for (let index = 0; index < 60; index++)
    await partition.transact('place', (tx) => tx.set(['key', index], `${index}`.repeat(100)));
  await env.sleep('1s');
  return partition;
}

async function findingsOf(partition: Partition): Promise<readonly Finding[]> {
  const verified = await partition.verify();
  return verified.kind === 'damaged' ? verified.findings : expect.unreachable('it is damaged');
}

/** A log whose reader is shown other records than were written, from now on if it is so. */
function shown(log: Log, change: (record: LogRecord) => LogRecord): Log {
  async function* changed(batches: AsyncIterable<LogBatch>): AsyncGenerator<LogBatch> {
    for await (const batch of batches)
      yield batch.kind === 'records' ? { kind: 'records', records: batch.records.map(change) } : batch;
  }
  return {
    id: log.id,
    read: (from, options) => changed(log.read(from, options)),
    tail: () => log.tail(),
    acquire: (options) => log.acquire(options),
    trim: (before) => log.trim(before),
    hold: (position) => log.hold(position),
    close: () => log.close(),
  };
}

describe('verify', () => {
  test('what was not touched is sound, trimmed or not, and tells how far it is', async () => {
    await inWorld(async (env, log) => {
      const partition = await written(env, log);
      const told: VerifyProgress[] = [];
      const verified = await partition.verify({ onProgress: (progress) => void told.push(progress) });
      expect(verified).toMatchObject({ kind: 'sound', revision: partition.status.revision });
      expect(verified.tableCount).toBeGreaterThan(0);
      expect(verified.recordCount).toBeGreaterThan(0);
      expect(new Set(told.map(({ kind }) => kind))).toEqual(new Set(['tables', 'log']));
      expect(told.at(-1)).toEqual({
        kind: 'log',
        recordCount: verified.recordCount,
        verifiedRecordCount: verified.recordCount,
      });
      await partition.close();
      const again = await openPartition(env, {
        log,
        payloadBytesMax: 1_000,
        directory: 'state',
        owner: 'n',
        stands: false,
      });
      expect(await again.verify()).toMatchObject({ kind: 'sound' });
      await again.close();
    });
  });

  test('a flipped byte in a table is found, with its path and the keys that it may cost', async () => {
    await inWorld(async (env, log) => {
      const partition = await written(env, log);
      const [name] = (env.disk.list('state/tables') ?? [])
        .map((one) => one.name)
        .filter((one) => one.endsWith('.table'));
      const path = `state/tables/${name}`;
      const file = env.disk.open(path, 'write') ?? expect.unreachable();
      const byte = new Uint8Array(1);
      file.read(byte, 100);
      file.write(Uint8Array.of((byte[0] as number) ^ 1), 100);
      file.close();
      expect(await findingsOf(partition)).toEqual([
        { kind: 'table', path, offset: expect.any(Number), what: expect.any(String), keys: expect.any(Object) },
      ]);
      await partition.close();
    });
  });

  test('a mark that disagrees with the log is found', async () => {
    await inWorld(async (env, log) => {
      const partition = await written(env, log, { tree: {} });
      const last = { position: (await log.tail()) - 1, chain: 'ab'.repeat(16) };
      // The first of a group writes the right mark, the second one puts another over it.
      const first = partition.transact(null, (tx) => tx.local.set(['x'], 1));
      const second = partition.transact(null, (tx) =>
        tx.system('log', 'local').set([], encodeMark({ ...last, time: tx.now })),
      );
      await Promise.all([first, second]);
      expect(await findingsOf(partition)).toEqual([
        { kind: 'mark', position: last.position, what: expect.stringContaining(last.chain) },
      ]);
      await partition.close();
    });
  });

  test('a record that is not what was written is found, and a log that ends in another one', async () => {
    await inWorld(async (env, log) => {
      let isOther = false;
      const other = (record: LogRecord): LogRecord => {
        if (!isOther || record.revisionCount === 0) return record;
        return { ...record, payload: record.payload.subarray(0, -1), chain: '00'.repeat(16) };
      };
      const partition = await written(env, shown(log, other), { trims: false });
      isOther = true;
      const findings = await findingsOf(partition);
      expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['log', 'mark']));
      await partition.close();
    });
  });

  test('is one at a time, ends with its signal, its deadline and the partition, and stands among the waits', async () => {
    await inWorld(async (env, log) => {
      const waits = new Waits(env.clock, env.timers);
      const partition = await written(env, log, { waits });
      const stop = new AbortController();
      const verifying = partition.verify({ signal: stop.signal });
      expect(waits.explain().map(({ what }) => what)).toContain('verify');
      await expect(partition.verify()).rejects.toMatchObject({ kind: 'overloaded' });
      env.timers.after(0, () => stop.abort(new Error('enough')));
      await expect(verifying).rejects.toThrow('enough');
      await expect(partition.verify({ withinMs: 0 })).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await partition.verify()).toMatchObject({ kind: 'sound' });
      const last = expect(partition.verify()).rejects.toMatchObject({ kind: 'stopped' });
      await partition.close();
      await last;
      await expect(partition.verify()).rejects.toMatchObject({ kind: 'stopped' });
      expect(waits.explain()).toEqual([]);
    });
  });
});
