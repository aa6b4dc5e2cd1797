/**
 * A contender of the scenario `channels`: it opens all partitions, stands for leading each, and answers whoever asks over
 * the network: clients whose transactions send, other contenders with messages, the judge.
 */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import { Waits } from 'lockstep/observe';
import type { World } from 'lockstep/sim';
import type { LogEngine } from '../../../src/log/port.ts';
import type { MessageHandler } from '../../../src/partition/channel/message.ts';
import type { ChannelAnswer, ChannelBatch, ChannelTransport } from '../../../src/partition/channel/transport.ts';
import { openPartitionsWith, type Partitions } from '../../../src/partition/partitions.ts';
import type { Transaction } from '../../../src/partition/transaction.ts';
import { answerCalls, call, type Plain } from '../../../src/sim/cluster/calls.ts';
import { channelsWith, type ChannelBug } from './channel-bugs.ts';
import type { Contender } from './contenders.ts';

/** What becomes of a message: `flaky` fails twice, `poison` always, `no` is rejected. */
export type MessageSort = 'plain' | 'flaky' | 'poison' | 'no';

export type ChannelRequest =
  | {
      readonly kind: 'send';
      readonly id: string;
      readonly place: string;
      readonly to: readonly string[];
      readonly sort: MessageSort;
      readonly hops: number;
    }
  | { readonly kind: 'deliver'; readonly to: number; readonly batch: Plain }
  | { readonly kind: 'dump'; readonly index: number };

export interface PartitionDump {
  readonly kind: 'dump';
  readonly revision: number;
  /** By partition, the names of those that were sent there, in that order. */
  readonly sent: Readonly<Record<string, readonly string[]>>;
  /** By partition, those that took effect, in that order. */
  readonly got: Readonly<Record<string, readonly (readonly [n: number, name: string])[]>>;
  /** How many took effect, counted at the places. */
  readonly counted: number;
  readonly dead: readonly DeadNote[];
  /** On their way from here. */
  readonly waiting: number;
  /** A handler that failed has left something. */
  readonly isTainted: boolean;
  /** A receiver lacks what it said it has. */
  readonly gaps: readonly string[];
}

export interface ChannelSetup extends Contender {
  readonly contenders: readonly Contender[];
  readonly count: number;
  readonly engine: (env: Env) => LogEngine;
  readonly trims: boolean;
  readonly bug: ChannelBug;
  /** How often each flaky message has failed. */
  readonly failed: Map<string, number>;
}

export interface DeadNote {
  readonly source: number;
  readonly n: number;
  readonly name: string;
  readonly sort: string;
  readonly why: string;
}

interface Note {
  readonly source: number;
  readonly n: number;
  readonly name: string;
  readonly sort: MessageSort;
  readonly hops: number;
}

export const places = ['ant', 'bee', 'cat', 'dog', 'hen', 'jay'] as const;

const deliverMs = 400;

export async function contendWithChannels(world: World, env: Env, setup: ChannelSetup): Promise<never> {
  const engine = setup.engine(env);
  const waits = new Waits(env.clock, env.timers);
  let partitions: Partitions | null = null;
  // It listens before it has opened: whoever asks is told so.
  const serving = answerCalls(env, setup.address, (request) =>
    partitions === null
      ? { kind: 'unavailable' }
      : answer(world, partitions, waits, request as unknown as ChannelRequest),
  );
  serving.catch(() => {}); // raced below
  partitions = await Promise.race([opened(world, env, engine, waits, setup), serving]);
  const failure = await Promise.race([partitions.stopped, serving]);
  await partitions.close();
  await engine.close();
  throw failure ?? new Error('nobody closed it');
}

async function opened(
  world: World,
  env: Env,
  engine: LogEngine,
  waits: Waits,
  setup: ChannelSetup,
): Promise<Partitions> {
  const { name, count, trims, bug } = setup;
  let partitions: Partitions | null = null;
  const handler = handle(world, setup, () => partitions);
  const options = {
    engine,
    count,
    directory: `state-${name}`,
    owner: name,
    trims,
    waits,
    onMessage: bug.handler?.(handler) ?? handler,
    transport: transportOf(env, setup, () => partitions),
    openWithinMs: 5_000,
    settings: {
      commandWindowMs: 60_000,
      withinMs: 4_000,
      clockWaitMsMax: 500,
      standPauseMsMax: 200,
      groupBytesMax: 2_000,
    },
    channels: {
      outboxCountMax: 3,
      batchCountMax: 4,
      deliverMs: 1_000,
      pauseMsMax: 200,
      attemptsMax: 4,
      retryMs: 20,
      retryMsMax: 100,
    },
    tree: { memtableBytes: 4_000, blockBytes: 512, tableBytes: 8_000, cacheBytes: 16_000, levelOneBytes: 32_000 },
  };
  for (;;) {
    try {
      partitions = await openPartitionsWith(env, options, (one) => channelsWith(env, one, bug));
      return partitions;
    } catch (error) {
      if (!isLockstepError(error, 'unavailable') && !isLockstepError(error, 'unknown')) throw error;
    }
    await env.sleep('20ms');
  }
}

