/** Holds that last: the log is kept for them, over restarts and changes of leader, within their bounds; all is explained. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../../log/memory.ts';
import type { Log } from '../../log/port.ts';
import { setCapture } from '../capture/capture.ts';
import { claimLease } from '../lease/lease.ts';
import { openPartition } from '../open-partition.ts';
import type { Partition } from '../partition.ts';
import type { Token, Transaction } from '../transaction.ts';
import { holdLog, releaseLog } from './log-hold.ts';

async function inWorld(play: (env: Env, log: Log) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config: { silenceMs: 300, pauseMsMax: 100 } });
      await play(env, (await engine.open('log', { create: true })) ?? expect.unreachable());
      await engine.close();
    });
  });
}

async function open(env: Env, log: Log): Promise<Partition> {
  const partition = await openPartition(env, {
    log,
    payloadBytesMax: 1024 * 1024,
    directory: 'ann',
    owner: 'ann',
    tree: { memtableBytes: 2_000, blockBytes: 512, tableBytes: 8_000, cacheBytes: 16_000, levelOneBytes: 32_000 },
  });
  await partition.leading();
  return partition;
}

async function commit(partition: Partition, place: string | null, fn: (tx: Transaction) => void): Promise<Token> {
  const outcome = await partition.transact(place, fn);
  return outcome.kind === 'committed' ? outcome.token : expect.unreachable();
}

/** So many groups, and as much of what comes after them as flushing and trimming take. */
async function write(env: Env, partition: Partition, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await commit(partition, 'p', (tx) => tx.set(['x', at % 10], 'x'.repeat(50)));
  await env.sleep('1s');
}

async function nextAfter(partition: Partition, token: Token): Promise<number | 'trimmed'> {
  for await (const one of partition.changes(token))
    return one.kind === 'trimmed' ? 'trimmed' : (one.changes[0]?.revision ?? 0);
  return expect.unreachable();
}

const revisionOf = (token: Token): number => Number.parseInt(token.slice(token.lastIndexOf('.') + 1), 36);
const held = (partition: Partition): (string | number | null)[][] =>
  partition
    .explain()
    .filter(({ what }) => what === 'hold')
    .map(({ name, recordsKept }) => [name, recordsKept]);

test('without a hold the log is trimmed; with one it is kept, after a restart too, until that lets go', async () => {
  await inWorld(async (env, log) => {
    const ann = await open(env, log);
    const early = await commit(ann, 'p', (tx) => tx.set(['a'], 1));
    await write(env, ann, 120);
    expect(await nextAfter(ann, early)).toBe('trimmed');
    const { token } = ann.status;
    await commit(ann, null, (tx) => holdLog(tx, 'billing', token));
    await write(env, ann, 120);
    expect(held(ann)).toEqual([['billing', 121]]);
    await ann.close();

    const again = await open(env, log);
    await write(env, again, 120);
    expect(await nextAfter(again, token)).toBe(revisionOf(token) + 2); // the hold itself is the product's own
    const later = again.status.token;
    await commit(again, null, (tx) => holdLog(tx, 'billing', later));
    await write(env, again, 120);
    expect([await nextAfter(again, token), await nextAfter(again, later)]).toEqual(['trimmed', revisionOf(later) + 2]);
    await commit(again, null, (tx) => void releaseLog(tx, 'billing'));
    await write(env, again, 120);
    expect(await nextAfter(again, later)).toBe('trimmed');
    expect(held(again)).toEqual([]);
    await again.close();
  });
});

test('a hold is lost when it is too far behind, or not moved for too long', async () => {
  await inWorld(async (env, log) => {
    const ann = await open(env, log);
    const { token } = ann.status;
    await commit(ann, null, (tx) => {
      holdLog(tx, 'far', token, { recordsMax: 100 });
      holdLog(tx, 'idle', token, { idleMsMax: 10_000 });
      holdLog(tx, 'kept', token);
    });
    await write(env, ann, 50);
    expect(held(ann).map(([name]) => name)).toEqual(['far', 'idle', 'kept']);
    await write(env, ann, 100);
    await env.sleep('2s');
    expect(held(ann).map(([name]) => name)).toEqual(['idle', 'kept']);
    await env.sleep('10s');
    await write(env, ann, 1);
    await env.sleep('2s');
    expect(held(ann).map(([name]) => name)).toEqual(['kept']);
    expect(await nextAfter(ann, token)).toBe(revisionOf(token) + 2);
    const wrong = 'ffffffffffffffff.1.1' as Token;
    await expect(ann.transact(null, (tx) => holdLog(tx, 'x', wrong))).rejects.toMatchObject({ kind: 'invalid' });
    await expect(ann.transact(null, (tx) => holdLog(tx, 'x', token, { recordsMax: 0 }))).rejects.toMatchObject({
      kind: 'misuse',
    });
    await ann.close();
  });
});

test('explain tells what is held: by whom, since when, until when, and what it keeps', async () => {
  await inWorld(async (env, log) => {
    const ann = await open(env, log);
    expect(ann.explain()).toEqual([]);
    const { token } = ann.status;
    const begun = env.now().getTime();
    const snapshot = await ann.read('linearizable');
    const reading = ann.changes(token);
    await commit(ann, null, (tx) => {
      holdLog(tx, 'billing', token);
      setCapture(tx, 'stock', [{ prefix: ['stock'] }]);
    });
    await commit(ann, 'p', (tx) => {
      tx.set(['stock'], 1);
      claimLease(tx, { name: 'door', id: 'id-1', owner: 'bob', ttlMs: 60_000 });
    });
    await reading.next();
    await write(env, ann, 9);
    const found = ann.explain();
    expect(
      found.map(({ what, name, heldBy, recordsKept, revisionsKept }) => [
        what,
        name,
        heldBy,
        recordsKept,
        revisionsKept,
      ]),
    ).toEqual([
      ['changes', null, null, 9, null],
      ['snapshot', null, null, null, 11],
      ['hold', 'billing', null, 11, null],
      ['capture', 'stock', null, null, null],
      ['lease', 'p/door', 'bob', null, null],
    ]);
    for (const { what, since, until } of found) {
      if (what !== 'capture') expect(since?.getTime()).toBeGreaterThan(begun - 100);
      if (what === 'lease' || what === 'snapshot') expect(until?.getTime()).toBeGreaterThan(begun + 50_000);
    }
    await reading.return();
    if (snapshot.kind === 'snapshot') snapshot[Symbol.dispose]();
    expect(ann.explain().map(({ what }) => what)).toEqual(['hold', 'capture', 'lease']);
    await ann.close();
  });
});
