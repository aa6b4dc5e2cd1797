/**
 * Logs in files that several processes on one machine take from each other, on a disk that forgives nothing. What was
 * acknowledged is there at its position for good; of each writer there is a beginning of what it appended, in order,
 * each once; what was denied never appears; readers see no other log than that. Bugs are planted between engine and disk.
 */
import type { Disk, DiskFile, Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import { simulate, SimulationFailure, type SimulateOptions, type World } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { position } from '../../src/log/coordinates.ts';
import { fileEngine } from '../../src/log/file.ts';
import type { Log, LogEngine, LogRecord, LogWriter } from '../../src/log/port.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const options = {
  config: { silenceMs: 40, pauseMsMax: 20, attemptMsMax: 500, settleMsMax: 1_000 },
  limits: { segmentBytes: 16_384, groupBytesMax: 4_096, waitingBytesMax: 8_192, spareCountMax: 1, markAfterMs: 50 },
  payloadBytesMax: 2_048,
};
const nodes = ['ann', 'bob', 'cid'] as const;
const encoder = new TextEncoder();
const textOf = ({ payload }: LogRecord): string => new TextDecoder().decode(payload).replaceAll('.', '');

/** What was promised to anybody, and what nobody may ever see. */
class Promises {
  readonly #world: World;
  readonly #at = new Map<number, string>();
  readonly #denied = new Set<string>();
  readonly #asked = new Map<string, number>();
  #writers = 0;
  trimmedTo = 1;
  acknowledged = 0;

  constructor(world: World) {
    this.#world = world;
  }

  newWriter(node: string): string {
    return `${node}${++this.#writers}`;
  }

