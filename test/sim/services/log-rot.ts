/**
 * The last act of the scenario `log`, in calm weather: somebody leads once more, a bit of what is stored flips, and a
 * judge opens the log. Behind a mark, damage is told with file and offset and never cut. The last group, with no mark
 * behind it, cannot be told from a torn one: it alone may be cut, and is never called damaged.
 */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import type { LogRecord, LogWriter } from '../../../src/log/port.ts';
import { append, directory, engineOf, openLog, readAll, undamaged, type Ways } from './log-process.ts';
import type { Promises } from './log-promises.ts';

const machine = { on: 'machine' } as const;
const sectorBytes = 512;

/** Closing adds a mark behind the last record: no record may be missing, wherever a bit flips. */
export async function rotMarked(world: World, promises: Promises, ways: Ways): Promise<void> {
  await world.run('writer', (env) => leadOnce(env, promises, ways), machine);
  const newest = await world.run('lister', async (env) => newestSegment(env), machine);
  const bytes = world.disk('machine').durable(newest);
  const usedBytes = bytes === null ? 0 : bytes.findLastIndex((byte) => byte !== 0) + 1;
  const where = world.random.chance(0.5)
    ? world.disk('machine').rot()
    : world.disk('machine').rot(newest, world.random.below(usedBytes));
  if (where === null) world.fail('there is something to rot');
  const read = await world.run('judge', (env) => readOrTold(world, env, ways, where.path), machine);
  promises.count(read === null ? 'rot was told' : 'rot did no harm');
  if (read !== null) promises.judge(read.first, read.records);
}

async function leadOnce(env: Env, promises: Promises, ways: Ways): Promise<void> {
  const engine = engineOf(env, ways);
  const log = await openLog(engine);
  const name = promises.newWriter('dan');
  const writer = await log.acquire({ owner: name });
  promises.leads(writer.epoch, writer.start, name);
  for (let count = 1 + env.randomness.below(12); count > 0; count--)
    await append(promises, writer, name, env.randomness.below(1_500));
  await engine.close();
}

/** Null: the damage was told, with its place. */
async function readOrTold(
  world: World,
  env: Env,
  ways: Ways,
  path: string,
): Promise<{ readonly first: number; readonly records: readonly LogRecord[] } | null> {
  try {
    return await readAll(env, ways);
  } catch (error) {
    if (!isLockstepError(error, 'corrupt') && !isLockstepError(error, 'invalid')) throw error;
    const { path: told, offset } = error.values;
    if (typeof told !== 'string' || typeof offset !== 'number') world.fail(`damage at ${path} is told without a place`);
    return null;
  }
}

export const readUndamaged = (world: World, env: Env, ways: Ways): ReturnType<typeof readAll> =>
  readAll(env, ways).catch((error: unknown) => undamaged(world, error));

/** Killed right after an acknowledgement: no mark stands behind the last record. */
export async function rotUnmarked(world: World, promises: Promises, ways: Ways): Promise<void> {
  let last: { readonly path: string; readonly from: number; readonly to: number } | null = null;
  let isKilled = false;
  await world.run(
    'writer',
    async (env) => {
      if (isKilled) return;
      const engine = engineOf(env, ways);
      const writer = await (await openLog(engine)).acquire({ owner: promises.newWriter('eve') });
      promises.leads(writer.epoch, writer.start, 'eve');
      last = await lastGroup(world, env, promises, writer);
      isKilled = true;
      world.crash('machine', { kind: 'process', restart: '10ms' });
    },
    machine,
  );
  const { path, from, to } = last ?? world.fail('the writer says where its last group is');
  world.disk('machine').rot(path, from + world.random.below(to - from));
  const at = promises.acknowledged;
  const { first, records } = await world.run('judge', (env) => readUndamaged(world, env, ways), machine);
  if ((records.at(-1)?.position ?? first - 1) === at - 1) promises.mayHaveLost(at);
  promises.judge(first, records);
}

/** Appends, and sees by what has changed on the disk where the last record is. */
async function lastGroup(world: World, env: Env, promises: Promises, writer: LogWriter) {
  const name = `eve of epoch ${writer.epoch}`.replaceAll(' ', '-');
  for (let count = env.randomness.below(12); count > 0; count--)
    await append(promises, writer, name, env.randomness.below(1_500));
  const before = world.disk('machine').durable(newestSegment(env));
  const fresh = newestSegment(env);
  await append(promises, writer, name, 1 + env.randomness.below(1_500));
  const path = newestSegment(env);
  const now = world.disk('machine').durable(path) ?? new Uint8Array(0);
  const differs = (byte: number, index: number): boolean => byte !== (path === fresh ? (before?.[index] ?? 0) : 0);
  const headerBytes = 4_096;
  const first = path === fresh ? now.findIndex(differs) : headerBytes;
  return {
    path,
    from: Math.floor(first / sectorBytes) * sectorBytes,
    to: now.findLastIndex(differs) + 1,
  };
}

function newestSegment(env: Env): string {
  const names = (env.disk.list(directory) ?? []).map(({ name }) => name).filter((name) => name.endsWith('.seg'));
  return `${directory}/${names.at(-1) ?? ''}`;
}
