/** A bit flips in a journal behind whose last entry a mark stands: it is told with file and offset, or harms nothing. */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { everything, files, Model, openRight, readAll, writer } from './wal-storm.ts';
import { cutDamage } from './services/other-disk.ts';

export const pathOf = (segment: number): string =>
  `${files.directory}/${files.prefix}-${String(segment).padStart(10, '0')}.seg`;

const machine = { on: 'writer', steady: true } as const;

/** A bug: all damage is a torn end. */
export const openCutting: typeof openRight = async (env) => {
  try {
    return await openRight(env);
  } catch (error) {
    if (!isLockstepError(error, 'corrupt')) throw error;
    cutDamage(env.disk, String(error.values['path']), Number(error.values['offset']));
    return openRight(env);
  }
};

/** Writes, waits for the mark, has a bit flipped, opens again. */
export const rotted =
  (open: typeof openRight) =>
  async (world: World): Promise<void> => {
    const model = new Model();
    await world.run('writer', (env) => writer(world, env, model, { ...everything, cuts: false, rounds: 6 }), {
      steady: true,
    });
    const used = await world.run('size', (env) => usedPart(world, env), machine);
    // Of the last segment the last sector holds the mark itself, behind which nothing stands.
    const position = world.random.below(used.offset - 512);
    world.disk('writer').rot(used.path, position);
    await world.run(
      'judge',
      async (env) => {
        try {
          const journal = await open(env);
          if (journal === null) throw new Error('it is there');
          const problem = model.found(journal.first, await readAll(journal, 1_000));
          if (problem !== null) world.fail(problem);
        } catch (error) {
          if (!isLockstepError(error, 'corrupt')) throw error;
          if (error.values['path'] !== used.path) world.fail('another file is named');
          if (Number(error.values['offset']) > position) world.fail('an offset behind the damage is named');
        }
      },
      machine,
    );
  };

/** Of any segment, and how much of it was written. */
async function usedPart(world: World, env: Env): Promise<{ readonly path: string; readonly offset: number }> {
  const journal = await openRight(env);
  if (journal === null) throw new Error('it is there');
  await env.sleep('1s');
  const { segment, offset } = journal.end;
  await journal.close();
  const names = (env.disk.list(files.directory) ?? []).filter(({ name }) => name.endsWith('.seg'));
  const path = `${files.directory}/${world.random.pick(names).name}`;
  return { path, offset: path === pathOf(segment) ? offset : (env.disk.stat(path)?.size ?? 0) };
}
