/**
 * What isolation promises, by replaying: serializable transactions give what they would give one after the other in the
 * order of their revisions; under snapshot isolation each has read one moment, and none has written over another.
 */
import { expect, test } from 'vitest';
import { decoded, encoded } from '../../../test/models/core-tree.ts';
import type { Env } from '../../env/env.ts';
import { simulate } from '../../sim/simulate.ts';
import type { World } from '../../sim/world.ts';
import { openTree, type StoredTree } from '../open-tree.ts';
import type { Isolation, TreeTransaction } from './transaction.ts';

type State = ReadonlyMap<string, string>;
type Read =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'range'; readonly from: string; readonly limit: number };

interface Done {
  readonly saw: number;
  readonly revision: number;
  readonly reads: readonly { readonly read: Read; readonly seen: string }[];
  readonly writes: ReadonlyMap<string, string | null>;
}

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

const seenIn = (state: State, read: Read): string =>
  read.kind === 'get'
    ? String(state.get(read.key))
    : [...state]
        .filter(([key]) => key >= read.from)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, read.limit)
        .join(';');

const seenBy = (tx: TreeTransaction, read: Read): string =>
  read.kind === 'get'
    ? String(decoded(tx.get(encoded(read.key))))
    : [...tx.range({ from: encoded(read.from), limit: read.limit })]
        .map((pair) => pair.map(decoded).join(','))
        .join(';');

/** Reads before it writes, so that what it has seen is the tree's. */
async function run(world: World, env: Env, tree: StoredTree, isolation: Isolation): Promise<Done | null> {
  const { random } = world;
  const reads = Array.from({ length: 1 + random.below(3) }, (): Read =>
    random.chance(0.7)
      ? { kind: 'get', key: random.pick(names) }
      : { kind: 'range', from: random.pick(names), limit: 1 + random.below(3) },
  );
  const writes = new Map<string, string | null>();
  const targets = Array.from({ length: 1 + random.below(2) }, () => random.pick(names));
  const write = (tx: TreeTransaction): void => {
    for (const key of targets) {
      const value = random.chance(0.25) ? null : `${random.below(1_000)}`;
      writes.set(key, value);
      if (value === null) tx.delete(encoded(key));
      else tx.put(encoded(key), encoded(value));
    }
  };
  const alone = (tx: TreeTransaction): Omit<Done, 'revision'> => {
    const seen = reads.map((read) => ({ read, seen: seenBy(tx, read) }));
    write(tx);
    return { saw: tx.revision, reads: seen, writes };
  };
  const waiting = async (tx: TreeTransaction): Promise<Omit<Done, 'revision'>> => {
    const seen = [];
    for (const read of reads) {
      seen.push({ read, seen: seenBy(tx, read) });
      await env.sleep(`${random.below(4)}ms`);
    }
    writes.clear();
    write(tx);
    await env.sleep(`${random.below(4)}ms`);
    return { saw: tx.revision, reads: seen, writes };
  };
  const outcome = await tree.transact(random.chance(0.4) ? alone : waiting, { isolation, attempts: 4 });
  return outcome.kind === 'committed' ? { ...outcome.value, revision: outcome.revision } : null;
}

async function history(
  world: World,
  env: Env,
  isolation: Isolation,
): Promise<{ done: Done[]; tree: StoredTree; lost: number }> {
  const tree = (await openTree(env, 'tree', { memtableBytes: 2_048, blockBytes: 512 })) ?? expect.unreachable();
  const done: Done[] = [];
  let lost = 0;
  const client = async (): Promise<void> => {
    for (let count = 0; count < 15; count++) {
      const one = await run(world, env, tree, isolation);
      if (one === null) lost++;
      else done.push(one);
      if (world.random.chance(0.05)) await tree.flush();
      if (world.random.chance(0.3)) await env.sleep(`${world.random.below(8)}ms`);
    }
  };
  await Promise.all(Array.from({ length: 5 }, client));
  return { done: done.toSorted((a, b) => a.revision - b.revision), tree, lost };
}

/** By revision; every revision is one of these transactions. */
function statesOf(done: readonly Done[]): State[] {
  const states: State[] = [new Map()];
  for (const { revision, writes } of done) {
    expect(revision).toBe(states.length);
    const next = new Map(states.at(-1));
    for (const [key, value] of writes) {
      if (value === null) next.delete(key);
      else next.set(key, value);
    }
    states.push(next);
  }
  return states;
}

const stateAt = (states: readonly State[], revision: number): State => states[Math.max(0, revision)] as State;
const textOf = (state: State): string => seenIn(state, { kind: 'range', from: '', limit: Infinity });

test('serializable: as one after the other, in the order of revisions', async () => {
  let [lost, raced] = [0, 0];
  await simulate({ seeds: 12, weather: 'calm', twice: false }, (world) =>
    world.run('node', async (env) => {
      const { done, tree, lost: here } = await history(world, env, 'serializable');
      const states = statesOf(done);
      for (const { revision, saw, reads } of done) {
        for (const { read, seen } of reads) expect(seen).toBe(seenIn(stateAt(states, revision - 1), read));
        if (saw < revision - 1) raced++;
      }
      expect([...tree.scan()].map((pair) => pair.map(decoded).join(',')).join(';')).toBe(
        textOf(states.at(-1) as State),
      );
      lost += here;
      await tree.close();
    }),
  );
  expect(lost).toBeGreaterThan(10);
  expect(raced).toBeGreaterThan(50); // committed though others were first: they had not touched what it read
});

test('snapshot isolation: each saw one moment, and nobody wrote over another', async () => {
  let skewed = 0;
  await simulate({ seeds: 12, weather: 'calm', twice: false }, (world) =>
    world.run('node', async (env) => {
      const { done, tree } = await history(world, env, 'snapshot');
      const states = statesOf(done);
      for (const { saw, revision, reads, writes } of done) {
        for (const { read, seen } of reads) {
          expect(seen).toBe(seenIn(stateAt(states, saw), read));
          if (seen !== seenIn(stateAt(states, revision - 1), read)) skewed++;
        }
        for (const other of done.slice(Math.max(0, saw), revision - 1))
          for (const key of writes.keys()) expect(other.writes.has(key)).toBe(false);
      }
      await tree.close();
    }),
  );
  expect(skewed).toBeGreaterThan(50);
});
