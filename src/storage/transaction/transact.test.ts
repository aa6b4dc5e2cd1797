/** Transactions on a tree of its own, in simulated worlds: alone, optimistic, refused, at their deadlines, on a failing disk. */
import { expect, test } from 'vitest';
import { decoded, encoded } from '../../../test/models/core-tree.ts';
import type { Env } from '../../env/env.ts';
import { Waits } from '../../observe/waits.ts';
import { simulate } from '../../sim/simulate.ts';
import type { World } from '../../sim/world.ts';
import { openTree, type OpenTreeOptions, type StoredTree } from '../open-tree.ts';
import type { TreeTransaction } from './transaction.ts';

const small: OpenTreeOptions = { memtableBytes: 64 * 1024, blockBytes: 512, cacheBytes: 65_536 };

const play = async (body: (env: Env, world: World) => Promise<void>): Promise<void> => {
  await simulate({ seeds: 1, weather: 'calm' }, (world) => world.run('node', (env) => body(env, world)));
};
const open = async (env: Env, options: OpenTreeOptions = {}): Promise<StoredTree> =>
  (await openTree(env, 'tree', { ...small, ...options })) ?? expect.unreachable('it is made');

const numberAt = (tx: Pick<TreeTransaction, 'get'>, key: string): number => Number(decoded(tx.get(encoded(key))) ?? 0);
const add = (tx: TreeTransaction, key: string, amount: number): void =>
  tx.put(encoded(key), encoded(String(numberAt(tx, key) + amount)));

test('without await they run at once, one after the other, on what the ones before have written', async () => {
  await play(async (env) => {
    const tree = await open(env);
    const seen: number[] = [];
    const outcomes = Array.from({ length: 20 }, () =>
      tree.transact((tx) => {
        seen.push(numberAt(tx, 'counter'));
        add(tx, 'counter', 1);
        return tx.revision;
      }),
    );
    expect(seen).toEqual(Array.from({ length: 20 }, (_, at) => at));
    expect(tree.get(encoded('counter'))).toBeUndefined(); // nothing is acknowledged yet
    using before = tree.snapshot();
    const done = await Promise.all(outcomes);
    expect(done.map((one) => one.kind === 'committed' && one.revision)).toEqual(seen.map((at) => at + 1));
    expect(numberAt(tree, 'counter')).toBe(20);
    expect(numberAt(before, 'counter')).toBe(0);
    await tree.close();
  });
});

test('who only read waits for what it read to be acknowledged, and so does what it throws', async () => {
  await play(async (env) => {
    const tree = await open(env);
    const order: string[] = [];
    const write = tree.put(encoded('a'), encoded('1')).then(() => order.push('written'));
    const read = tree
      .transact((tx) => numberAt(tx, 'a'))
      .then((one) => order.push(`read ${one.kind === 'committed' && one.value}`));
    const thrown = tree
      .transact((tx) => {
        throw new Error(`saw ${numberAt(tx, 'a')}`);
      })
      .catch((error: unknown) => order.push((error as Error).message));
    const visible = await tree.transact((tx) => numberAt(tx, 'a'), { readOnly: true });
    expect(visible).toEqual({ kind: 'committed', value: 0, revision: -1 });
    await Promise.all([write, read, thrown]);
    expect(order).toEqual(['written', 'read 1', 'saw 1']);
    await tree.close();
  });
});

test('with await: it sees one moment, is checked, and run again when another was first', async () => {
  await play(async (env) => {
    const tree = await open(env);
    await tree.put(encoded('a'), encoded('1'));
    let runs = 0;
    const outcome = tree.transact(async (tx) => {
      runs++;
      const first = numberAt(tx, 'a');
      await env.sleep('20ms');
      expect(numberAt(tx, 'a')).toBe(first);
      add(tx, 'a', 10);
      return runs;
    });
    await tree.put(encoded('a'), encoded('5'));
    expect(await outcome).toEqual({ kind: 'committed', value: 2, revision: 3 });
    expect(numberAt(tree, 'a')).toBe(15);
    expect(tree.stats().readerCount).toBe(0);
    await tree.close();
  });
});

