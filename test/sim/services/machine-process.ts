/**
 * A node of the scenario `machine`: it opens the app, stands for leading its partitions, follows all of their events, and
 * answers whoever asks over the network: clients with commands, other nodes with messages, the judge.
 */
import type { CommandId, LockstepNode } from 'lockstep';
import type { Env, NodeAddress } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import type { LogEngine } from '../../../src/log/port.ts';
import { readOrder } from '../../../src/machine/event-reader.ts';
import { storedOf } from '../../../src/machine/instance.ts';
import { subscribe } from '../../../src/machine/subscription.ts';
import type { NodeOptions } from '../../../src/node/open.ts';
import type { ChannelBatch } from '../../../src/partition/channel/transport.ts';
import type { Token } from '../../../src/partition/transaction.ts';
import { placeOf } from '../../../src/ring/slot.ts';
import { answerCalls, type Plain } from '../../../src/sim/cluster/calls.ts';
import { openedNode, quickSettings, transportTo } from '../../../src/sim/cluster/node-process.ts';
import { bankOf, type Bank, type MachineBug } from './machine-app.ts';
import { archiving, auditing, mergedEvents, noGiftYet, unnoted } from './machine-readers.ts';
import { checkProjections, unfinished } from './machine-projections.ts';

export type MachineRequest =
  | {
      readonly kind: 'send';
      readonly id: string;
      readonly key: string;
      readonly command: 'Deposit' | 'Transfer' | 'TurnOn' | 'TurnOff';
      readonly data: { readonly tag: string; readonly amount: number; readonly to: string };
      readonly expectedVersion: number | null;
      /** It is refused as `overtaken` where its place had one. */
      readonly isGift: boolean;
    }
  | { readonly kind: 'read'; readonly key: string }
  | { readonly kind: 'deliver'; readonly to: number; readonly batch: Plain }
  | { readonly kind: 'dump'; readonly index: number }
  | { readonly kind: 'replay' };

export interface RowDump {
  readonly revision: number;
  readonly atMs: number;
  readonly instance: string;
  readonly version: number;
  readonly types: readonly string[];
  readonly data: readonly { readonly tag?: string; readonly isGift?: boolean; readonly of?: string }[];
}

export interface MachineDump {
  readonly kind: 'dump';
  /** In the partition's order. */
  readonly rows: readonly RowDump[];
  /** By instance, its version. */
  readonly instances: Readonly<Record<string, number>>;
  /** Messages and timers that are on their way, and projections that are behind. */
  readonly waiting: number;
  /** Deposits that nobody noted yet. */
  readonly unnoted: number;
  readonly dead: number;
}

export interface ReplayAnswer {
  readonly kind: 'replayed';
  readonly streams: number;
  readonly compared: number;
  /** States that are not what their events make, in words. */
  readonly differing: readonly string[];
}

export interface MachineNodeSetup {
  readonly name: string;
  readonly address: NodeAddress;
  readonly others: readonly NodeAddress[];
  readonly partitions: number;
  readonly engine: (env: Env) => LogEngine;
  readonly trims: boolean;
  readonly bug: MachineBug;
  /** By partition, what this node's follower has had: it survives crashes. */
  readonly followed: Map<number, Followed>;
  /** Ids of all events in the order of time, as the last process of this node was given them. */
  readonly merged: string[];
}

export interface Followed {
  readonly rows: string[];
  token: Token | null;
}

const callMs = 400;

export async function serveBank(world: World, env: Env, setup: MachineNodeSetup): Promise<never> {
  const bank = bankOf(world, env, setup.bug);
  let node: LockstepNode | null = null;
  const serving = answerCalls(env, setup.address, (request) =>
    node === null ? { kind: 'unavailable' } : answer(env, node, bank, request as unknown as MachineRequest, setup.bug),
  );
  serving.catch(() => {}); // raced below
  node = await Promise.race([openedNode(env, bank.app, () => optionsOf(env, setup)), serving]);
  const following = Promise.all(node.partitions.map.partitions.map((index) => follow(world, env, node, index, setup)));
  const looking = lookAtProjections(world, env, node);
  const reading = [
    auditing(env, node, bank, setup.bug),
    mergedEvents(node, setup),
    archiving(env, node, bank, setup.bug),
  ];
  const failure = await Promise.race([node.stopped, serving, following, looking, ...reading]);
  await node.close();
  throw failure instanceof Error ? failure : new Error('nobody closed it');
}

function optionsOf(env: Env, { name, others, engine, partitions, trims, bug }: MachineNodeSetup): NodeOptions {
  return {
    engine: engine(env),
    partitions,
    directory: `state-${name}`,
    owner: name,
    trims,
    transport: transportTo(env, others),
    openWithinMs: 5_000,
    settings: { ...quickSettings, groupBytesMax: 4_000 },
    projections: { rowsMax: 4, keepMs: 2_000, catchUp: bug.projections?.catchUp?.() },
    channels: { deliverMs: 1_000, pauseMsMax: 200, retryMs: 20, retryMsMax: 100 },
    tree: { memtableBytes: 8_000, blockBytes: 512, tableBytes: 16_000, cacheBytes: 16_000, levelOneBytes: 32_000 },
  };
}

/** At whatever this node has, again and again. */
async function lookAtProjections(world: World, env: Env, { partitions }: LockstepNode): Promise<never> {
  for (;;) {
    for (const index of partitions.map.partitions) {
      const outcome = await partitions.at(index).read({ staleMsMax: Infinity });
      if (outcome.kind !== 'snapshot') continue;
      using snapshot = outcome;
      checkProjections(world, snapshot);
    }
    await env.sleep('250ms');
  }
}

