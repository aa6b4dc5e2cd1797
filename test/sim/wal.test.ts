/**
 * The journal on a disk that forgives nothing. A model knows what was asked for and what was answered; whatever befell
 * the machine, what opens again is what was answered for, and of the rest a beginning, in order, each once.
 */
import type { Disk, DiskFile, Env } from 'lockstep/env';
import { isLockstepError, LockstepError } from 'lockstep/env';
import { simulate, SimulationFailure, type CrashKind, type SimulateOptions, type World } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openJournal, type Journal } from '../../src/wal/journal.ts';
import { journalPosition } from '../../src/wal/position.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const files = { directory: 'data/wal', prefix: 'j' };
const limits = {
  segmentBytes: 8_192,
  groupBytesMax: 1_024,
  waitingBytesMax: 3_000,
  spareCountMax: 1,
  markAfterMs: 100,
};
const encoder = new TextEncoder();
const decoder = new TextDecoder();

type Operation =
  | { readonly kind: 'append'; readonly texts: readonly string[] }
  | { readonly kind: 'cut'; readonly to: number };

/** What may be in the journal: what was answered for, and then a beginning of what was not. */
class Model {
  /** Position 1 is the first. */
  #texts: readonly string[] = [];
  #open: Operation[] = [];
  #count = 0;
  trimmedTo = 1;

  get texts(): readonly string[] {
    return this.#texts;
  }

  /** With everything that was asked for. */
  get newest(): readonly string[] {
    return this.#open.reduce(after, this.#texts);
  }

  text(bytes: number): string {
    return `${++this.#count}:`.padEnd(bytes, '.');
  }

  ask(operation: Operation): void {
    this.#open.push(operation);
  }

  /** It was full or refused before anything was taken. */
  takeBack(operation: Operation): void {
    this.#open = this.#open.filter((one) => one !== operation);
  }

  answered(world: World, operation: Operation): void {
    const first = this.#open.shift();
    if (first !== operation) world.fail('answers come in another order than what was asked for');
    this.#texts = after(this.#texts, operation);
  }

