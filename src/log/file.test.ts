/** The contract over logs in files, in simulated time, and what is a file's own: damage, full disks, foreign files, other holders. */
import { expect, test } from 'vitest';
import { logContractOf } from '../../test/contracts/log.ts';
import { fileReasons, StoppingDisk } from '../../test/contracts/stopping-disk.ts';
import type { Env } from '../env/env.ts';
import { simulate } from '../sim/simulate.ts';
import type { World } from '../sim/world.ts';
import { position } from './coordinates.ts';
import { fileEngine, type FileEngineOptions } from './file.ts';
import type { Log, LogBatch, LogWriter } from './port.ts';

const options: FileEngineOptions = {
  config: { silenceMs: 50, pauseMsMax: 10, settleMsMax: 2_000, attemptMsMax: 1_000 },
  limits: { segmentBytes: 24_576, groupBytesMax: 12_288, waitingBytesMax: 65_536, spareCountMax: 1 },
  payloadBytesMax: 8_192,
};

async function inWorld(body: (env: Env, world: World) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, weather: 'calm' }, (world) => world.run('machine', (env) => body(env, world)));
}

logContractOf('file', {
  run: (body) =>
    inWorld(async (env) => {
      const { disk, stopWriter, delayAppend } = new StoppingDisk(env.disk);
      const engine = fileEngine({ ...env, disk }, 'logs', options);
      const faults = { loseAnswer: null, resendAppend: null, rollBack: null, stopWriter, delayAppend };
      await body({ env, engine, other: engine, faults });
      await engine.close();
    }),
  reasons: fileReasons,
});

async function made(env: Env, directory = 'logs'): Promise<Log> {
  const log = await fileEngine(env, directory, options).open('log', { create: true });
  return log ?? expect.unreachable();
}
const encoder = new TextEncoder();
const append = (writer: LogWriter, text: string) =>
  writer.append({ payload: encoder.encode(text), firstRevision: 0, revisionCount: 1 });

async function textsIn(log: Log): Promise<readonly string[]> {
  const texts: string[] = [];
  const tail = await log.tail();
  if (tail === 0) return texts;
  for await (const batch of log.read(position(0))) {
    if (batch.kind !== 'records') throw new Error(JSON.stringify(batch));
    for (const { sequence, payload } of batch.records) if (sequence > 0) texts.push(new TextDecoder().decode(payload));
    if ((batch.records.at(-1)?.position ?? 0) >= tail) break;
  }
  return texts;
}

test('another holder of the directory fences this one, which acknowledges nothing more, and keeps what it acknowledged', async () => {
  await inWorld(async (env) => {
    const mine = await made(env);
    const writer = await mine.acquire({ owner: 'ann' });
    await append(writer, 'a');
    const theirs = await made(env);
    expect(await append(writer, 'late')).toEqual({ kind: 'fenced' });
    expect(await writer.confirm()).toBe('lost');
    await append(await theirs.acquire({ owner: 'bob' }), 'b');
    expect(await textsIn(theirs)).toEqual(['a', 'b']);
    // It may lead again, and then knows what the other one did.
    await append(await mine.acquire({ owner: 'ann' }), 'c');
    expect(await textsIn(mine)).toEqual(['a', 'b', 'c']);
  });
});

test('a reader goes on across the epochs of another holder once this one leads again', async () => {
  await inWorld(async (env) => {
    const mine = await made(env);
    const reader = mine.read(position(0))[Symbol.asyncIterator]();
    const next = async (): Promise<LogBatch> => {
      const { value, done } = await reader.next();
      return done === true ? expect.unreachable() : value;
    };
    await mine.acquire({ owner: 'ann' });
    expect(await next()).toMatchObject({ kind: 'records', records: [{ position: 1 }] });
    const theirs = await made(env);
    await append(await theirs.acquire({ owner: 'bob' }), 'b');
    await append(await mine.acquire({ owner: 'ann' }), 'c');
    const seen: number[] = [];
    while (seen.at(-1) !== 5) {
      const batch = await next();
      if (batch.kind === 'records') seen.push(...batch.records.map((record) => record.position));
    }
    expect(seen).toEqual([2, 3, 4, 5]);
  });
});

test('claims are removed as they are overtaken; the newest stays', async () => {
  await inWorld(async (env) => {
    for (let round = 0; round < 3; round++) await append(await (await made(env)).acquire({ owner: 'x' }), `${round}`);
    const names = (env.disk.list('logs/log') ?? []).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('claim-'))).toEqual(['claim-0000000003']);
    expect(await textsIn(await made(env))).toEqual(['0', '1', '2']);
  });
});

test('a trim removes whole epochs and segments, and a log opened again begins there', async () => {
  await inWorld(async (env) => {
    const big = { payload: new Uint8Array(4_000), firstRevision: 0, revisionCount: 1 };
    for (let round = 0; round < 3; round++) {
      const writer = await (await made(env)).acquire({ owner: 'ann' });
      for (let count = 0; count < 20; count++) await writer.append(big);
    }
    const log = await made(env);
    expect(await log.trim(position(60))).toBeLessThanOrEqual(60);
    const writer = await log.acquire({ owner: 'ann' });
    for (let count = 0; count < 20; count++) await writer.append(big);
    const first = await log.trim(position(80));
    expect(first).toBeGreaterThan(63);
    expect((env.disk.list('logs/log') ?? []).filter(({ name }) => name.startsWith('epoch-0000000001'))).toEqual([]);
    const again = await made(env);
    const reader = again.read(position(0))[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual({ kind: 'trimmed', earliest: first });
    expect(await again.tail()).toBe(84);
  });
});
