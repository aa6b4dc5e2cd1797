/**
 * Nodes that share a log which is trimmed, and a store of checkpoints: some begin with nothing when the beginning of the
 * log is long gone, all crash at any effect, of fetching, installing and publishing too. Answers of the store are lost, its
 * files are damaged. What anybody sees is the writes from the first to some last one, without a gap, the same at one
 * revision everywhere; in the end all nodes have what was told; and what the store has is restored, twice, as that.
 */
import type { Env, World } from 'lockstep/sim';
import type { CheckpointStore } from '../../../src/checkpoint/port.ts';
import { wallTime } from '../../../src/kernel/time.ts';
import { MemoryStores } from '../../../src/log/memory.ts';
import type { Log, LogEngine } from '../../../src/log/port.ts';
import { storeEngine } from '../../../src/log/store-engine.ts';
import { openPartition, type PartitionEnv } from '../../../src/partition/open-partition.ts';
import { restorePartition } from '../../../src/partition/checkpoint/restore.ts';
import type { Scenario } from '../scenario.ts';
import { checkpointNode, CheckpointWitness, smallTree } from '../services/checkpoint-node.ts';
import { logService, remoteStores, simulatedGuarantees } from '../../../src/sim/cluster/log-service.ts';
import { openedLog } from '../services/opened-log.ts';
import { otherLog } from '../services/partition-bugs.ts';
import { SharedCheckpoints } from '../services/shared-checkpoints.ts';

const names = ['ann', 'bob', 'cid'] as const;
const logAddress = 'logs:1';
const { payloadBytesMax } = simulatedGuarantees;

interface CheckpointBug {
  readonly log?: (log: Log) => Log;
  readonly restoring?: (env: PartitionEnv) => PartitionEnv;
  readonly store?: (store: CheckpointStore, all: SharedCheckpoints) => CheckpointStore;
}

const bugs: Readonly<Record<string, CheckpointBug>> = {
  'trims-past-the-checkpoints': {
    log: (log) =>
      otherLog(log, { hold: () => ({ move() {}, release() {} }), trim: async () => log.trim(await log.tail()) }),
  },
  'restores-one-generation-twice': {
    restoring: (env) => {
      const { timers, disk, jobs, ownership, randomness, clock } = env;
      const at = wallTime(1_600_000_000_000);
      const drawn = {
        uint32: () => 7,
        float: () => 0,
        below: () => 0,
        fill: (bytes: Uint8Array) => randomness.fill(bytes),
      };
      return { timers, disk, jobs, ownership, randomness: drawn, clock: { now: () => clock.now(), wall: () => at } };
    },
  },
  'removes-what-is-needed': {
    store: (store, all) => ({
      ...bound(store),
      remove: async (name) => {
        await store.remove(name);
        for (const one of all.files.keys()) if (one !== all.pointer?.to) return store.remove(one);
      },
    }),
  },
};

const bound = (store: CheckpointStore): CheckpointStore => ({
  list: () => store.list(),
  put: (name, content) => store.put(name, content),
  get: (name) => store.get(name),
  remove: (name) => store.remove(name),
  pointer: () => store.pointer(),
  point: (to, ifWas) => store.point(to, ifWas),
});

export const checkpointsScenario: Scenario = {
  name: 'checkpoints',
  about: 'nodes begin with checkpoints from a store that loses answers and gets damaged, and backups are restored',
  bugs: Object.keys(bugs),
  run: (world, bug) => play(world, bug === null ? {} : (bugs[bug] ?? {})),
};

async function play(world: World, bug: CheckpointBug): Promise<void> {
  const witness = new CheckpointWitness();
  world.always('what nodes see fits together', () => {
    if (witness.broken !== null) throw new Error(witness.broken);
    return true;
  });
  const shared = new SharedCheckpoints();
  const kept = new MemoryStores();
  void world.run('logs', (env) => logService(env, logAddress, kept), { steady: true });
  const storeOf = (env: Env): CheckpointStore => bug.store?.(shared.of(env), shared) ?? shared.of(env);
  const engineOf = (env: Env): LogEngine =>
    storeEngine(env, remoteStores(env, logAddress, { resendCount: 1, doubled: { probability: 0, laterMsMax: 0 } }), {
      config: { silenceMs: 200, pauseMsMax: 100, attemptMsMax: 300, settleMsMax: 500 },
    });
  const start = (name: string): void =>
    void world.run(name, async (env) => {
      const engine = engineOf(env);
      const log = await openedLog(env, engine);
      const other = bug.log?.(log) ?? log;
      return checkpointNode(env, { name, engine, log: other, store: storeOf(env), payloadBytesMax, witness });
    });
  start('ann');
  // One node alone, in weather that ends epoch after epoch.
  await world.until('enough is written to be trimmed', () => witness.countOf('written') >= 50, { within: '5min' });
  shared.lostChance = 0.05;
  start('bob');
  await strike(world, shared, ['ann', 'bob']);
  start('cid');
  for (let struck = 0; struck < 3; struck++) await strike(world, shared, names);
  world.heal();
  shared.lostChance = 0;
  shared.mend();
  const before = witness.countOf('written');
  await world.until('writes go on', () => witness.countOf('written') >= before + 10);
  witness.enough = true;
  await world.until('all nodes have all', () => names.every((name) => (witness.seen.get(name) ?? 0) >= witness.told));
  await world.run(
    'restorer',
    (env) => restoreTwice(world, env, { witness, engine: engineOf(env), store: storeOf(env), bug }),
    { steady: true },
  );
}

interface Restoring {
  readonly witness: CheckpointWitness;
  readonly engine: LogEngine;
  readonly store: CheckpointStore;
  readonly bug: CheckpointBug;
}

async function restoreTwice(world: World, env: Env, { witness, engine, store, bug }: Restoring): Promise<void> {
  const generations = new Set<number>();
  for (const directory of ['one', 'two']) {
    const log = await openedLog(env, engine, directory);
    const given = bug.restoring?.(env) ?? env;
    const { revision, generation, token } = await restorePartition(given, { store, log, directory, tree: smallTree });
    generations.add(generation);
    const partition = await openPartition(env, { log, payloadBytesMax, directory, owner: 'restorer', tree: smallTree });
    await partition.leading();
    const snapshot = await partition.read({ atLeast: token });
    if (snapshot.kind !== 'snapshot') return world.fail('a restored partition is not read');
    if (witness.saw(snapshot, revision) === 0) world.fail('nothing was restored');
    snapshot[Symbol.dispose]();
    await partition.close();
  }
  await engine.close();
  if (generations.size < 2) world.fail('two restores made one generation');
}

async function strike(world: World, shared: SharedCheckpoints, nodes: readonly string[]): Promise<void> {
  const { random } = world;
  await world.sleep(`${50 + random.below(250)}ms`);
  const node = random.pick(nodes);
  const kind = random.pick(['process', 'power'] as const);
  switch (random.pick(['crash', 'crash at a call', 'crash at a call', 'damage', 'damage', 'isolate'] as const)) {
    case 'crash':
      return world.crash(node, { kind, restart: '20ms' });
    case 'crash at a call': {
      const effect = world.effects(node) + 1 + random.below(80);
      return world.crashAt(node, { effect, when: random.pick(['before', 'after'] as const), kind });
    }
    case 'damage':
      return shared.damage(random);
    case 'isolate':
      return world.isolate(node);
  }
}