  ask(writer: string): string {
    const count = (this.#asked.get(writer) ?? 0) + 1;
    this.#asked.set(writer, count);
    return `${writer}:${count}`;
  }

  promise(at: number, text: string, how: string): void {
    const before = this.#at.get(at) ?? text;
    if (before !== text) this.#world.fail(`position ${at} was promised to ${before}, and ${how} ${text}`);
    if (this.#denied.has(text)) this.#world.fail(`${text} was denied, and ${how} at ${at}`);
    if (at > this.acknowledged) this.acknowledged = at;
    this.#at.set(at, text);
  }

  deny(text: string): void {
    if ([...this.#at.values()].includes(text)) this.#world.fail(`${text} was seen, and is denied`);
    this.#denied.add(text);
  }

  /** `records` is all that is kept. */
  judge(first: number, records: readonly LogRecord[]): void {
    const { fail } = this.#world;
    if (first > this.trimmedTo) fail(`trimmed up to ${first}, asked for ${this.trimmedTo}`);
    for (const record of records) this.promise(record.position, nameOf(record), 'in the end has');
    const lost = [...this.#at].find(([at]) => at >= first && at > (records.at(-1)?.position ?? first - 1));
    if (lost !== undefined) fail(`${lost[1]} was promised at ${lost[0]}, after the end of the log`);
    const counts = new Map<string, number>();
    for (const record of records.filter(({ sequence }) => sequence > 0)) {
      const [writer = '', count = ''] = textOf(record).split(':');
      const before = counts.get(writer) ?? (first > 1 ? null : 0);
      if (before !== null && Number(count) !== before + 1) fail(`${writer} has ${count} after ${before}`);
      counts.set(writer, Number(count));
    }
  }
}
/** A claim is nobody's record: named by its place in the epochs. */
const nameOf = (record: LogRecord): string => (record.sequence === 0 ? `claim ${record.epoch}` : textOf(record));

/** Ways of an engine that is wrong, and of a process that is slow. */
type Meddling = (env: Env) => Disk;
const isSegment = (path: string): boolean => path.endsWith('.seg') || path.endsWith('.spare');

function meddle(
  disk: Disk,
  changes: Partial<Disk>,
  file: (file: DiskFile, path: string, mode: string) => DiskFile,
): Disk {
  return {
    open: (path, mode) => {
      const opened = disk.open(path, mode);
      return opened === null || mode === 'read' || !isSegment(path) ? opened : file(opened, path, mode);
    },
    list: (directory) => disk.list(directory),
    stat: (path) => disk.stat(path),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    link: (existing, name) => disk.link(existing, name),
    remove: (path) => disk.remove(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    ...changes,
  };
}
function fileWith(file: DiskFile, changes: Partial<DiskFile>): DiskFile {
  return {
    path: file.path,
    read: (into, at) => file.read(into, at),
    load: (into, at) => file.load(into, at),
    write: (bytes, at) => file.write(bytes, at),
    truncate: (size) => file.truncate(size),
    size: () => file.size(),
    sync: () => file.sync(),
    close: () => file.close(),
    ...changes,
  };
}

/** Now and then this process alone is stopped: before the write takes effect, before the sync, or after it. */
const stopping: Meddling = (env) =>
  meddle(env.disk, {}, (file) => {
    let kept: { readonly bytes: Uint8Array; readonly at: number }[] | null = null;
    let closed = false;
    const rest = async (): Promise<void> => {
      if (env.randomness.below(20) === 0) await env.sleep(`${env.randomness.below(300)}ms`);
    };
    const flush = (): void => {
      for (const { bytes, at } of kept ?? []) file.write(bytes, at);
      kept = null;
    };
    return fileWith(file, {
      write: (bytes, at) => {
        if (kept === null && env.randomness.below(30) === 0) kept = [];
        if (kept === null) file.write(bytes, at);
        else kept.push({ bytes: bytes.slice(), at });
      },
      read: (into, at) => (flush(), file.read(into, at)),
      load: (into, at) => {
        flush();
        return file.load(into, at);
      },
      size: () => (flush(), file.size()),
      truncate: (size) => (flush(), file.truncate(size)),
      sync: async () => {
        await rest();
        if (closed) return;
        flush();
        await file.sync();
        await rest();
      },
      close: () => {
        closed = true;
        file.close();
      },
    });
  });

const bugs: Readonly<Record<string, Meddling>> = {
  'skips the sync': (env) => meddle(env.disk, {}, (file) => fileWith(file, { sync: async () => {} })),
  'acknowledges before the sync': (env) =>
    meddle(env.disk, {}, (file) =>
      fileWith(file, {
        sync: async () => {
          file.sync().catch(() => {});
        },
      }),
    ),
  'forgets the directory sync': (env) => meddle(env.disk, { syncDirectory: async () => {} }, (file) => file),
  'trusts what it claims from': (env) =>
    meddle(env.disk, {}, (file, path, mode) =>
      mode === 'write' && path.endsWith('.seg') ? fileWith(file, { write: () => {}, sync: async () => {} }) : file,
    ),
  'checks before the write': (env) => {
    // What the check after the sync is told is what there was when the group was written.
    let seen: ReadonlySet<string> | null = null;
    let left = 0;
    const disk = stopping(env);
    const claims = (path: string): ReadonlySet<string> => {
      const directory = path.slice(0, path.lastIndexOf('/'));
      return new Set((disk.list(directory) ?? []).map(({ name }) => `${directory}/${name}`));
    };
    return {
      ...disk,
      stat: (path) => {
        if (left === 0 || seen === null || !path.includes('/claim-')) return disk.stat(path);
        left--;
        return seen.has(path) ? { name: path, kind: 'file', size: 0 } : null;
      },
      open: (path, mode) => {
        const file = disk.open(path, mode);
        if (file === null || mode === 'read' || !isSegment(path)) return file;
        return fileWith(file, {
          write: (bytes, at) => {
            seen = claims(path);
            file.write(bytes, at);
          },
          sync: async () => {
            await file.sync();
            left = 2;
          },
        });
      },
    };
  },
};

async function lead(env: Env, promises: Promises, log: Log, node: string, signal: AbortSignal) {
  const name = promises.newWriter(node);
  const writer: LogWriter = await log.acquire({ owner: name, signal });
  promises.promise(writer.start, `claim ${writer.epoch}`, `claimed by ${name} is`);
  for (let count = env.randomness.below(12); count > 0; count--) {
    const text = promises.ask(name);
    const payload = encoder.encode(text.padEnd(env.randomness.below(1_500), '.'));
    const outcome = await writer.append({ payload, firstRevision: 0, revisionCount: 1 });
    if (outcome.kind === 'fenced') return promises.deny(text);
    promises.promise(outcome.position, text, 'is acknowledged for');
    if (env.randomness.below(4) === 0) await env.sleep(`${env.randomness.below(100)}ms`);
    if (env.randomness.below(10) === 0 && (await writer.confirm()) === 'lost') return;
  }
  if (env.randomness.below(6) === 0) {
    promises.trimmedTo = Math.max(promises.trimmedTo, promises.acknowledged - 10);
    await log.trim(position(promises.trimmedTo));
  }
  if (env.randomness.below(3) > 0) await writer.release();
}

/** Reads on whatever this process sees, until it ends. */
async function follow(world: World, log: Log, promises: Promises, signal: AbortSignal): Promise<void> {
  for (let from = 0; ;) {
    let batchEarliest: number | null = null;
    for await (const batch of log.read(position(from), { signal })) {
      if (batch.kind === 'diverged') world.fail(`a reader finds ${JSON.stringify(batch)}`);
      if (batch.kind === 'trimmed') batchEarliest = batch.earliest;
      else for (const record of batch.records) promises.promise(record.position, nameOf(record), 'a reader sees');
    }
    if (batchEarliest === null) return;
    from = batchEarliest - 1;
  }
}

async function node(world: World, env: Env, name: string, promises: Promises, meddling: Meddling, done: () => boolean) {
  const disk = meddling(env);
  while (!done()) {
    const engine: LogEngine = fileEngine({ ...env, disk }, 'logs', options);
    const stop = new AbortController();
    let reading: Promise<unknown> = Promise.resolve();
    try {
      const log = await engine.open('log', { create: true });
      if (log === null) throw new Error('it is created');
      reading = follow(world, log, promises, stop.signal).catch((error: unknown) =>
        tolerate(world, error, stop.signal),
      );
      for (let turn = 1 + env.randomness.below(3); turn > 0; turn--) await lead(env, promises, log, name, stop.signal);
    } catch (error) {
      tolerate(world, error, stop.signal);
    }
    stop.abort(new Error('this turn is over'));
    await reading;
    await engine.close().catch((error: unknown) => tolerate(world, error, stop.signal));
    await env.sleep(`${env.randomness.below(200)}ms`);
  }
}

/** A disk may fail and a doubt may stay; what is never so is that anything is damaged. */
function tolerate(world: World, error: unknown, signal: AbortSignal): void {
  if (signal.aborted && error === signal.reason) return;
  const passes = ['unknown', 'unavailable', 'disk-full', 'disk-failed', 'stopped'] as const;
  if (passes.some((kind) => isLockstepError(error, kind))) return;
  if (isLockstepError(error, 'corrupt')) world.fail(`nothing is damaged, and yet: ${error.message}`);
  throw error;
}

async function everything(env: Env): Promise<{ readonly first: number; readonly records: readonly LogRecord[] }> {
  const engine = fileEngine(env, 'logs', options);
  const log = await engine.open('log', { create: true });
  if (log === null) throw new Error('it is created');
  const [records, tail]: [LogRecord[], number] = [[], await log.tail()];
  for (let [from, end] = [0, tail === 0]; !end;) {
    for await (const batch of log.read(position(from))) {
      if (batch.kind === 'diverged') throw new Error(JSON.stringify(batch));
      if (batch.kind === 'trimmed') from = batch.earliest - 1;
      else records.push(...batch.records);
      end = (records.at(-1)?.position ?? from) >= tail;
      if (end) break;
    }
  }
  await engine.close();
  return { first: records[0]?.position ?? tail + 1, records };
}

const scenario =
  (meddling: Meddling) =>
  async (world: World): Promise<void> => {
    const promises = new Promises(world);
    let enough = false;
    const running = nodes.map((name) =>
      world.run(name, (env) => node(world, env, name, promises, meddling, () => enough), { on: 'machine' }),
    );
    for (let strike = 0; strike < 3; strike++) {
      await world.sleep(`${100 + world.random.below(400)}ms`);
      const kind = world.random.pick(['process', 'power', 'power'] as const);
      if (world.random.chance(0.7)) world.crash('machine', { kind, restart: '20ms' });
    }
    world.heal();
    await world.sleep('300ms');
    enough = true;
    await Promise.all(running);
    world.crash('machine', { kind: 'power', restart: '10ms' });
    const { first, records } = await world.run('judge', everything, { on: 'machine' });
    promises.judge(first, records);
  };

const weather: SimulateOptions['weather'] = 'stormy';
const seeds = Number(process.env['SEEDS'] ?? 60);

test(
  `${seeds} seeds: what is acknowledged stays, once and in order, whoever takes the log from whom`,
  { timeout: 3_600_000 },
  async () => {
    const firstSeed = Number(process.env['FIRST'] ?? 1);
    const report = await simulate({ seeds, firstSeed, weather, twice: seeds <= 60 }, scenario(stopping));
    expect(report.seedCount).toBe(seeds);
  },
);

for (const [name, meddling] of Object.entries(bugs)) {
  test(`an engine that ${name} is found within 200 seeds`, { timeout: 60_000 }, async () => {
    const found = await simulate({ seeds: 200, weather, twice: false }, scenario(meddling)).catch(
      (error: unknown) => error,
    );
    expect(found).toBeInstanceOf(SimulationFailure);
    if (found instanceof SimulationFailure) console.log(`${name}: seed ${found.seed}, ${found.message.split('\n')[0]}`);
  });
}

/** A bit flips in what is stored. It is told with file and offset, or nothing depends on it; what is read is what was written. */
const rotting = async (world: World): Promise<void> => {
  const promises = new Promises(world);
  await world.run('ann', (env) => filled(env, promises), { on: 'machine' });
  const where = world.disk('machine').rot();
  if (where === null) world.fail('there is something to rot');
  let told: unknown = null;
  const read = await world.run(
    'judge',
    (env) =>
      everything(env).catch((error: unknown) => {
        told = error;
        return null;
      }),
    { on: 'machine' },
  );
  if (read === null) {
    if (!isLockstepError(told, 'corrupt') && !isLockstepError(told, 'invalid')) throw told;
    const { path, offset } = told.values;
    if (typeof path !== 'string' || typeof offset !== 'number')
      world.fail(`damage at ${where.path} is told without a place`);
    return;
  }
  // Closing adds a mark behind the last record, so no record may be missing.
  promises.judge(read.first, read.records);
};

async function filled(env: Env, promises: Promises): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const engine = fileEngine(env, 'logs', options);
    const log = await engine.open('log', { create: true });
    if (log === null) throw new Error('it is created');
    await lead(env, promises, log, 'ann', new AbortController().signal);
    await engine.close();
  }
}

test('rot is reported with its place, never read as data', { timeout: 60_000 }, async () => {
  const report = await simulate({ seeds: 300, weather: 'calm', twice: false }, rotting);
  expect(report.seedCount).toBe(300);
});
