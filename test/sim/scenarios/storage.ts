/**
 * The tree on a disk that forgives nothing, against a sorted map of every revision. A seed plays one of two acts: a
 * tree with a journal of its own, or one under a partition, whose log is elsewhere.
 */
import type { Env, World } from 'lockstep/sim';
import type { Scenario } from '../scenario.ts';
import { diskStorm } from '../services/disk-storm.ts';
import { Acknowledged, runAlone } from '../services/tree-alone.ts';
import { treeBugs, type TreeBug } from '../services/tree-bugs.ts';
import { PartitionLog, runPartition } from '../services/tree-core.ts';
import { smallOptions, type TreePlan } from '../services/tree-plan.ts';

const node = 'node';

export const storageScenario: Scenario = {
  name: 'storage',
  about: 'a tree is written, read at many revisions, flushed, compacted and cut, through crashes and failing disks',
  bugs: Object.keys(treeBugs),
  async run(world, bug) {
    const planted: TreeBug = bug === null ? {} : (treeBugs[bug] ?? {});
    const plan: TreePlan = {
      options: smallOptions(world),
      env: planted.env ?? ((env) => env),
      flushesEarly: planted.flushesEarly ?? false,
      releasesEarly: planted.releasesEarly ?? false,
    };
    if (planted.act === 'partition' || (planted.act === undefined && world.random.chance(0.5)))
      await partition(world, plan);
    else await alone(world, plan);
  },
};

async function alone(world: World, plan: TreePlan): Promise<void> {
  const known = new Acknowledged();
  const running = world.run(node, (env) => runAlone(world, env, known, plan));
  await diskStorm(world, node, { betweenMsMax: 400, fullMsMax: 200 });
  const before = known.history.revision;
  await world.until('writes go on', () => known.history.revision > before + 10);
  known.enough = true;
  await running;
  world.crash(node, { kind: 'power', restart: '10ms' });
  known.enough = false;
  const judged = known.history.revision;
  const judge = world.run('judge', (env: Env) => runAlone(world, env, known, plan), { on: node });
  await world.until('it opens again', () => known.history.revision > judged);
  known.enough = true;
  await judge;
}

async function partition(world: World, plan: TreePlan): Promise<void> {
  const log = new PartitionLog();
  const running = world.run(node, (env) => runPartition(world, env, log, plan));
  await diskStorm(world, node, { betweenMsMax: 400, fullMsMax: 200 });
  const before = log.durableCount;
  await world.until('records are appended', () => log.durableCount > before + 5);
  log.enough = true;
  await running;
  world.crash(node, { kind: 'power', restart: '10ms' });
  log.enough = false;
  const judged = log.durableCount;
  const judge = world.run('judge', (env) => runPartition(world, env, log, plan), { on: node });
  await world.until('it opens again', () => log.durableCount > judged);
  log.enough = true;
  await judge;
}
