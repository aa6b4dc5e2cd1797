/** Whose tree it is: one process has the directory, a second is told who, and the end of the first, however, frees it. */
import { expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import { simulate } from '../sim/simulate.ts';
import type { World } from '../sim/world.ts';
import type { StoredTree } from './open-tree.ts';
import { openOwnedTree, type OwnedTreeOptions } from './owned-tree.ts';

const inWorld = async (body: (world: World) => Promise<void>): Promise<void> => {
  await simulate({ seeds: 1, weather: 'calm' }, body);
};
const on = 'machine';
const key = new Uint8Array([1]);

const opened = async (env: Env, options: OwnedTreeOptions = {}): Promise<StoredTree> =>
  (await openOwnedTree(env, 'data', options)) ?? expect.unreachable('it is made');

test('a second opening is refused by name, in this process and in another, until the first is closed', async () => {
  await inWorld(async (world) => {
    await world.run(
      'ann',
      async (env) => {
        const tree = await opened(env);
        await tree.put(key, key);
        const inUse = { kind: 'in-use', values: { directory: 'data', pid: env.ownership.self.pid } };
        await expect(opened(env)).rejects.toMatchObject(inUse);
        await expect(opened(env, { takeOver: true })).rejects.toMatchObject(inUse);
        await expect(opened(env, { create: false, damaged: 'read-around' })).rejects.toMatchObject(inUse);
        const waiting = opened(env, { withinMs: 10_000 });
        await env.sleep('300ms');
        await tree.close();
        const next = await waiting;
        expect(next.get(key)).toEqual(key);
        await next.close();
      },
      { on },
    );
  });
});

test('a holder that was killed is in nobody’s way', async () => {
  await inWorld(async (world) => {
    let isFirst = true;
    await new Promise<void>((resolve) => {
      void world.run(
        'holder',
        async (env) => {
          if (!isFirst) return;
          isFirst = false;
          await (await opened(env)).put(key, key);
          resolve();
          await env.sleep('1h');
        },
        { on },
      );
    });
    world.crash(on, { kind: 'process', restart: '10ms' });
    await world.run('next', async (env) => expect((await opened(env)).get(key)).toEqual(key), { on });
  });
});

test('what cannot be opened leaves the directory free', async () => {
  await inWorld((world) =>
    world.run(on, async (env) => {
      expect(await openOwnedTree(env, 'data', { create: false })).toBeNull();
      expect(env.disk.stat('data')).toBeNull();
      await (await opened(env)).close();
      const file = env.disk.open('data/tables/manifest', 'write');
      file?.write(new Uint8Array([0]), 0);
      file?.close();
      await expect(opened(env)).rejects.toMatchObject({ kind: 'corrupt' });
      await expect(opened(env)).rejects.toMatchObject({ kind: 'corrupt' });
    }),
  );
});
