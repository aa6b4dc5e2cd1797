/** Whose directory it is: who comes second is told, and takes it when the first is dead or when it says so. */
import { expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import { simulate } from '../sim/simulate.ts';
import { openFileEngine, type OwnedFileEngineOptions } from './file-owner.ts';
import type { LogEngine } from './port.ts';

async function inWorld(body: (env: Env) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, weather: 'calm' }, (world) => world.run('machine', body));
}
const opened = (env: Env, pid: number, more: Partial<OwnedFileEngineOptions> = {}): Promise<LogEngine> =>
  openFileEngine(env, 'data', { pid, host: 'here', ...more });

test('who comes second is told which process is there, and nothing changes', async () => {
  await inWorld(async (env) => {
    const engine = await opened(env, 11);
    const writer = await (await engine.open('log', { create: true }))?.acquire({ owner: 'ann' });
    const second = opened(env, 12);
    await expect(second).rejects.toMatchObject({
      kind: 'in-use',
      values: { directory: 'data', pid: 11, host: 'here', since: expect.stringMatching(/^\d{4}-.*Z$/) },
    });
    await expect(second).rejects.toThrow('takeOver: true');
    expect(await writer?.confirm()).toBe('held');
    await engine.close();
    await (await opened(env, 12)).close();
    expect(env.disk.list('data')?.map(({ name }) => name)).toEqual(['log']);
  });
});

test('a dead holder is in nobody’s way, and a live or stopped one is not in the way of who takes over', async () => {
  await inWorld(async (env) => {
    const [first] = [await opened(env, 11)];
    const writer = await (await first.open('log', { create: true }))?.acquire({ owner: 'ann' });
    const asked: number[] = [];
    const isAlive = ({ pid }: { readonly pid: number }): boolean => asked.push(pid) === 0;
    const second = await opened(env, 12, { isAlive });
    expect(asked).toEqual([11]);
    const next = await (await second.open('log', { create: true }))?.acquire({ owner: 'bob' });
    expect(await writer?.append({ payload: new Uint8Array(1), firstRevision: 0, revisionCount: 0 })).toEqual({
      kind: 'fenced',
    });
    const third = await opened(env, 13, { takeOver: true });
    await third.open('log', { create: true });
    expect(await next?.confirm()).toBe('lost');
    // Whoever was taken over from leaves the owner of now in place.
    await first.close();
    await second.close();
    await expect(opened(env, 14)).rejects.toMatchObject({ values: { pid: 13 } });
  });
});

test('an owner that is torn names nobody', async () => {
  await inWorld(async (env) => {
    env.disk.makeDirectory('data');
    env.disk.open('data/owner', 'create')?.write(new TextEncoder().encode('{"pid": 1'), 0);
    await (await opened(env, 12)).close();
  });
});
