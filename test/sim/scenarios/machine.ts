/**
 * An app of two machines on two partitions, and one to three nodes that contend for leading each, over logs that are a
 * service or in files. Clients send commands and send again by id what they do not know of; commands send messages, at once
 * and later; states of a table end by themselves. What was acknowledged is there once, with the events that were told, and
 * in the order that clients saw; states are what their events make, and at every snapshot so are the rows of projections up
 * to where they are; messages take effect once; whoever follows a partition has all its events in order, over crashes of
 * its own too. Instances are linearizable, conflicts and doubts included.
 */
import { isLockstepError } from 'lockstep/env';
import type { Env, World } from 'lockstep/sim';
import type { Scenario } from '../scenario.ts';
import { call } from '../../../src/sim/cluster/calls.ts';
import { someGround, strikeSome, type Blow, type Contender } from '../services/contenders.ts';
import { Tellers } from '../services/machine-tellers.ts';
import { machineBugs, type MachineBug } from '../services/machine-app.ts';
import {
  serveBank,
  type Followed,
  type MachineDump,
  type MachineNodeSetup,
  type MachineRequest,
  type ReplayAnswer,
  type RowDump,
} from '../services/machine-process.ts';

const keys = ['ant/1', 'ant/2', 'bee', 'cat', 'dog'] as const;
const fileSizes = { segmentBytes: 65_536, groupBytesMax: 16_384, payloadBytesMax: 8_192 };
const blows: readonly Blow[] = ['crash', 'crash at a call', 'crash at a call', 'fail', 'slow', 'isolate'];
const partitions = 2;

export const machineScenario: Scenario = {
  name: 'machine',
  about: 'machines send each other messages, on partitions that nodes contend for; clients send again by id',
  bugs: Object.keys(machineBugs),
  async run(world, bug) {
    const ground = someGround(world, fileSizes);
    const planted: MachineBug = bug === null ? {} : (machineBugs[bug] ?? {});
    const followers = new Map<string, Readers>();
    for (const { name, address } of ground.contenders) {
      const followed = new Map<number, Followed>();
      const merged: string[] = [];
      followers.set(name, { followed, merged });
      const others = ground.contenders.filter((one) => one.name !== name).map((one) => one.address);
      const { engine, trims } = ground;
      const setup = { name, address, others, partitions, engine, trims, bug: planted, followed, merged };
      void world.run(name, (env) => serveBank(world, env, setup), { on: ground.on(name) });
    }
    const witness = new Witness();
    const clients = Array.from({ length: 2 }, (_, index) =>
      world.run(`client-${index}`, (env) => work(world, env, ground.contenders, witness), { steady: true }),
    );
    const tellers = new Tellers();
    for (let index = 0; index < 2; index++) {
      const name = `teller-${index}`;
      const serve = (env: Env): Promise<void> =>
        tellers.work(env, name, (request) => ask(env, world.random.pick(ground.contenders), request));
      clients.push(world.run(name, serve, { steady: true }));
    }
    for (let struck = 0; struck < 3; struck++) {
      await world.sleep(`${100 + world.random.below(400)}ms`);
      strikeSome(world, ground, blows);
    }
    world.heal();
    await Promise.all(clients);
    tellers.judge(world);
    await world.run('judge', (env) => judge(world, env, ground.contenders, witness, followers), { steady: true });
  },
};

interface Acknowledged {
  readonly key: string;
  readonly tag: string;
  /** Null: it was read, not written. */
  readonly events: readonly string[] | null;
  readonly version: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a node's readers had. */
type Readers = Pick<MachineNodeSetup, 'followed' | 'merged'>;

class Witness {
  readonly told: Acknowledged[] = [];
  /** Keys of gifts that were refused. */
  readonly overtaken: string[] = [];
  #tags = 0;

