/** Captured keys: what they were before each change is told, on every node, whoever leads, long after it is gone. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../../log/memory.ts';
import type { Log } from '../../log/port.ts';
import type { Change } from '../change-reader.ts';
import { openPartition } from '../open-partition.ts';
import type { Partition } from '../partition.ts';
import type { Token, Transaction, TransactOutcome } from '../transaction.ts';
import { captures, setCapture } from './capture.ts';

async function inWorld(play: (env: Env, log: Log) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config: { silenceMs: 300, pauseMsMax: 100 } });
      await play(env, (await engine.open('log', { create: true })) ?? expect.unreachable());
      await engine.close();
    });
  });
}

const open = (env: Env, log: Log, owner: string, stands = true): Promise<Partition> =>
  openPartition(env, {
    log,
    payloadBytesMax: 100_000,
    directory: owner,
    owner,
    stands,
    trims: false,
    tree: { memtableBytes: 2_000, blockBytes: 512, tableBytes: 8_000, cacheBytes: 16_000, levelOneBytes: 32_000 },
  });

async function committed(partition: Partition, place: string | null, fn: (tx: Transaction) => void): Promise<Token> {
  const outcome: TransactOutcome<void> = await partition.transact(place, fn);
  if (outcome.kind !== 'committed') throw new Error(`it was ${outcome.kind}`);
  return outcome.token;
}

async function lines(partition: Partition, from: Token, count: number): Promise<string[]> {
  const all: string[] = [];
  for await (const one of partition.changes(from)) {
    if (one.kind === 'trimmed') throw new Error('changes are gone');
    all.push(...one.changes.map(lineOf));
    if (all.length >= count) return all;
  }
  throw new Error('changes go on');
}

function lineOf(change: Change): string {
  const what = `${change.kind} ${change.place ?? '-'} ${change.key.join('/')}`;
  if (change.kind === 'delete-range') return what;
  const { before } = change;
  return `${what} ${before === null ? 'not captured' : `was ${JSON.stringify(before.value) ?? 'absent'}`}`;
}

test('of captured keys each change tells what they were before its transaction', async () => {
  await inWorld(async (env, log) => {
    const ann = await open(env, log, 'ann');
    await ann.leading();
    await committed(ann, 'p', (tx) => {
      tx.set(['stock', 'apple'], 1);
      tx.set(['other'], 1);
    });
    await committed(ann, null, (tx) =>
      setCapture(tx, 'stock', [{ prefix: ['stock'] }, { place: null, prefix: ['seen'] }]),
    );
    const from = ann.status.token;
    await committed(ann, 'p', (tx) => {
      tx.set(['stock', 'apple'], 2);
      tx.set(['stock', 'apple'], 3);
      tx.set(['stock', 'pear'], 1);
      tx.set(['other'], 2);
      tx.local.set(['seen', 1], true);
      tx.local.set(['seems'], true);
    });
    await committed(ann, 'p', (tx) => {
      tx.set(['stock', 'fig'], 5);
      tx.deleteRange({ prefix: ['stock'] });
      tx.delete(['other']);
    });
    const expected = [
      'set p stock/apple was 1',
      'set p stock/apple was 1',
      'set p stock/pear was absent',
      'set p other not captured',
      'set - seen/1 was absent',
      'set - seems not captured',
      'set p stock/fig was absent',
      'delete p stock/apple was 3',
      'delete p stock/pear was 1',
      'delete-range p stock',
      'delete p other not captured',
    ];
    expect(await lines(ann, from, expected.length)).toEqual(expected);
    await ann.close();
  });
});

test('followers tell the same, and who leads next captures the same, when the versions are long gone', async () => {
  await inWorld(async (env, log) => {
    const ann = await open(env, log, 'ann');
    await ann.leading();
    await committed(ann, null, (tx) => setCapture(tx, 'all', [{ place: 'p/any' }]));
    const from = ann.status.token;
    await committed(ann, 'p', (tx) => tx.set(['x'], 'first'));
    const bob = await open(env, log, 'bob');
    await ann.close();
    await bob.leading();
    await committed(bob, 'p', (tx) => tx.set(['x'], 'second'));
    for (let count = 0; count < 100; count++) await committed(bob, 'q', (tx) => tx.set(['x'], 'q'.repeat(100)));
    await env.sleep('1s');
    const cid = await open(env, log, 'cid', false);
    const expected = ['set p x was absent', 'set p x was "first"'];
    for (const node of [bob, cid]) expect((await lines(node, from, 2)).slice(0, 2)).toEqual(expected);
    await Promise.all([bob.close(), cid.close()]);
  });
});

test('a capture is replaced and taken away by its name; what deletes too much of what is captured is refused', async () => {
  await inWorld(async (env, log) => {
    const ann = await open(env, log, 'ann');
    await ann.leading();
    await committed(ann, null, (tx) => setCapture(tx, 'a', [{ prefix: ['x'] }]));
    const shown = async (): Promise<unknown> => {
      const snapshot = await ann.read('linearizable');
      if (snapshot.kind !== 'snapshot') throw new Error(snapshot.kind);
      const found = captures(snapshot);
      snapshot[Symbol.dispose]();
      return found;
    };
    expect(await shown()).toEqual([{ name: 'a', ranges: [{ prefix: ['x'] }] }]);
    for (let part = 0; part < 4; part++)
      await committed(ann, 'p', (tx) => {
        for (let index = 0; index < 300; index++) tx.set(['x', part, index], 'x'.repeat(100));
      });
    const all = (): Promise<TransactOutcome<void>> => ann.transact('p', (tx) => tx.deleteRange({ prefix: ['x'] }));
    expect(await all()).toEqual({ kind: 'refused', reason: 'too-large' });
    await committed(ann, 'p', (tx) => tx.deleteRange({ prefix: ['x', 0] }));
    await committed(ann, null, (tx) => setCapture(tx, 'a', []));
    expect(await shown()).toEqual([]);
    const from = ann.status.token;
    expect((await all()).kind).toBe('committed');
    expect(await lines(ann, from, 1)).toEqual(['delete-range p x']);
    await expect(
      ann.transact(null, (tx) =>
        setCapture(
          tx,
          'b',
          Array.from({ length: 101 }, () => ({})),
        ),
      ),
    ).rejects.toThrow('too many ranges');
    await ann.close();
  });
});
