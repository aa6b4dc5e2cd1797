/**
 * A journal that answers once an append is written and syncs behind: a killed process loses nothing that was answered
 * for, a loss of power a last part at most, never what was told durable, and never anything from the middle.
 */
import type { Env } from 'lockstep/env';
import { simulate, type CrashKind, type World } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openJournal, type Journal } from '../../src/wal/journal.ts';
import { journalPosition } from '../../src/wal/position.ts';
import type { JournalReading } from '../../src/wal/recovery.ts';
import { encoder, files, limits, readAll } from './wal-storm.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const behind = { ...limits, syncBehindBytes: 2_048, syncBehindMs: 40 };

/** What was answered for, and up to which position it was told to be durable; both as positions behind the last. */
class Ledger {
  texts: string[] = [];
  answered = 1;
  durable = 1;
  trimmedTo = 1;
  /** Whether power was lost since it was read last, or may be at any time. */
  lostPower: boolean;
  readonly #losesPower: boolean;

  constructor(losesPower = false) {
    this.#losesPower = losesPower;
    this.lostPower = losesPower;
  }

  async open(
    env: Env,
    reading: JournalReading = env.randomness.float() < 0.5 ? 'end' : 'whole',
  ): Promise<Journal | null> {
    const journal = await openJournal(env, { ...files, create: true, limits: behind, durability: 'process', reading });
    journal?.whenDurable(() => (this.durable = Math.max(this.durable, journal.durable)));
    return journal;
  }

  /** What is there is the truth from now on, and durable. */
  found(world: World, journal: Journal, texts: readonly string[]): void {
    const { next, first } = journal;
    const least = this.lostPower ? this.durable : this.answered;
    if (next < least) world.fail(`ends before ${next}, and ${least} was promised, power lost: ${this.lostPower}`);
    if (texts.length !== next - first) world.fail('positions and entries do not agree');
    if (first > this.trimmedTo) world.fail('more was trimmed than was asked for');
    const wrong = texts.find((text, index) => text !== this.texts[first + index - 1]);
    if (wrong !== undefined) world.fail(`found ${wrong}, which was not written there`);
    this.texts.length = next - 1;
    [this.answered, this.durable, this.lostPower] = [next, next, this.#losesPower];
  }
}

async function writer(world: World, env: Env, ledger: Ledger, rounds: number): Promise<void> {
  const journal = await ledger.open(env);
  if (journal === null) throw new Error('it is created');
  ledger.found(world, journal, await readAll(journal, 900));
  const { randomness } = env;
  for (let round = 0; round < rounds; round++) {
    const appended: Promise<void>[] = [];
    for (let count = 1 + randomness.below(4); count > 0; count--) {
      const text = `${journal.appended}:${env.randomness.uint32()}`.padEnd(10 + randomness.below(600), '.');
      if (journal.waitingBytes > behind.waitingBytesMax - 1_000) await journal.room();
      ledger.texts.length = journal.appended - 1;
      ledger.texts.push(text);
      appended.push(
        journal.append([encoder.encode(text)]).then((outcome) => {
          if (outcome.kind !== 'appended') return world.fail(`there is room, and it says ${outcome.kind}`);
          ledger.answered = Math.max(ledger.answered, outcome.last + 1);
        }),
      );
    }
    await Promise.all(appended);
    if (randomness.below(5) === 0) await env.sleep('50ms');
    if (randomness.below(9) === 0) {
      await journal.sync();
      if (journal.durable !== journal.next) world.fail('a sync makes durable what was answered for');
    }
    if (randomness.below(8) === 0) {
      ledger.trimmedTo = journal.durable;
      if (randomness.below(2) === 0) await journal.trimBefore(journal.durable);
      else await journal.trimAllBefore(journal.durable);
    }
  }
  await journal.close();
}

test.each(['process', 'power'] as const)('a crash of kind %s at every effect keeps what it must', async (kind) => {
  let strikes = 0;
  for (let effect = 1, passed = false; !passed; effect++) {
    await simulate({ seeds: { only: effect }, weather: 'calm', twice: false }, async (world) => {
      await world.run('writer', async () => {});
      world.crashAt('writer', { effect, when: effect % 2 === 0 ? 'before' : 'after', kind });
      const ledger = new Ledger(kind === 'power');
      await world.run('writer', (env) => writer(world, env, ledger, 12));
      passed = world.effects('writer') < effect;
      world.crash('writer', { kind, restart: '10ms' });
      await world.run('judge', (env) => writer(world, env, ledger, 2), { on: 'writer' });
    });
    strikes++;
  }
  expect(strikes).toBeGreaterThan(40);
});

test('crashes of both kinds in any order, 150 seeds', async () => {
  await simulate({ seeds: 150, weather: 'calm' }, async (world) => {
    const ledger = new Ledger();
    const done = world.run('writer', (env) => writer(world, env, ledger, 40));
    for (let turn = 0; turn < 4; turn++) {
      await world.sleep(`${1 + world.random.below(400)}ms`);
      const kind: CrashKind = world.random.chance(0.6) ? 'power' : 'process';
      ledger.lostPower ||= kind === 'power';
      world.crash('writer', { kind, restart: '5ms' });
    }
    await done;
  });
});

test('what a synced group proves durable is not cut when it is damaged: it is corrupt', async () => {
  await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
    await world.run('writer', async (env) => {
      const ledger = new Ledger();
      const journal = (await ledger.open(env)) ?? expect.unreachable();
      for (let count = 0; count < 3; count++) await journal.append([new Uint8Array(300)]);
      await journal.sync();
      expect(journal.durable).toBe(4);
      await journal.append([new Uint8Array(10)]);
      expect(journal.durable).toBe(4);
      const file = env.disk.open(`${files.directory}/${files.prefix}-0000000001.seg`, 'write') ?? expect.unreachable();
      file.write(Uint8Array.of(9), 4_096 + 512 + 100);
      file.close();
      await expect(ledger.open(env, 'whole')).rejects.toMatchObject({
        kind: 'corrupt',
        values: { offset: 4_096 + 512 },
      });
    });
  });
});

test('damage in what was not synced cuts there, and nothing that was written behind it ever comes back', async () => {
  await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
    await world.run('writer', async (env) => {
      const open = async () => (await new Ledger().open(env)) ?? expect.unreachable();
      const journal = await open();
      for (let count = 1; count <= 5; count++) await journal.append([new Uint8Array(300).fill(count)]);
      expect(journal.durable).toBe(1);
      const path = `${files.directory}/${files.prefix}-0000000001.seg`;
      const file = env.disk.open(path, 'write') ?? expect.unreachable();
      file.write(Uint8Array.of(9), 4_096 + 512 + 100); // in the second of five
      file.close();
      const again = await open();
      expect([again.next, again.recovered.cut]).toEqual([2, { file: path, offset: 4_608, bytes: 4 * 512 }]);
      await again.append([new Uint8Array(300).fill(7)]); // as long as the one that was cut
      const third = await open();
      expect(third.next).toBe(3);
      const batch = await third.reader(journalPosition(1)).next(10_000);
      expect(batch.kind === 'entries' && [...batch.entries].map(([first]) => first)).toEqual([1, 7]);
    });
  });
});
