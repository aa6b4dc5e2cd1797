/** The contract over logs in files, in simulated time, and what is a file's own: damage, full disks, foreign files, other holders. */
import { expect, test } from 'vitest';
import { logContractOf } from '../../test/contracts/log.ts';
import type { Disk, DiskFile } from '../env/disk.ts';
import type { Env } from '../env/env.ts';
import { simulate } from '../sim/simulate.ts';
import type { World } from '../sim/world.ts';
import type { LogFaults, StopStep } from './contract.ts';
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

/** A disk on which the writer of a segment stops, at one step of its next write and sync. */
class StoppingDisk {
  readonly disk: Disk;
  #stop: { readonly step: StopStep; readonly onStopped: () => void; readonly resumed: Promise<void> } | null = null;

  constructor(disk: Disk) {
    this.disk = {
      open: (path, mode) => {
        const file = disk.open(path, mode);
        return file === null || mode === 'read' ? file : this.#stopping(file);
      },
      list: (directory) => disk.list(directory),
      stat: (path) => disk.stat(path),
      makeDirectory: (directory) => disk.makeDirectory(directory),
      rename: (from, to) => disk.rename(from, to),
      link: (existing, name) => disk.link(existing, name),
      remove: (path) => disk.remove(path),
      syncDirectory: (directory) => disk.syncDirectory(directory),
    };
  }

  readonly stopWriter: NonNullable<LogFaults['stopWriter']> = (step) => {
    const [stopped, resumed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    this.#stop = { step, onStopped: stopped.resolve, resumed: resumed.promise };
    return { stopped: stopped.promise, resume: resumed.resolve };
  };

  #stopping(file: DiskFile): DiskFile {
    let kept: { readonly bytes: Uint8Array; readonly at: number }[] = [];
    return {
      path: file.path,
      read: (into, at) => file.read(into, at),
      load: (into, at) => file.load(into, at),
      // A write takes effect with its sync when the writer is to stop before it.
      write: (bytes, at) => {
        if (this.#stop?.step === 'before the write') kept.push({ bytes: bytes.slice(), at });
        else file.write(bytes, at);
      },
      truncate: (size) => file.truncate(size),
      size: () => file.size(),
      sync: async () => {
        const stop = this.#stop;
        this.#stop = null;
        if (stop?.step === 'between sync and check') await file.sync();
        stop?.onStopped();
        await stop?.resumed;
        for (const { bytes, at } of kept) file.write(bytes, at);
        kept = [];
        await file.sync();
      },
      close: () => file.close(),
    };
  }
}

logContractOf('file', {
  run: (body) =>
    inWorld(async (env) => {
      const { disk, stopWriter } = new StoppingDisk(env.disk);
      const engine = fileEngine({ ...env, disk }, 'logs', options);
      const none = { loseAnswer: null, delayAppend: null, resendAppend: null, rollBack: null };
      await body({ env, engine, other: engine, faults: { ...none, stopWriter } });
      await engine.close();
    }),
  reasons: {
    loseAnswer: 'a disk of this machine answers or fails',
    delayAppend: 'see the writer that is stopped',
    resendAppend: 'nothing between engine and disk sends again',
    rollBack: 'a file that went back is damaged',
  },
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

test('damage before what is marked is corrupt, with file and offset, at opening', async () => {
  await inWorld(async (env, world) => {
    const engine = fileEngine(env, 'logs', options);
    const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
    const writer = await log.acquire({ owner: 'ann' });
    for (const text of ['a', 'b', 'c']) await append(writer, text);
    await engine.close();
    const path = 'logs/log/epoch-0000000001-0000000001.seg';
    world.disk('machine').rot(path, 4_096 + 60);
    await expect(made(env)).rejects.toMatchObject({ kind: 'corrupt', values: { path, offset: 4_096 } });
  });
});

test('on a full disk an append is in doubt, what was acknowledged stays, and with space it goes on', async () => {
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
    await expect(until()).rejects.toMatchObject({ happened: 'unknown' });
    expect(await append(writer, 'late')).toEqual({ kind: 'fenced' });
    world.disk('machine').free();
    await append(await log.acquire({ owner: 'ann' }), 'b');
    const texts = await textsIn(log);
    expect([texts[0], texts.at(-1)]).toEqual(['a', 'b']);
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
