/** What disks do to logs in files: damage, no space, failed syncs, directories that vanish, files that are not theirs. */
import { expect, test } from 'vitest';
import { crc32c } from '../bytes/crc32c.ts';
import type { Disk } from '../env/disk.ts';
import type { Env } from '../env/env.ts';
import { simulate } from '../sim/simulate.ts';
import type { World } from '../sim/world.ts';
import { position } from './coordinates.ts';
import { fileEngine, type FileEngineOptions } from './file.ts';
import type { Log, LogBatch, LogRecord, LogWriter } from './port.ts';

const options: FileEngineOptions = {
  config: { silenceMs: 50, pauseMsMax: 10, settleMsMax: 2_000, attemptMsMax: 1_000 },
  limits: { segmentBytes: 24_576, groupBytesMax: 12_288, waitingBytesMax: 65_536, spareCountMax: 1 },
  payloadBytesMax: 8_192,
};

async function inWorld(body: (env: Env, world: World) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, weather: 'calm' }, (world) => world.run('machine', (env) => body(env, world)));
}

async function made(env: Env, directory = 'logs'): Promise<Log> {
  const log = await fileEngine(env, directory, options).open('log', { create: true });
  return log ?? expect.unreachable();
}
const encoder = new TextEncoder();
const append = (writer: LogWriter, text: string) =>
  writer.append({ payload: encoder.encode(text), firstRevision: 0, revisionCount: 1 });

async function recordsIn(log: Log): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  const tail = await log.tail();
  if (tail === 0) return records;
  for await (const batch of log.read(position(0))) {
    if (batch.kind !== 'records') throw new Error(JSON.stringify(batch));
    records.push(...batch.records);
    if ((batch.records.at(-1)?.position ?? 0) >= tail) break;
  }
  return records;
}
const textsIn = async (log: Log): Promise<readonly string[]> =>
  (await recordsIn(log)).filter(({ sequence }) => sequence > 0).map(({ payload }) => new TextDecoder().decode(payload));

/** Every file of a directory, to be put back later. */
function copyOf(disk: Disk, directory: string): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const { name, size } of disk.list(directory) ?? []) {
    const bytes = new Uint8Array(size);
    const file = disk.open(`${directory}/${name}`, 'read');
    file?.read(bytes, 0);
    file?.close();
    files.set(name, bytes);
  }
  return files;
}

async function restore(disk: Disk, directory: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const { name } of disk.list(directory) ?? []) await disk.remove(`${directory}/${name}`);
  for (const [name, bytes] of files) {
    const file = disk.open(`${directory}/${name}`, 'create');
    file?.write(bytes, 0);
    file?.close();
  }
}

test('damage before what is marked is corrupt, with file and offset, when it is read at the latest', async () => {
  await inWorld(async (env, world) => {
    const engine = fileEngine(env, 'logs', options);
    const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
    const writer = await log.acquire({ owner: 'ann' });
    for (const text of ['a', 'b', 'c']) await append(writer, text);
    await engine.close();
    const path = 'logs/log/epoch-0000000001-0000000001.seg';
    world.disk('machine').rot(path, 4_096 + 60);
    const read = made(env).then(recordsIn);
    await expect(read).rejects.toMatchObject({ kind: 'corrupt', values: { path, offset: 4_096 } });
  });
});

test('a full disk ends the writer, what was acknowledged stays, and with space it goes on', async () => {
  await inWorld(async (env, world) => {
    const log = await made(env);
    const writer = await log.acquire({ owner: 'ann' });
    await append(writer, 'a');
    world.disk('machine').fill('sync');
    const big = { payload: new Uint8Array(8_000), firstRevision: 0, revisionCount: 1 };
    const until = async (): Promise<unknown> => {
      for (let count = 0; count < 200; count++) await writer.append(big);
      return null;
    };
    await expect(until()).rejects.toMatchObject({ cause: { kind: 'disk-full' } });
    expect(await append(writer, 'late')).toEqual({ kind: 'fenced' });
    world.disk('machine').free();
    await append(await log.acquire({ owner: 'ann' }), 'b');
    const texts = await textsIn(log);
    expect([texts[0], texts.at(-1)]).toEqual(['a', 'b']);
  });
});