  /** Null if what was found may be so; it is the truth from now on. */
  found(first: number, texts: readonly string[]): string | null {
    if (first > this.trimmedTo) return `trimmed up to ${first}, asked for ${this.trimmedTo}`;
    let candidate = this.#texts;
    for (let taken = 0; taken <= this.#open.length; taken++) {
      const rest = candidate.slice(first - 1);
      if (rest.length === texts.length && rest.every((text, index) => text === texts[index])) {
        this.#texts = candidate;
        this.#open = [];
        return null;
      }
      candidate = after(candidate, this.#open[taken] ?? { kind: 'append', texts: [] });
    }
    const lost = this.#texts.slice(first - 1).find((text, index) => text !== texts[index]);
    return `found ${texts.length} entries from ${first}, answered for ${this.#texts.length}; the first to differ: ${lost?.slice(0, 9)}`;
  }
}

const after = (texts: readonly string[], operation: Operation): readonly string[] =>
  operation.kind === 'cut' ? texts.slice(0, operation.to) : [...texts, ...operation.texts];

async function readAll(journal: Journal, bytesMax: number): Promise<readonly string[]> {
  const reader = journal.reader(journal.first);
  const texts: string[] = [];
  for (;;) {
    const batch = await reader.next(bytesMax);
    if (batch.kind !== 'entries') return texts;
    for (const entry of batch.entries) texts.push(decoder.decode(entry));
  }
}

interface Plan {
  readonly rounds: number;
  readonly trims: boolean;
  readonly cuts: boolean;
  /** What the journal is given for a disk; the planted bugs. */
  readonly disk?: (disk: Disk) => Disk;
  /** Opens it; the default is the right way. */
  readonly open?: typeof openRight;
}

const openRight = (env: Env): Promise<Journal | null> => openJournal(env, { ...files, create: true, limits });

/** Opens, compares, appends, trims and cuts, reads; from its start again after each crash. */
async function writer(world: World, env: Env, model: Model, plan: Plan): Promise<void> {
  const disk = plan.disk?.(env.disk) ?? env.disk;
  const journal = await (plan.open ?? openRight)({ ...env, disk });
  if (journal === null) throw new Error('it is created');
  const { randomness } = env;
  const problem = model.found(journal.first, await readAll(journal, 1 + randomness.below(2_000)));
  if (problem !== null) world.fail(problem);
  let failed: unknown = null;
  const perform = async (operation: Operation, work: () => Promise<{ kind: string } | string>): Promise<void> => {
    model.ask(operation);
    try {
      const outcome = await work();
      if (typeof outcome === 'object' && outcome.kind === 'full') {
        model.takeBack(operation);
        await journal.room();
      } else model.answered(world, operation);
    } catch (error) {
      // It is behind an append that was full.
      if (operation.kind === 'cut' && isLockstepError(error, 'misuse')) model.takeBack(operation);
      else failed = error;
    }
  };
  for (let round = 0; round < plan.rounds && failed === null; round++) {
    const under: Promise<void>[] = [];
    for (let count = 1 + randomness.below(6); count > 0; count--) {
      const texts = Array.from({ length: 1 + randomness.below(3) }, () => model.text(randomness.below(300)));
      const entries = texts.map((text) => encoder.encode(text));
      under.push(perform({ kind: 'append', texts }, () => journal.append(entries)));
      if (plan.cuts && randomness.below(12) === 0) {
        const { length } = model.newest;
        const to = Math.max(journal.first - 1, model.trimmedTo - 1, length - randomness.below(12));
        if (to <= length) under.push(perform({ kind: 'cut', to }, () => journal.cutAfter(journalPosition(to))));
      }
    }
    if (plan.trims && randomness.below(4) === 0) {
      model.trimmedTo = Math.max(model.trimmedTo, 1 + randomness.below(model.texts.length + 1));
      under.push(journal.trimBefore(journalPosition(model.trimmedTo)).catch((error: unknown) => void (failed = error)));
    }
    if (randomness.below(3) > 0) await Promise.all(under);
    if (randomness.below(8) === 0) await env.sleep('300ms');
    if (randomness.below(8) === 0) await readAll(journal, 700);
    await Promise.all(under);
  }
  await journal.close();
  // The end of the process, and another start of it: as a supervisor would.
  if (failed !== null) throw isLockstepError(failed, 'unknown') ? failed.cause : failed;
}

const scenario =
  (plan: Plan) =>
  async (world: World): Promise<void> => {
    const model = new Model();
    const done = world.run('writer', (env) => writer(world, env, model, plan));
    await world.sleep('3s');
    world.heal(); // it may be killed faster than it can do its rounds
    await done;
    world.crash('writer', { kind: 'power', restart: '10ms' });
    await world.run('judge', (env) => writer(world, env, model, { ...plan, rounds: 0 }), { on: 'writer' });
  };

async function find(options: SimulateOptions, run: (world: World) => Promise<void>): Promise<SimulationFailure | null> {
  try {
    await simulate(options, run);
    return null;
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
}

/** A disk of which some calls do something else. */
function otherDisk(disk: Disk, changes: Partial<Disk>, file: (file: DiskFile) => DiskFile = (one) => one): Disk {
  return {
    open: (path, mode) => {
      const opened = disk.open(path, mode);
      return opened === null ? null : file(opened);
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

const otherSync = (file: DiskFile, sync: () => Promise<void>): DiskFile => ({
  path: file.path,
  read: (into, position) => file.read(into, position),
  load: (into, position) => file.load(into, position),
  write: (bytes, position) => file.write(bytes, position),
  truncate: (size) => file.truncate(size),
  size: () => file.size(),
  sync,
  close: () => file.close(),
});

const everything: Plan = { rounds: 25, trims: true, cuts: true };

describe('a journal in storms', () => {
  test('keeps what it answered for, through crashes, torn writes, failed syncs and full disks', async () => {
    await simulate({ seeds: 150 }, scenario(everything));
  });

  test('and without cuts, in calm weather too', async () => {
    await simulate({ seeds: 40 }, scenario({ ...everything, cuts: false }));
    await simulate({ seeds: 5, weather: 'calm' }, scenario(everything));
  });

  test.each<[string, Plan]>([
    [
      'skips the sync',
      { ...everything, disk: (disk) => otherDisk(disk, {}, (file) => otherSync(file, async () => {})) },
    ],
    [
      'acknowledges while the sync is under way',
      {
        ...everything,
        disk: (disk) => otherDisk(disk, {}, (file) => otherSync(file, async () => void file.sync().catch(() => {}))),
      },
    ],
    [
      'forgets the sync of the directory',
      { ...everything, disk: (disk) => otherDisk(disk, { syncDirectory: async () => {} }) },
    ],
  ])('one that %s is found within 200 seeds', async (_, plan) => {
    const failure = await find({ seeds: 200 }, scenario(plan));
    expect(failure).not.toBeNull();
    expect(failure?.message).toMatch(/answered for|is not what was written|a segment is missing/);
  });
});

describe('a crash at every effect', () => {
  const kinds: readonly CrashKind[] = ['process', 'power'];
  test.each(['before', 'after'] as const)('right %s it leaves what was answered for', async (when) => {
    for (const kind of kinds) {
      let strikes = 0;
      for (let effect = 1, passed = false; !passed; effect += 1) {
        await simulate({ seeds: { only: effect }, weather: 'calm', twice: false }, async (world) => {
          await world.run('writer', async () => {});
          world.crashAt('writer', { effect, when, kind });
          const model = new Model();
          await world.run('writer', (env) => writer(world, env, model, { ...everything, rounds: 7 }));
          passed = world.effects('writer') < effect;
          world.crash('writer', { kind: 'power', restart: '10ms' });
          await world.run('judge', (env) => writer(world, env, model, { ...everything, rounds: 1 }), { on: 'writer' });
        });
        strikes++;
      }
      expect(strikes).toBeGreaterThan(40);
    }
  });
});

describe('rot', () => {
  /** Writes, waits for the mark, has a bit flipped, opens again. */
  const rotted =
    (open: typeof openRight) =>
    async (world: World): Promise<void> => {
      const model = new Model();
      await world.run('writer', (env) => writer(world, env, model, { ...everything, cuts: false, rounds: 6 }), {
        steady: true,
      });
      const used = await world.run(
        'size',
        async (env) => {
          const journal = await openRight(env);
          if (journal === null) throw new Error('it is there');
          await env.sleep('1s');
          const { segment, offset } = journal.end;
          await journal.close();
          return { path: `${files.directory}/${files.prefix}-${String(segment).padStart(10, '0')}.seg`, offset };
        },
        { on: 'writer', steady: true },
      );
      // The last sector holds the mark itself, behind which nothing stands.
      const position = world.random.below(used.offset - 512);
      world.disk('writer').rot(used.path, position);
      await world.run(
        'judge',
        async (env) => {
          let journal: Journal | null;
          try {
            journal = await open(env);
          } catch (error) {
            if (!isLockstepError(error, 'corrupt')) throw error;
            if (error.values['path'] !== used.path) world.fail('another file is named');
            if (Number(error.values['offset']) > position) world.fail('an offset behind the damage is named');
            return;
          }
          if (journal === null) throw new Error('it is there');
          const problem = model.found(journal.first, await readAll(journal, 1_000));
          if (problem !== null) world.fail(problem);
        },
        { on: 'writer', steady: true },
      );
    };

  test('before a mark is reported with file and offset, and never read', async () => {
    await simulate({ seeds: 150, weather: 'calm' }, rotted(openRight));
  });

  test('one that cuts marked damage is found within 200 seeds', async () => {
    const failure = await find(
      { seeds: 200, weather: 'calm' },
      rotted(async (env) => {
        try {
          return await openRight(env);
        } catch (error) {
          if (!isLockstepError(error, 'corrupt')) throw error;
          const file = env.disk.open(String(error.values['path']), 'write');
          file?.truncate(Math.max(4_096, Number(error.values['offset'])));
          file?.close();
          return openRight(env);
        }
      }),
    );
    expect(failure?.verdict).toBe('safety');
  });

  test('of the last group with no mark behind it is cut, said, and never called corrupt', async () => {
    let cutCount = 0;
    await simulate({ seeds: 60, weather: 'calm' }, async (world) => {
      const place = await world.run('writer', async (env) => {
        const journal = await openRight(env);
        if (journal === null) throw new Error('it is created');
        for (let index = 0; index < 8; index++) await journal.append([encoder.encode(`${index}`.padEnd(600, '.'))]);
        return journal.end;
      });
      world.crash('writer', { kind: 'process', restart: '10ms' });
      const path = `${files.directory}/${files.prefix}-${String(place.segment).padStart(10, '0')}.seg`;
      const position = place.offset - 1_024 + world.random.below(56 + 602);
      world.disk('writer').rot(path, position);
      await world.run(
        'judge',
        async (env) => {
          const journal = await openRight(env);
          if (journal === null) throw new Error('it is there');
          if ((await readAll(journal, 10_000)).length !== 7) world.fail('the seven before it are there');
          const { cut } = journal.recovered;
          if (cut !== null && (cut.file !== path || cut.offset !== place.offset - 1_024))
            world.fail('another cut is told');
          if (cut !== null) cutCount++;
          await journal.close();
        },
        { on: 'writer' },
      );
    });
    expect(cutCount).toBeGreaterThan(0);
  });
});

test('an error of the disk names file and offset, what waits is told, and after space came back it opens again', async () => {
  for (const at of ['write', 'sync'] as const) {
    await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
      const model = new Model();
      let failures = 0;
      await world.run('writer', async (env) => {
        const journal = await openRight(env);
        if (journal === null) throw new Error('it is created');
        world.disk('writer').fill(at);
        const told: LockstepError[] = [];
        const asked = Array.from({ length: 60 }, async (_, index) => {
          await env.sleep(`${index * 2}ms`);
          const texts = [model.text(500)];
          const operation: Operation = { kind: 'append', texts };
          model.ask(operation);
          try {
            const outcome = await journal.append(texts.map((text) => encoder.encode(text)));
            if (outcome.kind === 'appended') model.answered(world, operation);
          } catch (error) {
            if (!(error instanceof LockstepError)) throw error;
            told.push(error);
          }
        });
        await Promise.all(asked);
        failures = told.length;
        const [first] = told;
        if (first?.kind !== 'unknown' || told.slice(1).some(({ kind }) => kind !== 'disk-full' && kind !== 'unknown')) {
          world.fail(`other errors are told: ${told.map(({ kind }) => kind).join()}`);
        }
        if (told.some(({ values }) => typeof values['path'] !== 'string' || typeof values['offset'] !== 'number')) {
          world.fail('file and offset are missing');
        }
        await journal.close();
        world.disk('writer').free();
      });
      expect(failures).toBeGreaterThan(0);
      await world.run('judge', (env) => writer(world, env, model, { ...everything, rounds: 3 }), { on: 'writer' });
    });
  }
});

test('whoever lost the right is refused, and so is everything that waits', async () => {
  await simulate({ seeds: 10, weather: 'calm' }, async (world) => {
    await world.run('writer', async (env) => {
      let leads = true;
      const journal = await openJournal(env, { ...files, create: true, limits, confirm: () => leads });
      if (journal === null) throw new Error('it is created');
      const kindOf = async (): Promise<string> => (await journal.append([encoder.encode('x')])).kind;
      if ((await kindOf()) !== 'appended') world.fail('it leads');
      leads = false;
      const both = Promise.all([kindOf(), env.sleep('0ms').then(kindOf)]);
      if ((await both).some((kind) => kind !== 'refused')) world.fail('it was answered for without the right');
      if ((await kindOf()) !== 'refused' || journal.next !== 2) world.fail('it goes on');
      await journal.close();
    });
  });
});