  newTag(): string {
    return `t-${++this.#tags}`;
  }
}

async function work(world: World, env: Env, nodes: readonly Contender[], witness: Witness): Promise<void> {
  const pick = <T>(items: readonly T[]): T => items[env.randomness.below(items.length)] as T;
  let seen = 0;
  for (let count = 0; count < 8; count++) {
    const key = pick(keys);
    const tag = witness.newTag();
    const command = pick(['Deposit', 'Deposit', 'Transfer', 'Transfer', 'TurnOn', 'TurnOff'] as const);
    const data = { tag, amount: 1 + env.randomness.below(command === 'Deposit' ? 9 : 4), to: pick(keys) };
    const expectedVersion = env.random() < 0.3 ? seen : null;
    const isGift = command === 'Deposit' && env.random() < 0.5;
    const fromMs = world.nowMs;
    const request: MachineRequest =
      env.random() < 0.2
        ? { kind: 'read', key }
        : { kind: 'send', id: env.newId(), key, command, data, expectedVersion, isGift };
    // By id, until it is told what became of it: or it gives up, and nobody knows.
    for (let attempt = 0; attempt < 8; attempt++) {
      const answer = await ask(env, pick(nodes), request);
      if (answer?.kind === 'committed' || answer?.kind === 'read') {
        const { version = 0, events = null } = answer as { version?: number; events?: readonly string[] };
        if (events !== null && command !== 'TurnOn' && expectedVersion !== null && version !== expectedVersion + 1)
          world.fail(`${tag} expected version ${expectedVersion} and made ${version}`);
        const isTold = answer.kind === 'read' || events !== null;
        if (isTold) witness.told.push({ key: `account/${key}`, tag, events, version, fromMs, toMs: world.nowMs });
        if (isTold) seen = version;
        break;
      }
      if (answer?.kind === 'overtaken') witness.overtaken.push(key);
      if (['rejected', 'conflict', 'overtaken'].includes(answer?.kind ?? '')) break;
      await env.sleep(`${20 + Math.floor(env.random() * 100)}ms`);
    }
    await env.sleep(`${Math.floor(env.random() * 80)}ms`);
  }
}

/** Null: there was no answer. */
async function ask(
  env: Env,
  { address }: Contender,
  request: MachineRequest,
): Promise<{ readonly kind: string } | null> {
  try {
    return (await call(env, address, { ...request }, 600)) as unknown as { readonly kind: string };
  } catch (error) {
    if (isLockstepError(error, 'unavailable') || isLockstepError(error, 'unknown')) return null;
    throw error;
  }
}

async function judge(
  world: World,
  env: Env,
  nodes: readonly Contender[],
  { told, overtaken }: Witness,
  followers: ReadonlyMap<string, Readers>,
): Promise<void> {
  const dumps = await settled(world, env, nodes);
  for (const { dead, instances, rows } of dumps) {
    if (dead > 0) world.fail(`${dead} messages are among the dead letters`);
    checkVersions(world, instances, rows);
  }
  const rows = dumps.flatMap((one) => one.rows);
  checkTold(world, rows, told);
  checkMessages(world, rows);
  checkNotes(world, rows);
  checkGifts(world, rows, overtaken);
  const inTime = idsInTime(dumps);
  for (const [name, { merged }] of followers) {
    await world.until(`${name} has all events in the order of time`, () => merged.length >= inTime.length);
    if (String(merged) !== String(inTime))
      world.fail(`${name} had in the order of time ${String(merged)}, and there is ${String(inTime)}`);
  }
  for (const [name, { followed }] of followers)
    for (const [index, { rows: had }] of followed) {
      const all = (dumps[index]?.rows ?? []).map(
        ({ revision, instance, version }) => `${revision} ${instance}@${version}`,
      );
      await world.until(`${name} has followed partition ${index}`, () => had.at(-1) === all.at(-1));
      if (String(had) !== String(all)) world.fail(`${name} followed ${String(had)}, and there is ${String(all)}`);
    }
}

/** So long nothing may come while notes are missing. */
const notesMsMax = 30_000;

/**
 * What there is once nothing comes any more, which replays clean on all nodes. Processes that take the logs in files from each
 * other may go on with it for long, and what they note late comes late: then it is looked at again.
 */
async function settled(world: World, env: Env, nodes: readonly Contender[]): Promise<readonly MachineDump[]> {
  const dumpAll = async (): Promise<readonly MachineDump[]> => {
    const dumps: MachineDump[] = [];
    for (let index = 0; index < partitions; index++) dumps.push(await dumped(env, nodes, index));
    return dumps;
  };
  let changedAtMs = world.nowMs;
  for (let before = ''; ;) {
    const dumps = await dumpAll();
    const text = JSON.stringify(dumps);
    if (text !== before) changedAtMs = world.nowMs;
    const isNoted = dumps.every(({ unnoted }) => unnoted === 0) || world.nowMs > changedAtMs + notesMsMax;
    if (text === before && isNoted && dumps.every(({ waiting }) => waiting === 0)) {
      const wrong = await wrongReplay(env, nodes, dumps);
      if (JSON.stringify(await dumpAll()) === text) {
        if (wrong !== null) world.fail(wrong);
        return dumps;
      }
    }
    before = text;
    await env.sleep('300ms');
  }
}

async function dumped(env: Env, nodes: readonly Contender[], index: number): Promise<MachineDump> {
  for (;;) {
    for (const node of nodes) {
      const answer = await ask(env, node, { kind: 'dump', index });
      if (answer?.kind === 'dump') return answer as MachineDump;
    }
    await env.sleep('50ms');
  }
}

/** Null: what each node has replays clean: each state is what its events make. */
async function wrongReplay(
  env: Env,
  nodes: readonly Contender[],
  dumps: readonly MachineDump[],
): Promise<string | null> {
  const instances = dumps.reduce((sum, one) => sum + Object.keys(one.instances).length, 0);
  for (const node of nodes) {
    const { streams, compared, differing } = await replayed(env, node);
    if (differing.length > 0) return `${node.name} has states that events do not make: ${String(differing)}`;
    if (streams !== instances || compared !== instances)
      return `${node.name} compared ${compared} of ${streams} streams, and there are ${instances} instances`;
  }
  return null;
}

async function replayed(env: Env, node: Contender): Promise<ReplayAnswer> {
  for (;;) {
    const answer = await ask(env, node, { kind: 'replay' });
    if (answer?.kind === 'replayed') return answer as ReplayAnswer;
    await env.sleep('50ms');
  }
}

/** The versions of an instance have no gaps. */
function checkVersions(world: World, instances: MachineDump['instances'], rows: readonly RowDump[]): void {
  const versions = new Map<string, number>();
  for (const { instance, version, types } of rows) {
    const before = versions.get(instance) ?? 0;
    if (version !== before + 1) world.fail(`after version ${before} of ${instance} comes ${version}`);
    versions.set(instance, before + types.length);
  }
  for (const [instance, version] of Object.entries(instances))
    if (version !== versions.get(instance)) world.fail(`${instance} has another version than events`);
}

/** What was acknowledged is there once, as it was told, and in the order in which clients saw it. */
function checkTold(world: World, rows: readonly RowDump[], told: readonly Acknowledged[]): void {
  for (const { key, tag, events, version } of told) {
    if (events === null) continue;
    const found = rows.filter(({ instance, data }) => instance === key && data.some((one) => one.tag === tag));
    const own = found.filter(({ types }) => !types.includes('Received'));
    if (own.length !== 1) world.fail(`${tag} was acknowledged once, and is there ${own.length} times`);
    const [row] = own;
    if (String(row?.types) !== String(events) || row?.version !== version)
      world.fail(`${tag} was told as version ${version}, and is there as ${row?.version}`);
  }
  for (const one of told)
    for (const other of told) {
      const isBehind = other.key === one.key && other.fromMs > one.toMs;
      if (isBehind && other.version < one.version)
        world.fail(`${other.tag} saw version ${other.version} after ${one.version}`);
    }
}

/** What was sent has come, once; what nobody knows of ran once at most. */
function checkMessages(world: World, rows: readonly RowDump[]): void {
  const tagsOf = (type: string): string[] =>
    rows
      .flatMap(({ types, data }) => types.flatMap((one, at) => (one === type ? [data[at]?.tag ?? ''] : [])))
      .toSorted();
  const [deposited, sent, received] = [tagsOf('Deposited'), tagsOf('Sent'), tagsOf('Received')];
  if (String(sent) !== String(received)) world.fail(`sent was ${String(sent)}, and there came ${String(received)}`);
  for (const tags of [deposited, sent])
    if (new Set(tags).size < tags.length) world.fail(`a command ran twice: ${String(tags)}`);
}

/** Of the events of a row. */
const idsOf = ({ instance, version, types }: RowDump): readonly string[] =>
  types.map((_type, at) => `${instance}@${version + at}`);

/** By millisecond, then by partition, then as the partition has them. */
function idsInTime(dumps: readonly MachineDump[]): readonly string[] {
  const all = dumps.flatMap(({ rows }) => rows);
  return all.toSorted((a, b) => a.atMs - b.atMs).flatMap(idsOf); // the sort is stable
}

/** What the subscription gave was noted once each, in the order of the stream. */
function checkNotes(world: World, rows: readonly RowDump[]): void {
  const notes = new Map<string, string[]>();
  const deposits = new Map<string, string[]>();
  const add = (to: Map<string, string[]>, key: string, id: string): unknown =>
    to.set(key, [...(to.get(key) ?? []), id]);
  for (const row of rows)
    for (const [at, type] of row.types.entries()) {
      const key = row.instance.slice(row.instance.indexOf('/') + 1);
      if (type === 'Noted') add(notes, key, row.data[at]?.of ?? '');
      if (type === 'Deposited') add(deposits, key, idsOf(row)[at] ?? '');
    }
  for (const key of new Set([...notes.keys(), ...deposits.keys()]))
    if (String(notes.get(key)) !== String(deposits.get(key)))
      world.fail(`of ${key} was noted ${String(notes.get(key))}, and there is ${String(deposits.get(key))}`);
}

/** A place has one gift at most, and one if another was refused for it. */
function checkGifts(world: World, rows: readonly RowDump[], overtaken: readonly string[]): void {
  const placeOf = (key: string): string => key.replace(/\/.*/, '');
  const gifts = rows
    .filter(({ data }) => data.some(({ isGift }) => isGift === true))
    .map(({ instance }) => placeOf(instance.slice(instance.indexOf('/') + 1)));
  if (new Set(gifts).size < gifts.length) world.fail(`a place has two gifts: ${String(gifts)}`);
  for (const key of overtaken)
    if (!gifts.includes(placeOf(key))) world.fail(`a gift to ${key} was refused for another, and there is none`);
}
