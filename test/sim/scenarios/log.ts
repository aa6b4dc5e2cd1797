/**
 * A log in files that several processes of one machine take from each other, on a disk that forgives nothing. What was
 * acknowledged is there at its position for good; of each writer there is a beginning of what it appended, in order,
 * each once; what was denied never appears; readers are given no other log than that, without gaps, and read on from
 * their place after a crash; who is told that it leads does. In the end a bit of what is stored may flip: that is told
 * with its place, or harms nothing.
 */
import type { World } from 'lockstep/sim';
import type { Scenario } from '../scenario.ts';
import { logBugs, stopping } from '../services/log-bugs.ts';
import { runProcess, type Ways } from '../services/log-process.ts';
import { Promises } from '../services/log-promises.ts';
import { readUndamaged, rotMarked, rotUnmarked } from '../services/log-rot.ts';

const processes = ['ann', 'bob', 'cid'] as const;
const machine = { on: 'machine' } as const;

export const logScenario: Scenario = {
  name: 'log',
  about: 'processes take a log in files from each other, through crashes, failing disks, pauses; then a bit flips',
  bugs: Object.keys(logBugs),
  async run(world, bug) {
    await play(world, bug);
  },
};

/** The whole of it; gives what came about. */
export async function play(world: World, bug: string | null): Promise<Promises> {
  const ways: Ways = { disk: (bug === null ? undefined : logBugs[bug]) ?? stopping };
  const promises = new Promises(world);
  await storm(world, promises, ways);
  if (world.random.chance(0.3)) crashAtACall(world, 20); // of who judges, mostly: while it recovers
  const { first, records } = await world.run('judge', (env) => readUndamaged(world, env, fair), machine);
  promises.judge(first, records);
  if (world.random.chance(0.6)) await rotMarked(world, promises, fair);
  else await rotUnmarked(world, promises, fair);
  return promises;
}

/** For who judges: nothing is stopped any more, and no bug of a disk is in the way. */
const fair: Ways = { disk: ({ disk }) => disk };

async function storm(world: World, promises: Promises, ways: Ways): Promise<void> {
  let enough = false;
  const running = processes.map((name) => {
    const who = { name, place: { position: 0, chain: undefined } };
    return world.run(name, (env) => runProcess(world, env, who, promises, ways, () => enough), machine);
  });
  for (let struck = 0; struck < 3; struck++) {
    await world.sleep(`${100 + world.random.below(400)}ms`);
    await strike(world, promises);
  }
  world.heal();
  const before = promises.newestEpoch;
  await world.until('somebody leads again', () => promises.newestEpoch > before);
  await world.sleep('200ms');
  enough = true;
  await Promise.all(running);
  world.crash('machine', { kind: 'power', restart: '10ms' });
}

const strikes = [
  'crash',
  'crash',
  'crash at a call',
  'crash in an append',
  'crash in an append',
  'fail',
  'fill',
  'none',
] as const;

/** Besides the weather, which knows nothing of logs: where it hurts, while a record is on its way to the disk. */
async function strike(world: World, promises: Promises): Promise<void> {
  const { random } = world;
  const what = random.pick(strikes);
  if (what === 'none') return;
  if (what === 'crash at a call') return crashAtACall(world, 100);
  if (what !== 'crash') await appendBegins(world, promises);
  const disk = world.disk('machine');
  if (what === 'fail') return disk.failSyncs();
  if (what === 'fill') {
    disk.fill(random.pick(['write', 'sync'] as const));
    await world.sleep(`${random.below(100)}ms`);
    return disk.free();
  }
  if (random.chance(0.5)) await world.sleep(`${random.below(3)}ms`);
  world.crash('machine', { kind: random.pick(['process', 'power', 'power'] as const), restart: '20ms' });
}

/** If one does within half a second. */
async function appendBegins(world: World, promises: Promises): Promise<void> {
  const [before, lastMs] = [promises.appendsBegun, world.nowMs + 500];
  await world.until('an append begins, or half a second is over', () => {
    return promises.appendsBegun > before || world.nowMs > lastMs;
  });
}

/** Right before or after one of the next calls that change the disk or sync it. */
function crashAtACall(world: World, callsMax: number): void {
  world.crashAt('machine', {
    effect: world.effects('machine') + 1 + world.random.below(callsMax),
    when: world.random.pick(['before', 'after'] as const),
    kind: world.random.pick(['process', 'power'] as const),
  });
}
