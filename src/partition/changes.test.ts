/** Changes of keys, as they were committed: in order, on whichever node, until the log no longer has them. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import type { Log } from '../log/port.ts';
import type { Changes } from './changes.ts';
import { openPartition } from './open-partition.ts';
import type { PartitionSettings } from './options.ts';
import type { Partition } from './partition.ts';
import type { Token } from './transaction.ts';

async function inWorld(play: (env: Env, log: Log) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config: { silenceMs: 300, pauseMsMax: 100 } });
      await play(env, (await engine.open('log', { create: true })) ?? expect.unreachable());
      await engine.close();
    });
  });
}

const open = (env: Env, log: Log, owner: string, settings: Partial<PartitionSettings> = {}): Promise<Partition> =>
  openPartition(env, {
    log,
    payloadBytesMax: 1024 * 1024,
    directory: owner,
    owner,
    stands: owner === 'ann',
    settings,
    tree: { memtableBytes: 2_000, blockBytes: 512, tableBytes: 8_000, cacheBytes: 16_000, levelOneBytes: 32_000 },
  });

async function take(partition: Partition, from: Token, count: number): Promise<{ lines: string[]; token: Token }> {
  const lines: string[] = [];
  for await (const one of partition.changes(from)) {
    if (one.kind === 'trimmed') expect.unreachable();
    lines.push(...linesOf(one));
    if (lines.length >= count) return { lines, token: one.token };
  }
  return expect.unreachable();
}

const linesOf = (one: Extract<Changes, { readonly kind: 'changes' }>): string[] =>
  one.changes.map((change) => {
    const { kind, place, key } = change;
    const what =
      kind === 'set'
        ? JSON.stringify(change.value)
        : kind === 'delete'
          ? ''
          : `${change.to.join('/')} ${change.withPrefix}`;
    return `${kind} ${place ?? '-'} ${key.join('/')} ${what}`.trim();
  });

test('they are told in order, on leader and follower alike, and go on from where they stopped', async () => {
  await inWorld(async (env, log) => {
    const ann = await open(env, log, 'ann');
    const bob = await open(env, log, 'bob');
    await ann.leading();
    const { token: start } = ann.status;
    await ann.transact('p', (tx) => {
      tx.set(['x', 1], 'one');
      tx.local.set(['seen'], true);
      tx.system('timer', 'place').set(['hidden'], 1);
    });
    const first = await take(ann, start, 2);
    expect(first.lines).toEqual(['set p x/1 "one"', 'set - seen true']);
    const waiting = take(bob, first.token, 4);
    await ann.transact('q', (tx) => tx.set(['y'], 2), { commandId: env.newId() });
    await ann.transact('p', (tx) => {
      tx.delete(['x', 1]);
      tx.deleteRange({ prefix: ['x'] });
      tx.deleteRange({ from: ['a'], to: ['b', 255] });
    });
    const expected = ['set q y 2', 'delete p x/1', 'delete-range p x x true', 'delete-range p a b/255 false'];
    expect((await waiting).lines).toEqual(expected);
    expect((await take(ann, first.token, 4)).lines).toEqual(expected);
    await expect(take(ann, 'ffffffffffffffff.1.1' as Token, 1)).rejects.toMatchObject({ kind: 'invalid' });
    const ended = expect(take(bob, bob.status.token, 1)).rejects.toMatchObject({ kind: 'stopped' });
    await env.sleep('10ms');
    await bob.close();
    await ended;
    await ann.close();
  });
});

test('who reads holds the log, up to a bound; behind that it is told that changes are gone', async () => {
  await inWorld(async (env, log) => {
    const ann = await open(env, log, 'ann', { changesRecordsMax: 200 });
    await ann.leading();
    const { token: start } = ann.status;
    const write = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at++) await ann.transact('p', (tx) => tx.set(['x', at % 10], 'x'.repeat(50)));
      await env.sleep('1s');
    };
    await write(1);
    const reading = ann.changes(start);
    const begun = await reading.next();
    expect(begun.value).toMatchObject({ kind: 'changes' });
    await write(150);
    const kept = await reading.next();
    expect(kept.value).toMatchObject({ kind: 'changes' });
    expect((kept.value as Extract<Changes, { readonly kind: 'changes' }>).changes[0]).toMatchObject({ revision: 3 });
    await write(400);
    const all: string[] = [];
    for await (const one of reading) all.push(one.kind);
    expect(all.at(-1)).toBe('trimmed');
    await ann.close();
  });
});
