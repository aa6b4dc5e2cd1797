/** Rot in the files of a journal: reported with file and offset where a mark stands behind it, cut where none does. */
import { isLockstepError } from 'lockstep/env';
import { simulate, type World } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Journal } from '../../src/wal/journal.ts';
import { encoder, everything, files, find, Model, openRight, readAll, writer } from './wal-storm.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const pathOf = (segment: number): string =>
  `${files.directory}/${files.prefix}-${String(segment).padStart(10, '0')}.seg`;

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
          const last = pathOf(segment);
          const names = (env.disk.list(files.directory) ?? []).filter(({ name }) => name.endsWith('.seg'));
          const path = `${files.directory}/${world.random.pick(names).name}`;
          return { path, offset: path === last ? offset : (env.disk.stat(path)?.size ?? 0) };
        },
        { on: 'writer', steady: true },
      );
      // Of the last segment the last sector holds the mark itself, behind which nothing stands.
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

  test('under a journal that is open is told to whoever reads there', async () => {
    let toldCount = 0;
    await simulate({ seeds: 60, weather: 'calm', twice: false }, async (world) => {
      await world.run('writer', async (env) => {
        const journal = await openRight(env);
        if (journal === null) throw new Error('it is created');
        const texts = Array.from({ length: 12 }, (_, index) => `${index}`.padEnd(500, '.'));
        for (const text of texts) await journal.append([encoder.encode(text)]);
        world.disk('writer').rot(pathOf(1), 4_096 + world.random.below(2_048));
        try {
          const read = await readAll(journal, 1 + world.random.below(3_000));
          if (read.join() !== texts.join()) world.fail('rot was read as data');
        } catch (error) {
          if (!isLockstepError(error, 'corrupt') || error.values['path'] !== pathOf(1)) throw error;
          toldCount++;
        }
        await journal.close();
      });
    });
    // About half of what was written is the rest of sectors.
    expect(toldCount).toBeGreaterThan(15);
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
      const path = pathOf(place.segment);
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
