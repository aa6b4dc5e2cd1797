/**
 * Two or three partitions, and one to three nodes that contend for leading each of them, over logs that are a service or
 * in files. Clients' transactions send messages, from place to place and from a partition to itself; handlers send on,
 * fail for a while, fail for ever, or say no. Every message takes effect once, or is put aside with a reason if it had to
 * fail; those of a pair in the order in which they were sent; what a handler that failed has written is not there.
 */
import type { Env, World } from 'lockstep/sim';
import { isLockstepError } from 'lockstep/env';
import type { Scenario } from '../scenario.ts';
import { call } from '../../../src/sim/cluster/calls.ts';
import { channelBugs } from '../services/channel-bugs.ts';
import {
  contendWithChannels,
  places,
  type ChannelRequest,
  type MessageSort,
  type PartitionDump,
} from '../services/channel-process.ts';
import { someGround, strikeSome, type Blow, type Contender } from '../services/contenders.ts';

const fileSizes = { segmentBytes: 16_384, groupBytesMax: 8_192, payloadBytesMax: 4_096 };
const blows: readonly Blow[] = [
  'crash',
  'crash at a call',
  'crash at a call',
  'crash at a call',
  'fail',
  'slow',
  'isolate',
];
const sorts: readonly MessageSort[] = ['plain', 'plain', 'plain', 'plain', 'plain', 'flaky', 'poison', 'no'];

export const channelsScenario: Scenario = {
  name: 'channels',
  about: 'transactions of several partitions send each other messages, while nodes contend for leading each',
  bugs: Object.keys(channelBugs),
  async run(world, bug) {
    const count = 2 + world.random.below(2);
    const ground = someGround(world, fileSizes);
    const { contenders, engine, trims } = ground;
    const failed = new Map<string, number>();
    for (const { name, address } of contenders) {
      const planted = bug === null ? {} : (channelBugs[bug]?.() ?? {});
      const setup = { name, address, contenders, count, engine, trims, bug: planted, failed };
      void world.run(name, (env) => contendWithChannels(world, env, setup), { on: ground.on(name) });
    }
    const witness: Witness = { committed: 0, enough: false };
    const clients = Array.from({ length: 2 }, (_, index) =>
      world.run(`client-${index}`, (env) => work(env, contenders, witness, 10), { steady: true }),
    );
    for (let struck = 0; struck < 4; struck++) {
      await world.sleep(`${100 + world.random.below(400)}ms`);
      strikeSome(world, ground, blows);
    }
    world.heal();
    const before = witness.committed;
    await world.until('transactions go on', () => witness.committed >= before + 3);
    witness.enough = true;
    await Promise.all(clients);
    await world.run('judge', (env) => judge(world, env, contenders, count), { steady: true });
  },
};

interface Witness {
  committed: number;
  enough: boolean;
}

async function work(env: Env, contenders: readonly Contender[], witness: Witness, countMax: number): Promise<void> {
  for (let count = 0; count < countMax || !witness.enough; count++) {
    const pick = <T>(items: readonly T[]): T => items[env.randomness.below(items.length)] as T;
    const request: ChannelRequest = {
      kind: 'send',
      id: env.newId(),
      place: pick(places),
      to: env.random() < 0.3 ? [pick(places), pick(places)] : [pick(places)],
      sort: pick(sorts),
      hops: env.randomness.below(3),
    };
    // By id, until it is told what became of it: or it gives up, and nobody knows.
    for (let attempt = 0; attempt < 8; attempt++) {
      const answer = await ask(env, pick(contenders), request);
      if (answer?.kind === 'committed' || answer?.kind === 'already-done') {
        witness.committed++;
        break;
      }
      await env.sleep(`${20 + Math.floor(env.random() * 100)}ms`);
    }
    await env.sleep(`${Math.floor(env.random() * (count >= countMax ? 400 : 60))}ms`);
  }
}

/** Null: there was no answer. */
async function ask(
  env: Env,
  { address }: Contender,
  request: ChannelRequest,
): Promise<{ readonly kind: string } | null> {
  try {
    return (await call(env, address, request, 600)) as unknown as { readonly kind: string };
  } catch (error) {
    if (isLockstepError(error, 'unavailable') || isLockstepError(error, 'unknown')) return null;
    throw error;
  }
}

async function judge(world: World, env: Env, contenders: readonly Contender[], count: number): Promise<void> {
  let before = '';
  for (;;) {
    const dumps: PartitionDump[] = [];
    for (let index = 0; index < count; index++) dumps.push(await dumped(env, contenders, index));
    for (const { gaps, isTainted } of dumps) {
      if (gaps[0] !== undefined) world.fail(`a message is gone before its receiver had it: ${gaps[0]}`);
      if (isTainted) world.fail('what a handler wrote before it failed is there');
    }
    const text = JSON.stringify(dumps);
    if (text === before && dumps.every(({ waiting }) => waiting === 0)) return compare(world, dumps);
    before = text;
    await env.sleep('300ms');
  }
}

async function dumped(env: Env, contenders: readonly Contender[], index: number): Promise<PartitionDump> {
  for (;;) {
    for (const contender of contenders) {
      const answer = await ask(env, contender, { kind: 'dump', index });
      if (answer?.kind === 'dump') return answer as PartitionDump;
    }
    await env.sleep('50ms');
  }
}

/** Nothing is on its way any more: what was sent took effect, or is among the dead letters and had to be. */
function compare(world: World, dumps: readonly PartitionDump[]): void {
  for (const [target, { got, dead, counted }] of dumps.entries()) {
    let total = 0;
    for (const [source, { sent }] of dumps.entries()) {
      const taken = got[source] ?? [];
      total += taken.length;
      const aside = dead.filter((one) => one.source === source).map(({ n, name }) => [n, name] as const);
      const all = [...taken, ...aside].toSorted(([a], [b]) => a - b).map(([, name]) => name);
      const expected = sent[target] ?? [];
      if (String(all) !== String(expected))
        world.fail(`from ${source} to ${target} went ${String(expected)}, and there came ${String(all)}`);
    }
    if (counted !== total) world.fail(`${total} messages took effect in ${target}, and ${counted} at its places`);
    for (const { n, sort, why } of dead)
      if (sort !== 'poison' && sort !== 'no') world.fail(`number ${n}, ${sort}, was put aside in ${target}: ${why}`);
  }
}
