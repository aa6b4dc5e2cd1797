/**
 * Leases and timers of one partition, for whose leading one to four nodes contend, on a log that is a service; clients
 * that crash, stand still and act for too long; clocks that run at other rates and are set by an hour. At most one client
 * believes that it holds a lease; whoever waits gets it in order; a store that demands tokens sees none twice, and the
 * state takes no old one; each timer has its effect once and not before its time; in the end all goes on.
 */
import type { Env, World } from 'lockstep/sim';
import { MemoryStores } from '../../../src/log/memory.ts';
import { storeEngine } from '../../../src/log/store-engine.ts';
import type { Scenario } from '../scenario.ts';
import { leaseBugs, type LeaseBug } from '../services/lease-bugs.ts';
import { LeaseClient, LeaseWitness } from '../services/lease-client.ts';
import { contendForLeases } from '../services/lease-process.ts';
import { logService, remoteStores, simulatedGuarantees } from '../../../src/sim/cluster/log-service.ts';
import type { Contender } from '../services/contenders.ts';

const names = ['ann', 'bob', 'cid', 'dan'] as const;
const clientNames = ['client-1', 'client-2', 'client-3'] as const;
const logAddress = 'logs:1';
const hourMs = 3_600_000;
const config = { silenceMs: 300, pauseMsMax: 150, attemptMsMax: 400, settleMsMax: 1_500 };

export const leasesScenario: Scenario = {
  name: 'leases',
  about: 'clients hold leases and set timers in a partition whose leader changes, while clocks are set by an hour',
  bugs: Object.keys(leaseBugs),
  async run(world, bug) {
    await play(world, bug === null ? {} : (leaseBugs[bug]?.() ?? {}));
  },
};

export async function play(world: World, bug: LeaseBug): Promise<LeaseWitness> {
  const machines = names.slice(0, 1 + world.random.below(names.length));
  const contenders = machines.map((name): Contender => ({ name, address: `${name}:1` }));
  const kept = new MemoryStores();
  const client = { resendCount: 1, doubled: { probability: 0.05, laterMsMax: 500 } };
  void world.run('logs', (env) => logService(env, logAddress, kept));
  for (const { name, address } of contenders) {
    const { payloadBytesMax } = simulatedGuarantees;
    const engine = (env: Env) => storeEngine(env, remoteStores(env, logAddress, client), { config });
    void world.run(name, (env) => contendForLeases(world, env, { name, address, engine, payloadBytesMax, bug }));
  }
  const witness = new LeaseWitness();
  const clients = clientNames.map((name) =>
    world.run(name, (env) => {
      witness.holders.delete(name);
      return new LeaseClient(world, env, name, witness, contenders, bug).work();
    }),
  );
  world.always('at most one client believes that it holds a lease', () => witness.isHeldOnce());
  const clocks = new Clocks(world, machines);
  for (let struck = 0; struck < 4; struck++) {
    await world.sleep(`${200 + world.random.below(1_200)}ms`);
    await strike(world, machines, clocks, witness);
  }
  world.heal();
  clocks.agree();
  const before = witness.countOf('held');
  await world.until('leases are held again', () => witness.countOf('held') >= before + 4);
  witness.enough = true;
  await Promise.all(clients);
  await world.run('judge', (env) => judge(world, env, new LeaseClient(world, env, 'judge', witness, contenders, {})), {
    steady: true,
  });
  return witness;
}

/** Sets clocks, and knows how far the partition's time may have come by that. */
class Clocks {
  readonly #world: World;
  readonly #machines: readonly string[];
  #aheadMs = 0;

  constructor(world: World, machines: readonly string[]) {
    this.#world = world;
    this.#machines = machines;
  }

  jump(node: string, offMs: number): void {
    if (this.#machines.includes(node)) this.#aheadMs = Math.max(this.#aheadMs, offMs);
    this.#world.setClock(node, { offMs });
  }

  jumpAll(offMs: number): void {
    for (const machine of this.#machines) this.jump(machine, offMs);
  }

  /** A time that has come does not go back: the clocks have to follow. */
  agree(): void {
    if (this.#aheadMs > 0) this.jumpAll(this.#aheadMs + 10_000);
  }
}

const strikes = [
  'crash',
  'crash',
  'isolate',
  'pause',
  'sleep',
  'sleep',
  'forward',
  'back',
  'all forward',
  'all forward',
  'client',
  'none',
] as const;

async function strike(world: World, machines: readonly string[], clocks: Clocks, witness: LeaseWitness): Promise<void> {
  const { random } = world;
  const node = random.pick(machines);
  const someone = random.pick(clientNames);
  switch (random.pick(strikes)) {
    case 'crash':
      return world.crash(node, { kind: random.pick(['process', 'power'] as const), restart: '20ms' });
    case 'isolate':
      return world.isolate(random.chance(0.5) ? node : someone);
    case 'pause':
      return pause(world, random.chance(0.3) ? node : someone);
    case 'sleep': {
      // A machine that is put to sleep while it holds a lease, and wakes with the time at which it fell asleep.
      const holder = witness.someHolder() ?? someone;
      clocks.jump(holder, -hourMs);
      return pause(world, holder);
    }
    case 'forward':
      await someoneHolds(world, witness);
      return clocks.jump(node, hourMs);
    case 'back':
      return clocks.jump(random.chance(0.3) ? node : someone, -hourMs);
    case 'all forward':
      await someoneHolds(world, witness);
      return clocks.jumpAll(hourMs);
    case 'client':
      return world.crash(someone, { restart: '50ms' });
    case 'none':
  }
}

/** If anybody soon does. */
async function someoneHolds(world: World, witness: LeaseWitness): Promise<void> {
  for (let count = 0; count < 40 && witness.someHolder() === null; count++) await world.sleep('20ms');
}

async function pause(world: World, node: string): Promise<void> {
  world.pause(node);
  await world.sleep(`${300 + world.random.below(1_500)}ms`);
  world.resume(node);
}

async function judge(world: World, env: Env, client: LeaseClient): Promise<void> {
  for (let count = 0; count < 300; count++) {
    const pending = await client.pending();
    if (pending !== null && pending.dead > 0) world.fail('a timer died that was not out of order for long');
    if (pending?.count === 0) return;
    await env.sleep('100ms');
  }
  await world.until('all timers have had their effect', () => false, { within: '1s' });
}