test('one that can never win says why', async () => {
  await play(async (env) => {
    const tree = await open(env);
    const outcome = tree.transact(
      async (tx) => {
        add(tx, 'hot', 1);
        await env.sleep('1ms');
        await tree.put(encoded('hot'), encoded('other'));
      },
      { attempts: 3, name: 'greedy' },
    );
    expect(await outcome).toEqual({
      kind: 'conflict',
      attempts: 3,
      reason: 'changed',
      key: encoded('hot'),
      explain: expect.stringMatching(
        /^not committed after 3 attempts; other transactions had changed what it had read: hot \(3 times, last at revision 3\); .*without await/,
      ),
    });
    const late = await tree.transact(
      async (tx) => {
        add(tx, 'hot', 1);
        await env.sleep('1ms');
        await tree.put(encoded('hot'), encoded('other'));
      },
      { attempts: 1_000, withinMs: 200 },
    );
    expect(late).toMatchObject({ kind: 'conflict', reason: 'changed' });
    expect(tree.stats().readerCount).toBe(0);
    await tree.close();
  });
});

test('one that lasts longer than recent writes are known is too old, and says so', async () => {
  await play(async (env) => {
    const tree = await open(env, { memtableBytes: 4_096 });
    const outcome = await tree.transact(
      async (tx) => {
        add(tx, 'mine', 1);
        await env.sleep('1ms');
        for (let count = 0; count < 300; count++) await tree.put(encoded(`k${count}`), encoded('v'.repeat(40)));
        await tree.flush();
      },
      { attempts: 2, withinMs: 600_000 },
    );
    expect(outcome).toMatchObject({ kind: 'conflict', attempts: 2, reason: 'too-old', key: null });
    expect(outcome.kind === 'conflict' && outcome.explain).toMatch(
      /lasted longer than recent writes are known.*memtableBytes/,
    );
    const reader = await tree.transact(
      async (tx) => {
        const first = numberAt(tx, 'mine');
        await env.sleep('1ms');
        for (let count = 0; count < 300; count++) await tree.put(encoded(`k${count}`), encoded('v'.repeat(40)));
        return first + numberAt(tx, 'mine');
      },
      { withinMs: 600_000 },
    );
    expect(reader.kind).toBe('committed'); // who writes nothing saw one moment
    await tree.close();
  });
});

/** Each of two doctors goes off duty if the other is on. */
async function skew(env: Env, tree: StoredTree, isolation: 'serializable' | 'snapshot'): Promise<string[]> {
  await tree.put(encoded('on/ann'), encoded('1'));
  await tree.put(encoded('on/bob'), encoded('1'));
  const leave = async (name: string): Promise<string> => {
    const work = async (tx: TreeTransaction): Promise<boolean> => {
      const on = [...tx.range({ prefix: encoded('on/') })].length;
      await env.sleep('5ms');
      if (on > 1) tx.delete(encoded(`on/${name}`));
      return on > 1;
    };
    const outcome = await tree.transact(work, { isolation });
    return outcome.kind === 'committed' ? `left: ${outcome.value}` : outcome.kind;
  };
  return Promise.all([leave('ann'), leave('bob')]);
}

test('write skew: not when serializable, possible under snapshot isolation, which still checks what is written', async () => {
  await play(async (env) => {
    const tree = await open(env);
    expect((await skew(env, tree, 'serializable')).toSorted()).toEqual(['left: false', 'left: true']);
    expect([...tree.scan({ prefix: encoded('on/') })]).toHaveLength(1);
    expect(await skew(env, tree, 'snapshot')).toEqual(['left: true', 'left: true']);
    expect([...tree.scan({ prefix: encoded('on/') })]).toHaveLength(0);
    const both = await Promise.all(
      ['a', 'b'].map((value) =>
        tree.transact(
          async (tx) => {
            await env.sleep('5ms');
            if (value === 'a') tx.put(encoded('one'), encoded(value));
            else tx.deleteRange(encoded('o'), encoded('p'));
          },
          { isolation: 'snapshot', attempts: 1 },
        ),
      ),
    );
    expect(both.map(({ kind }) => kind).toSorted()).toEqual(['committed', 'conflict']);
    expect(both.find((one) => one.kind === 'conflict')).toMatchObject({
      explain: expect.stringContaining('was to write'),
    });
    await tree.close();
  });
});