/** From the start, or from where it was before it crashed. */
async function follow(
  world: World,
  env: Env,
  node: LockstepNode | null,
  index: number,
  { name, followed, bug }: MachineNodeSetup,
): Promise<void> {
  if (node === null) throw new Error('it is opened');
  const had = followed.get(index) ?? { rows: [], token: null };
  followed.set(index, had);
  if (env.random() < 0.3) {
    had.rows.length = 0;
    had.token = null;
  }
  let last = 0;
  const from = had.rows.length > 0 && bug.followsFromNow === true ? 'now' : (had.token ?? 'start');
  for await (const { rows, token } of subscribe(env, node.partitions.at(index), { from })) {
    for (const { revision, machine, key, firstVersion } of rows) {
      if (revision <= last) world.fail(`${name} is told of revision ${revision} after ${last}`);
      last = revision;
      had.rows.push(`${revision} ${machine}/${key}@${firstVersion}`);
    }
    had.token = token;
  }
}

async function answer(
  env: Env,
  node: LockstepNode,
  bank: Bank,
  request: MachineRequest,
  bug: MachineBug,
): Promise<Plain> {
  try {
    switch (request.kind) {
      case 'send':
        return await send(env, node, bank, request, bug);
      case 'read': {
        const asked = bug.readsWhatItHas === true ? ({ maxAge: '1h' } as const) : {};
        const { version, state } = await node.read(bank.account, request.key, asked);
        return { kind: 'read', version, balance: state.balance };
      }
      case 'deliver':
        return (await node.partitions.receive(
          request.to,
          request.batch as unknown as ChannelBatch,
        )) as unknown as Plain;
      case 'dump':
        return (await dump(node, bank, request.index)) as unknown as Plain;
      case 'replay':
        return (await replay(node)) as unknown as Plain;
    }
  } catch (error) {
    if (!isLockstepError(error)) throw error;
    if (error.happened === 'unknown') return { kind: 'unknown' };
    if (['unavailable', 'overloaded', 'stopped'].includes(error.kind)) return { kind: 'unavailable' };
    throw error;
  }
}

async function send(
  env: Env,
  node: LockstepNode,
  { account, lamp }: Bank,
  { id, key, command, data, expectedVersion, isGift }: Extract<MachineRequest, { readonly kind: 'send' }>,
  bug: MachineBug,
): Promise<Plain> {
  const commandId = (bug.forgetsIds === true ? env.newId() : id) as CommandId; // both are UUIDs of version 7
  const known = { commandId, deadline: '300ms' } as const;
  if (command === 'TurnOn' || command === 'TurnOff') {
    const turned = await node.send(lamp, key, command, undefined, known);
    return { kind: turned.kind };
  }
  const isChecked = expectedVersion !== null && bug.forgetsExpectedVersions !== true;
  const options = { ...known, expectedVersion: isChecked ? expectedVersion : undefined };
  const { to, ...tagged } = data;
  const requireNone = isGift ? await noGiftYet(node, key, bug) : undefined;
  const outcome =
    command === 'Deposit'
      ? await node.send(account, key, 'Deposit', isGift ? { ...tagged, isGift } : tagged, { ...options, requireNone })
      : await node.send(account, key, 'Transfer', data, options);
  if (outcome.kind === 'conflict') return { kind: outcome.kind, version: outcome.actual };
  if (outcome.kind !== 'committed') return { kind: outcome.kind };
  if (command === 'Transfer' && bug.sendsLater === true && !outcome.repeated) {
    await env.sleep('40ms');
    await node.transact(key, (tx) => tx.send(account, to, 'Receive', tagged));
  }
  return { kind: 'committed', version: outcome.version, events: outcome.events.map(({ type }) => type) };
}

async function dump(node: LockstepNode, bank: Bank, index: number): Promise<MachineDump | { kind: 'unavailable' }> {
  const outcome = await node.partitions.at(index).read('linearizable', { withinMs: callMs });
  if (outcome.kind !== 'snapshot') return { kind: 'unavailable' };
  using snapshot = outcome;
  const rows = [...readOrder(snapshot, 0, 100_000)];
  const instances: Record<string, number> = {};
  for (const { machine: name, key } of rows) {
    const machine = name === 'account' ? bank.account : name === 'lamp' ? bank.lamp : bank.audit;
    const place = (system: string): ReturnType<typeof snapshot.system> => snapshot.system(system, placeOf(key));
    instances[`${name}/${key}`] = storedOf(place, machine, key)?.version ?? 0;
  }
  const { behind, stopped } = unfinished(snapshot, bank.projections);
  for (const name of stopped) await node.retryProjection(name);
  const waits = [snapshot.system('channel', null).range({ prefix: ['out'] }), snapshot.system('timer', null).range()];
  return {
    kind: 'dump',
    rows: rows.map(({ revision, machine, key, firstVersion, events }) => ({
      revision,
      atMs: events[0]?.at.getTime() ?? 0,
      instance: `${machine}/${key}`,
      version: firstVersion,
      types: events.map(({ type }) => type),
      data: events.map(({ data }) => (data ?? {}) as RowDump['data'][number]),
    })),
    instances,
    waiting: waits.reduce((sum, entries) => sum + [...entries].length, behind),
    unnoted: unnoted(rows),
    dead: (await node.partitions.deadLetters(index)).length,
  };
}

/** Of what this node has. */
async function replay(node: LockstepNode): Promise<ReplayAnswer> {
  const { streams, compared, differing } = await node.verifyReplay();
  const texts = differing.map(
    ({ machine, key, problem, stored, folded }) =>
      `${machine}/${key} is ${JSON.stringify(stored)}, ${problem}: ${JSON.stringify(folded)}`,
  );
  return { kind: 'replayed', streams, compared, differing: texts };
}