/** Each message of a pair has a number of the sending transaction's own, one more than the one before, and a name. */
function sendFrom(tx: Transaction, partitions: Partitions, to: string, about: Omit<Note, 'source' | 'n'>): void {
  const source = partitions.indexOf(tx.place ?? '');
  const target = partitions.indexOf(to);
  const sent = (tx.local.get(['sent', target]) as string[] | undefined) ?? [];
  tx.local.set(['sent', target], [...sent, about.name]);
  tx.send(to, { ...about, source, n: sent.length + 1 });
}

function handle(world: World, { failed }: ChannelSetup, opened: () => Partitions | null): MessageHandler {
  return (tx, { message, to, id }) => {
    const partitions = opened();
    if (partitions === null) throw new Error('nothing is received before all is open');
    const { source, n, name, sort, hops } = message as unknown as Note;
    if (tx.place !== to) world.fail(`a message to ${to} is handled at ${tx.place}`);
    const got = (tx.local.get(['got', source]) as [number, string][] | undefined) ?? [];
    const [last = 0] = got.at(-1) ?? [];
    if (n <= last) world.fail(`number ${n} of partition ${source} takes effect after ${last}`);
    if (sort === 'no') return { kind: 'rejected', code: 'no', details: null };
    const failures = failed.get(id) ?? 0;
    if (sort === 'poison' || (sort === 'flaky' && failures < 2)) {
      failed.set(id, failures + 1);
      tx.local.set(['tainted'], n);
      throw new Error(`${sort} ${n}`);
    }
    tx.local.set(['got', source], [...got, [n, name]]);
    tx.set(['count'], ((tx.get(['count']) as number | undefined) ?? 0) + 1);
    const onTo = places[(n + hops) % places.length] ?? 'ant';
    if (hops > 0) sendFrom(tx, partitions, onTo, { name: `${name}+`, sort: 'plain', hops: hops - 1 });
    return undefined;
  };
}

function transportOf(env: Env, setup: ChannelSetup, opened: () => Partitions | null): ChannelTransport {
  const others = setup.contenders.filter(({ name }) => name !== setup.name);
  return {
    deliver: async (to, batch) => {
      const leader = opened()?.at(to).status.leader;
      const known = others.find(({ name }) => name === leader);
      const drawn = others[env.randomness.below(Math.max(1, others.length))];
      const other = known !== undefined && env.random() < 0.8 ? known : drawn;
      if (other === undefined) return { kind: 'not-leader', leader: null };
      const request = { kind: 'deliver', to, batch: batch as unknown as Plain };
      const answer = (await call(env, other.address, request, deliverMs)) as unknown as ChannelAnswer;
      return ['taken', 'gap', 'not-leader'].includes(answer.kind) ? answer : { kind: 'not-leader', leader: null };
    },
  };
}

async function answer(world: World, partitions: Partitions, waits: Waits, request: ChannelRequest): Promise<Plain> {
  try {
    switch (request.kind) {
      case 'send':
        return await send(partitions, request);
      case 'deliver':
        return (await partitions.receive(request.to, request.batch as unknown as ChannelBatch)) as unknown as Plain;
      case 'dump':
        return (await dump(world, partitions, waits, request.index)) as unknown as Plain;
    }
  } catch (error) {
    if (!isLockstepError(error)) throw error;
    if (error.happened === 'unknown') return { kind: 'unknown' };
    if (['unavailable', 'overloaded', 'stopped'].includes(error.kind)) return { kind: 'unavailable' };
    throw error;
  }
}

async function send(
  partitions: Partitions,
  { id, place, to, sort, hops }: Extract<ChannelRequest, { readonly kind: 'send' }>,
): Promise<Plain> {
  const outcome = await partitions.transact(
    place,
    (tx) => {
      for (const one of to) sendFrom(tx, partitions, one, { name: id.slice(-6), sort, hops });
    },
    { commandId: id },
  );
  return outcome.kind === 'not-leader' ? { ...outcome } : { kind: outcome.kind };
}

async function dump(
  world: World,
  partitions: Partitions,
  waits: Waits,
  index: number,
): Promise<PartitionDump | { readonly kind: 'unavailable' }> {
  const outcome = await partitions.at(index).read('linearizable', { withinMs: 400 });
  if (outcome.kind !== 'snapshot') return { kind: 'unavailable' };
  using snapshot = outcome;
  const { local } = snapshot;
  const by = <T>(first: string): Record<string, T> =>
    Object.fromEntries([...local.range({ prefix: [first] })].map(([key, value]) => [String(key[1]), value as T]));
  const counts = places.map((place) => snapshot.at(place).get(['count']) as number | undefined);
  const letters = await partitions.deadLetters(index);
  const dead = letters.map(({ message, why }) => {
    const { source, n, name, sort } = message as unknown as Note;
    if (why === '') world.fail(`number ${n} of partition ${source} was put aside for no reason`);
    return { source, n, name, sort, why };
  });
  return {
    kind: 'dump',
    revision: snapshot.revision,
    sent: by('sent'),
    got: by('got'),
    counted: counts.reduce<number>((sum, count) => sum + (count ?? 0), 0),
    dead,
    waiting: [...snapshot.system('channel', null).range({ prefix: ['out'] })].length,
    isTainted: local.get(['tainted']) !== undefined,
    gaps: waits.explain().flatMap(({ waitsFor }) => (waitsFor.includes('should have all before') ? [waitsFor] : [])),
  };
}