test('where space runs out before anything of an append is there, it certainly did not happen', async () => {
  await inWorld(async (env, world) => {
    const log = await made(env);
    const writer = await log.acquire({ owner: 'ann' });
    world.disk('machine').fill('write');
    let count = 0;
    const untilFull = async (): Promise<unknown> => {
      for (; count < 200; count++) await append(writer, `${count}`.padEnd(4_000));
      return null;
    };
    await expect(untilFull()).rejects.toMatchObject({
      kind: 'unavailable',
      happened: 'no',
      cause: { kind: 'disk-full' },
    });
    world.disk('machine').free();
    await append(await log.acquire({ owner: 'ann' }), 'b');
    expect(await textsIn(log)).toHaveLength(count + 1);
  });
});

test('after a failed sync what is in doubt is never acknowledged, and the log goes on', async () => {
  await inWorld(async (env, world) => {
    const log = await made(env);
    const writer = await log.acquire({ owner: 'ann' });
    await append(writer, 'a');
    world.disk('machine').failSyncs();
    await expect(append(writer, 'b')).rejects.toMatchObject({ kind: 'unknown', cause: { kind: 'disk-failed' } });
    await append(await log.acquire({ owner: 'ann' }), 'c');
    const texts = await textsIn(log);
    expect(texts.filter((text) => text !== 'b')).toEqual(['a', 'c']);
  });
});

test('files of others, a lost identity, and another format are told apart, and nothing is overwritten', async () => {
  await inWorld(async (env) => {
    const { disk } = env;
    disk.makeDirectory('logs/log');
    disk.open('logs/log/photo.jpg', 'create')?.close();
    await expect(made(env)).rejects.toMatchObject({ kind: 'invalid', values: { file: 'photo.jpg' } });
    expect(disk.stat('logs/log/photo.jpg')).not.toBeNull();

    const log = await made(env, 'others');
    await append(await log.acquire({ owner: 'ann' }), 'a');
    const identity = disk.open('others/log/identity', 'write') ?? expect.unreachable();
    identity.write(Uint8Array.of(9), 3);
    await expect(made(env, 'others')).rejects.toMatchObject({
      kind: 'corrupt',
      values: { path: 'others/log/identity' },
    });
    identity.write(new Uint8Array(0), 0);
    await disk.remove('others/log/identity');
    await expect(made(env, 'others')).rejects.toMatchObject({ kind: 'corrupt' });
    expect(disk.stat('others/log/epoch-0000000001-0000000001.seg')).not.toBeNull();
  });
});

test('whose directory vanished acknowledges nothing', async () => {
  await inWorld(async (env) => {
    const log = await made(env);
    const writer = await log.acquire({ owner: 'ann' });
    await append(writer, 'a');
    for (const { name } of env.disk.list('logs/log') ?? []) await env.disk.remove(`logs/log/${name}`);
    await env.disk.remove('logs/log');
    expect(await append(writer, 'b')).toEqual({ kind: 'fenced' });
    await expect(log.acquire({ owner: 'ann' })).rejects.toMatchObject({ kind: 'disk-failed' });
  });
});

test('without space no log is made and none is claimed; with space the same calls work', async () => {
  await inWorld(async (env, world) => {
    const log = await made(env);
    const writer = await log.acquire({ owner: 'ann' });
    await append(writer, 'a');
    world.disk('machine').fill('write');
    await expect(made(env)).rejects.toMatchObject({ kind: 'disk-full', values: { path: expect.any(String) } });
    await expect(made(env, 'others')).rejects.toMatchObject({ kind: 'disk-full' });
    world.disk('machine').free();
    const again = await made(env);
    expect(await textsIn(again)).toEqual(['a']);
    await append(await again.acquire({ owner: 'bob' }), 'b');
    expect(await textsIn(again)).toEqual(['a', 'b']);
    expect(await textsIn(await made(env, 'others'))).toEqual([]);
  });
});

test('a reader that waits is told that the directory is gone', async () => {
  await inWorld(async (env) => {
    const log = await made(env);
    const waiting = log.read(position(0))[Symbol.asyncIterator]().next();
    for (const { name } of env.disk.list('logs/log') ?? []) await env.disk.remove(`logs/log/${name}`);
    await env.disk.remove('logs/log');
    await expect(waiting).rejects.toMatchObject({ kind: 'disk-failed', values: { path: 'logs/log' } });
  });
});

