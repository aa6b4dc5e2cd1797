/** Rot in the files of a journal: reported with file and offset where a mark stands behind it, cut where none does. */
import { isLockstepError } from 'lockstep/env';
import { simulate } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openCutting, pathOf, rotted } from './wal-rot.ts';
import { encoder, find, openAtEnd, openRight, readAll } from './wal-storm.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

describe('rot', () => {
  test.each([
    ['when it is opened', openRight],
    ['when it is read at the latest, where only the end is read to open it', openAtEnd],
  ])('before a mark is reported with file and offset, and never read: %s', async (_, open) => {
    await simulate({ seeds: 50, weather: 'calm', twice: false }, rotted(open));
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
    const failure = await find({ seeds: 200, weather: 'calm' }, rotted(openCutting));
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
