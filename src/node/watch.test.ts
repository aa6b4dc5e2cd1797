/** Answers of a query that are followed, on a node in a calm world. */
import { describe, expect, test } from 'vitest';
import { both, inWorld, order, placed, totals } from '../../test/models/orders.ts';
import type { Answer } from '../machine/connection.ts';

/** So many of what it gives. */
async function first<T>(count: number, items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === count) break;
  return found;
}

const valuesOf = <T>(answers: readonly Answer<T>[]): T[] => answers.map(({ value }) => value);

describe('watching a query', () => {
  test('gives its answer now and after each change; many at once are one, and what changes nothing is none', async () => {
    await inWorld(
      async (node, env) => {
        await placed(node, 1);
        const answers = first(3, node.watch(totals, undefined));
        await env.sleep('200ms');
        expect((await node.explain({ key: 'totals' })).map(({ waitsFor }) => waitsFor)).toEqual([
          'a change of what it reads',
        ]);
        for (let total = 2; total < 6; total++) await placed(node, total);
        await env.sleep('200ms');
        await node.send(order, 'k-1', 'Raise', [0]); // the same rows
        await env.sleep('200ms');
        await placed(node, 6);
        expect(valuesOf(await answers)).toEqual([[1], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]]);
        expect(await node.explain({ key: 'totals' })).toEqual([]);
      },
      { partitions: 3 },
    );
  });

  test('of an asynchronous projection waits for its rows, and whoever reads slowly gets the newest', async () => {
    await inWorld(async (node, env) => {
      const seen: number[] = [];
      for await (const { value } of node.watch(both, undefined)) {
        seen.push(value[1]?.length ?? 0);
        if (seen.length === 2) break;
        for (let total = 1; total < 8; total++) await placed(node, total);
        await env.sleep('1s');
      }
      expect(seen).toEqual([0, 7]);
    });
  });

  test('ends with its signal and with the node', async () => {
    await inWorld(async (node, env) => {
      const ending = new AbortController();
      const aborted = first(2, node.watch(totals, undefined, { signal: ending.signal }));
      const closed = first(2, node.watch(totals, undefined));
      closed.catch(() => {}); // it is looked at below
      await env.sleep('100ms');
      ending.abort(new Error('enough'));
      await expect(aborted).rejects.toThrow('enough');
      await node.close();
      await expect(closed).rejects.toMatchObject({ kind: 'stopped' });
    });
  });
});
