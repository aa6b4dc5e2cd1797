/**
 * One partition, and one to five nodes that contend for leading it, over a log that is a service, or over a log in files
 * that processes of one machine take from each other. Clients write, compare and set, read, and send again by id what
 * they do not know of. Histories are linearizable for each key; what one transaction wrote is seen together; no command
 * is run twice; a read with a token has what the token says, one that may be stale is not older than allowed; time in
 * the partition grows; scrubs find no two nodes that differ, while all this goes on; changes tell
 * what keys were before, and are there as long as a hold keeps them; in the end all nodes have the same.
 */
import { checkLinearizable, keyValue } from 'lockstep/check';
import type { Env, World } from 'lockstep/sim';
import { fileEngine } from '../../../src/log/file.ts';
import { MemoryStores } from '../../../src/log/memory.ts';
import type { LogEngine } from '../../../src/log/port.ts';
import { storeEngine } from '../../../src/log/store-engine.ts';
import type { Scenario } from '../scenario.ts';
import { strike, type Contender } from '../services/contenders.ts';
import { fillForAWhile } from '../services/disk-storm.ts';
import { logService, remoteStores, simulatedGuarantees } from '../../../src/sim/cluster/log-service.ts';
import { partitionBugs, type PartitionBug } from '../services/partition-bugs.ts';
import { PartitionClient, PartitionWitness } from '../services/partition-client.ts';
import { contend } from '../services/partition-process.ts';

const names = ['ann', 'bob', 'cid', 'dan', 'eve'] as const;
const logAddress = 'logs:1';
const filePayloadBytesMax = 4_096;

export const partitionScenario: Scenario = {
  name: 'partition',
  about: 'nodes contend for leading a partition, on a log that is a service or in files; clients send again by id',
  bugs: Object.keys(partitionBugs),
  async run(world, bug) {
    await play(world, bug === null ? {} : (partitionBugs[bug]?.() ?? {}));
  },
};

/** Where the log is, and who contends for it. */
interface Ground {
  readonly machines: readonly string[];
  readonly on: (name: string) => string;
  readonly contenders: readonly Contender[];
  readonly payloadBytesMax: number;
  readonly trims: boolean;
  readonly standPauseMsMax: number;
  readonly engine: (env: Env) => LogEngine;
}

export async function play(world: World, bug: PartitionBug): Promise<PartitionWitness> {
  const ground = world.random.chance(0.6) ? onService(world) : inFiles(world);
  const witness = new PartitionWitness(world);
  world.always('what contenders see fits together', () => {
    if (witness.broken !== null) throw new Error(witness.broken);
    return true;
  });
  for (const { name, address } of ground.contenders) {
    const { engine, payloadBytesMax, trims, standPauseMsMax } = ground;
    const setup = { name, address, engine, payloadBytesMax, trims, standPauseMsMax, bug, witness };
    void world.run(name, (env) => contend(env, setup), { on: ground.on(name) });
  }
  const { contenders } = ground;
  const clients = Array.from({ length: 6 }, (_, index) =>
    world.run(`client-${index}`, (env) => new PartitionClient(world, env, witness, contenders).work(15), {
      steady: true,
    }),
  );
  for (let struck = 0; struck < 3; struck++) {
    await world.sleep(`${100 + world.random.below(500)}ms`);
    await strikeSome(world, ground);
  }
  world.heal();
  const before = witness.countOf('written');
  await world.until('writes go on', () => witness.countOf('written') >= before + 3);
  witness.enough = true;
  await Promise.all(clients);
  await world.run('judge', (env) => judge(world, env, witness, contenders), { steady: true });
  return witness;
}

function onService(world: World): Ground {
  const machines = names.slice(0, 1 + world.random.below(names.length));
  const contenders = machines.map((name): Contender => ({ name, address: `${name}:1` }));
  const kept = new MemoryStores();
  void world.run('logs', (env) => logService(env, logAddress, kept));
  const client = { resendCount: 1, doubled: { probability: 0.05, laterMsMax: 500 } };
  const config = { silenceMs: 300, pauseMsMax: 150, attemptMsMax: 400, settleMsMax: 700 };
  return {
    machines,
    on: (name) => name,
    contenders,
    payloadBytesMax: simulatedGuarantees.payloadBytesMax,
    trims: contenders.length === 1, // others may need what was trimmed
    standPauseMsMax: 300,
    engine: (env) => storeEngine(env, remoteStores(env, logAddress, client), { config }),
  };
}

function inFiles(world: World): Ground {
  const count = 1 + world.random.below(3);
  const contenders = names.slice(0, count).map((name, index): Contender => ({ name, address: `machine:${index + 1}` }));
  const options = {
    config: { silenceMs: 100, pauseMsMax: 50, attemptMsMax: 500, settleMsMax: 1_000 },
    limits: { segmentBytes: 16_384, groupBytesMax: 8_192, waitingBytesMax: 16_384, spareCountMax: 1, markAfterMs: 50 },
    payloadBytesMax: filePayloadBytesMax,
  };
  return {
    machines: ['machine'],
    on: () => 'machine',
    contenders,
    payloadBytesMax: filePayloadBytesMax,
    trims: contenders.length === 1,
    standPauseMsMax: 3_000, // who loses a log in files sees no silence of whoever has it, and takes it back at once
    engine: (env) => fileEngine(env, 'logs', options),
  };
}

const strikes = [
  'crash',
  'crash at a call',
  'crash at a call',
  'fail',
  'fill',
  'slow',
  'isolate',
  'answers lost',
  'answers lost',
  'none',
] as const;

async function strikeSome(world: World, { machines }: Ground): Promise<void> {
  const { random } = world;
  const node = random.pick(machines);
  const kind = random.pick(['process', 'power'] as const);
  const what = random.pick(strikes);
  switch (what) {
    case 'fill':
      return fillForAWhile(world, node, 200);
    case 'answers lost': {
      // What was appended is there, and who appended it does not learn so in time.
      const log = machines.includes('machine') ? 'client-0' : 'logs';
      world.cut(log, node, { oneWay: true });
      await world.sleep(`${500 + random.below(1_500)}ms`);
      return world.mend(log, node);
    }
    case 'none':
      return;
    default:
      return strike(world, node, kind, what);
  }
}

async function judge(
  world: World,
  env: Env,
  witness: PartitionWitness,
  contenders: readonly Contender[],
): Promise<void> {
  const client = new PartitionClient(world, env, witness, contenders);
  const scrubbedAt = await client.scrub();
  let dumps = await Promise.all(contenders.map((one) => client.dump(one, witness.token)));
  const isLate = ({ scrubbed }: (typeof dumps)[number]): boolean => scrubbed < scrubbedAt;
  while (dumps.some(isLate) || new Set(dumps.map(({ revision }) => revision)).size > 1) {
    await env.sleep('200ms');
    dumps = await Promise.all(contenders.map((one) => client.dump(one, witness.token)));
  }
  const [first] = dumps;
  for (const [index, { text }] of dumps.entries())
    if (text !== first?.text)
      world.fail(`${contenders[index]?.name} and ${contenders[0]?.name} have other states at one revision`);
  const history = witness.notes.history();
  const verdict = checkLinearizable(history, keyValue(), { budget: { stepCountMax: 2_000_000 } });
  witness.count(`history ${verdict.kind}`);
  if (verdict.kind === 'violation') world.fail(`the history of ${verdict.keys.join(', ')} is not linearizable`);
}
