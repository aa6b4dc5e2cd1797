/** A walk against the range of the same options: in a transaction that has written, and in a snapshot. */
import { expect, test } from 'vitest';
import type { KeyPart } from '../bytes/tuple.ts';
import { partsOf } from '../bytes/value-parts.ts';
import { inWorld, led } from '../../test/models/partition-world.ts';
import type { RangeOptions, ReadSpace } from './transaction.ts';

const options: readonly (RangeOptions & { readonly prefix: readonly KeyPart[] })[] = [
  { prefix: [] },
  { prefix: ['b'] },
  { prefix: ['b'], reverse: true },
  { prefix: ['b'], from: ['b', 3], to: ['b', 6] },
  { prefix: ['b'], limit: 2, reverse: true },
  { prefix: ['b'], limit: 0 },
  { prefix: ['b'], from: ['c'] },
  { prefix: ['none'] },
];

function checkWalks(space: ReadSpace): void {
  for (const asked of options) {
    const walk = space.walk(asked);
    for (const [key, value] of space.range(asked)) {
      expect(walk.next()).toBe(true);
      expect(walk.rest()).toEqual(key.slice(asked.prefix.length));
      expect(walk.key()).toEqual(key);
      expect(walk.value()).toEqual(value);
      const [parts, plain] = [walk.parts(), partsOf(value)];
      expect([parts.list(), parts.next(), parts.next()]).toEqual([plain.list(), plain.next(), plain.next()]);
      parts.end();
    }
    expect([walk.next(), walk.next()]).toEqual([false, false]);
    walk.end();
    walk.end();
  }
}

test('a walk shows what a range gives', async () => {
  await inWorld(async (env, log) => {
    const partition = await led(env, log);
    await partition.transact('a', (tx) => {
      for (let index = 0; index < 9; index++) tx.set([index % 2 === 0 ? 'b' : 'c', index], [index, 'first']);
    });
    await partition.transact('a', (tx) => {
      tx.set(['b', 4], [4, 'second']);
      tx.set(['b', 5], [5, 'second']);
      tx.delete(['b', 6]);
      checkWalks(tx);
    });
    const snapshot = await partition.read('linearizable');
    if (snapshot.kind !== 'snapshot') expect.unreachable();
    checkWalks(snapshot.at('a'));
    const walk = snapshot.at('a').walk();
    expect(walk.next()).toBe(true);
    snapshot[Symbol.dispose]();
    expect(() => walk.next()).toThrow('this snapshot was disposed');
    walk.end();
    await partition.close();
  });
});
