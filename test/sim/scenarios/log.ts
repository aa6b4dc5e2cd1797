/**
 * A log in files that several processes of one machine take from each other, on a disk that forgives nothing. What was
 * acknowledged is there at its position for good; of each writer there is a beginning of what it appended, in order,
 * each once; what was denied never appears; readers are given no other log than that, without gaps, and read on from
 * their place after a crash; who is told that it leads does. In the end a bit of what is stored may flip: that is told
 * with its place, or harms nothing.
 */
import type { Env, World } from 'lockstep/sim';
import type { Scenario } from '../scenario.ts';
import { cutsMarkedDamage, logBugs, stopping } from '../services/log-bugs.ts';
import { readAll, runProcess, type Ways } from '../services/log-process.ts';
import { Promises } from '../services/log-promises.ts';
import { rotMarked, rotUnmarked } from '../services/log-rot.ts';

const processes = ['ann', 'bob', 'cid'] as const;
const machine = { on: 'machine' } as const;

export const logScenario: Scenario = {
  name: 'log',
  about: 'processes take a log in files from each other, through crashes, failing disks, pauses; then a bit flips',
  bugs: [...Object.keys(logBugs), cutsMarkedDamage],
  async run(world, bug) {
    const ways: Ways = {
      disk: (bug === null ? undefined : logBugs[bug]) ?? stopping,
      cutsDamage: bug === cutsMarkedDamage,
    };
    const promises = new Promises(world);
    await storm(world, promises, ways);
    const { first, records } = await world.run('judge', (env) => readAll(env, fair(ways)), machine);
    promises.judge(first, records);
    if (world.random.chance(0.6)) await rotMarked(world, promises, fair(ways));
    else await rotUnmarked(world, promises, fair(ways));
  },
};

/** For who judges: nothing is stopped any more, and no bug of a disk is in the way. */
const fair = ({ cutsDamage }: Ways): Ways => ({ disk: ({ disk }: Env) => disk, cutsDamage });

async function storm(world: World, promises: Promises, ways: Ways): Promise<void> {
  let enough = false;
  const running = processes.map((name) => {
    const who = { name, place: { position: 0, chain: undefined } };
    return world.run(name, (env) => runProcess(world, env, who, promises, ways, () => enough), machine);
  });
  for (let strike = 0; strike < 3; strike++) {
    await world.sleep(`${100 + world.random.below(400)}ms`);
    const kind = world.random.pick(['process', 'power', 'power'] as const);
    if (world.random.chance(0.7)) world.crash('machine', { kind, restart: '20ms' });
  }
  world.heal();
  const before = promises.newestEpoch;
  await world.until('somebody leads again', () => promises.newestEpoch > before);
  await world.sleep('200ms');
  enough = true;
  await Promise.all(running);
  world.crash('machine', { kind: 'power', restart: '10ms' });
}