test('a reader that waits in a process that was taken over from is told so, and does not stall', async () => {
  await inWorld(async (env) => {
    const mine = await made(env);
    const last = (await mine.acquire({ owner: 'ann' })).start;
    const waiting = mine.read(last)[Symbol.asyncIterator]().next();
    const theirs = await made(env);
    await append(await theirs.acquire({ owner: 'bob' }), 'b');
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable', happened: 'no', values: { log: 'log' } });
    expect((await theirs.tail()) > last).toBe(true);
  });
});

test('an identity of another format is told with its version, and kept', async () => {
  await inWorld(async (env) => {
    await made(env);
    const path = 'logs/log/identity';
    const file = env.disk.open(path, 'write') ?? expect.unreachable();
    const bytes = new Uint8Array(file.size());
    file.read(bytes, 0);
    bytes[8] = 2;
    new DataView(bytes.buffer).setUint32(28, crc32c(bytes, 0, 28), true);
    file.write(bytes, 0);
    await expect(made(env)).rejects.toMatchObject({
      kind: 'invalid',
      values: { path, offset: 8, version: 2, supported: 1 },
    });
    expect(file.size()).toBe(bytes.length);
  });
});

test('a segment of another log is told with its path, and both logs are as they were', async () => {
  await inWorld(async ({ ...env }) => {
    for (const directory of ['logs', 'others']) {
      const engine = fileEngine(env, directory, options);
      const writer = await (await engine.open('log', { create: true }))?.acquire({ owner: 'ann' });
      if (writer !== undefined) await append(writer, directory);
      await engine.close();
    }
    const kept = copyOf(env.disk, 'logs/log');
    const name = 'epoch-0000000001-0000000001.seg';
    const mixed = new Map([...kept, [name, copyOf(env.disk, 'others/log').get(name) ?? expect.unreachable()]]);
    await restore(env.disk, 'logs/log', mixed);
    await expect(made(env)).rejects.toMatchObject({ kind: 'invalid', values: { path: `logs/log/${name}` } });
    await restore(env.disk, 'logs/log', kept);
    expect(await textsIn(await made(env))).toEqual(['logs']);
  });
});

test('a log that was restored from an old copy is diverged for whoever was further, also after it grew again', async () => {
  await inWorld(async (env) => {
    const write = async (...texts: readonly string[]): Promise<LogRecord> => {
      const engine = fileEngine(env, 'logs', options);
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      const writer = await log.acquire({ owner: 'ann' });
      for (const text of texts) await append(writer, text);
      const last = (await recordsIn(log)).at(-1) ?? expect.unreachable();
      await engine.close();
      return last;
    };
    await write('a');
    const copy = copyOf(env.disk, 'logs/log');
    const { position: last, chain } = await write('b', 'c');
    await restore(env.disk, 'logs/log', copy);
    const endOf = async (): Promise<LogBatch> => {
      const { value, done } = await (await made(env)).read(last, { chain })[Symbol.asyncIterator]().next();
      return done === true ? expect.unreachable() : value;
    };
    expect(await endOf()).toMatchObject({ kind: 'diverged', expected: `a log that goes up to position ${last}` });
    await write('d', 'e', 'f');
    expect(await endOf()).toMatchObject({ kind: 'diverged', expected: `chain ${chain}` });
  });
});

test('epochs that somebody removed are as trimmed, with all before them', async () => {
  await inWorld(async (env) => {
    for (const text of ['a', 'b', 'c']) await append(await (await made(env)).acquire({ owner: 'ann' }), text);
    for (const [gone, earliest] of [
      [1, 3],
      [2, 5],
    ]) {
      await env.disk.remove(`logs/log/epoch-000000000${gone}-0000000001.seg`);
      const log = await made(env);
      const first = await log.read(position(0))[Symbol.asyncIterator]().next();
      expect(first.value).toEqual({ kind: 'trimmed', earliest });
      expect(await log.tail()).toBe(6);
    }
  });
});