test('what throws writes nothing; misuse is told', async () => {
  await play(async (env) => {
    const tree = await open(env);
    const kept: TreeTransaction[] = [];
    const failing = (error: unknown) => (tx: TreeTransaction) => {
      kept.push(tx);
      tx.put(encoded('a'), encoded('1'));
      throw error;
    };
    await expect(tree.transact(failing(new Error('no')))).rejects.toThrow('no');
    await expect(tree.transact(async (tx) => failing(new Error('later'))(tx))).rejects.toThrow('later');
    for (const tx of kept) expect(() => tx.get(encoded('a'))).toThrow(/the transaction is over/);
    const nested = { kind: 'misuse', message: expect.stringContaining('not part of it') };
    const inner: Promise<unknown>[] = [];
    await tree.transact(() => {
      inner.push(
        tree.transact(() => 1),
        tree.put(encoded('a'), encoded('1')),
        tree.delete(encoded('a')),
      );
    });
    for (const one of inner) await expect(one).rejects.toMatchObject(nested);
    await expect(tree.transact((tx) => tx.put(encoded('a'), encoded('1')), { readOnly: true })).rejects.toMatchObject({
      kind: 'misuse',
    });
    await expect(tree.transact(() => 1, { attempts: 0 })).rejects.toMatchObject({ kind: 'misuse' });
    await expect(tree.transact(() => 1, { isolation: 'none' as 'snapshot' })).rejects.toMatchObject({ kind: 'misuse' });
    const huge = new Uint8Array(7 * 1024 * 1024);
    await expect(
      tree.transact((tx) => ['a', 'b', 'c'].forEach((key) => tx.put(encoded(key), huge))),
    ).rejects.toMatchObject({ kind: 'invalid' });
    expect([...tree.scan()]).toEqual([]);
    expect(Math.max(0, tree.revision)).toBe(0);
    expect(tree.stats().readerCount).toBe(0);
    await tree.close();
    await expect(tree.transact(() => 1)).rejects.toMatchObject({ kind: 'stopped' });
  });
});

test('a deadline, a signal, a close end one whose function waits, and free what it held', async () => {
  await play(async (env) => {
    const waits = new Waits(env.clock, env.timers);
    const tree = await open(env, { waits });
    const kept: TreeTransaction[] = [];
    const slow = async (tx: TreeTransaction): Promise<void> => {
      kept.push(tx);
      tx.put(encoded('a'), encoded('1'));
      await env.sleep('1h');
    };
    const begun = tree.transact(slow, { withinMs: 100, name: 'slow one' });
    expect(waits.explain().map(({ what, key, waitsFor }) => [what, key, waitsFor])).toEqual([
      ['transaction', 'slow one', 'its function'],
    ]);
    expect(tree.stats().readerCount).toBe(1);
    await expect(begun).rejects.toMatchObject({ kind: 'unavailable', values: { name: 'slow one', withinMs: 100 } });
    const controller = new AbortController();
    const aborted = tree.transact(slow, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(tree.transact(slow, { signal: controller.signal })).rejects.toThrow('enough');
    expect(waits.count).toBe(0);
    expect(tree.stats().readerCount).toBe(0);
    const closed = tree.transact(slow);
    const closing = tree.close();
    await expect(closed).rejects.toMatchObject({ kind: 'stopped' });
    await closing;
    for (const tx of kept) expect(() => tx.get(encoded('a'))).toThrow(/the transaction is over/);
    expect(waits.count).toBe(0);
  });
});

test('when the disk fails nothing more is written, and what was not acknowledged is not seen', async () => {
  await play(async (env, world) => {
    const tree = await open(env);
    await tree.put(encoded('a'), encoded('1'));
    world.disk('node').failSyncs();
    const write = tree.transact((tx) => add(tx, 'a', 1));
    const read = tree.transact((tx) => numberAt(tx, 'a'));
    const waiting = tree.transact(async (tx) => {
      add(tx, 'a', 1);
      await env.sleep('1s');
    });
    await expect(write).rejects.toMatchObject({ kind: 'unknown' });
    await expect(read).rejects.toMatchObject({ kind: 'disk-failed' });
    await expect(waiting).rejects.toMatchObject({ kind: 'disk-failed' });
    await expect(tree.transact((tx) => add(tx, 'a', 1))).rejects.toMatchObject({ kind: 'disk-failed' });
    expect(numberAt(tree, 'a')).toBe(1);
    expect(await tree.transact((tx) => numberAt(tx, 'a'), { readOnly: true })).toMatchObject({ value: 1, revision: 1 });
    await tree.close();
    const again = await open(env);
    expect([1, 2]).toContain(numberAt(again, 'a'));
    await again.close();
  });
});
