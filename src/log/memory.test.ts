/** The contract over logs in memory, in simulated time: with reads that are linearizable, and with reads that are not. */
import { expect, test } from 'vitest';
import { FaultyStores, logContractOf } from '../../test/contracts/log.ts';
import type { Env } from '../env/env.ts';
import { simulate } from '../sim/simulate.ts';
import type { LogHarness } from './contract.ts';
import { position } from './coordinates.ts';
import { memoryEngine, MemoryStores } from './memory.ts';
import { storeEngine } from './store-engine.ts';

const config = { silenceMs: 50, pauseMsMax: 10, attemptMsMax: 2_000 };

async function inWorld(body: (env: Env) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, weather: 'calm' }, (world) => world.run('machine', body));
}

const harness = (reads: 'linearizable' | 'recent'): LogHarness => ({
  run: (body) =>
    inWorld(async (env) => {
      const memory = new MemoryStores();
      const stores = new FaultyStores(memory, reads);
      const [engine, other] = [stores, memory].map((one) => storeEngine(env, one, { config }));
      await body({ env, engine, other, faults: stores.faults } as Parameters<typeof body>[0]);
      await engine?.close();
      await other?.close();
    }),
  reasons: { stopWriter: 'memory has no write and no sync to stop between' },
});

logContractOf('memory', harness('linearizable'));
logContractOf('memory with reads that may be behind', harness('recent'));

test('two handles of one engine share its holds', async () => {
  await inWorld(async (env) => {
    const engine = memoryEngine(env, { config });
    const [log, again] = [await engine.open('log', { create: true }), await engine.open('log', { create: false })];
    const writer = await log?.acquire({ owner: 'ann' });
    for (let index = 0; index < 9; index++)
      await writer?.append({ payload: new Uint8Array(1), firstRevision: index, revisionCount: 1 });
    const hold = again?.hold(position(4));
    expect(await log?.trim(position(8))).toBe(4);
    hold?.release();
    expect(await log?.trim(position(8))).toBe(8);
    await engine.close();
  });
});

test('at its limit an append certainly did not happen, and after a trim there is room', async () => {
  await inWorld(async (env) => {
    const engine = memoryEngine(env, { config: { ...config, settleMsMax: 3_000 }, bytesMax: 4_000 });
    const log = await engine.open('log', { create: true });
    const entry = { payload: new Uint8Array(1_000), firstRevision: 0, revisionCount: 0 };
    const writer = await log?.acquire({ owner: 'ann' });
    for (let index = 0; index < 3; index++) await writer?.append(entry);
    await expect(writer?.append(entry)).rejects.toMatchObject({ kind: 'unavailable', happened: 'no' });
    await log?.trim(position(4));
    const next = await log?.acquire({ owner: 'bob' });
    expect(await next?.append(entry)).toEqual({ kind: 'appended', position: 6 });
  });
});
