/**
 * A node of a chaos of partitions: it opens them over the engine that it is told, stands for leading each, and answers
 * clients and other nodes until it is killed, or cannot go on: then it says why in one line, `ended KIND MESSAGE`.
 */
import { createHash } from 'node:crypto';
import {
  type TransactOutcome,
  type Conflicted,
  type Partitions,
  type Rejection,
  type Snapshot,
  type Token,
  isLockstepError,
  leaseService,
  LockstepError,
  openPartitions,
  timerService,
  type ChannelAnswer,
  type ChannelBatch,
  type Consistency,
} from 'lockstep/partition';
import type { LogEngine } from '../../../src/log/port.ts';
import { isPassing } from '../../../src/log/within.ts';
import { type HostEnv, openHostEnv } from '../../../src/os/env.ts';
import { openFileLogs } from '../../../src/os/logs.ts';
import { answerCalls, call, type Plain } from '../../../src/sim/cluster/calls.ts';
import { type Address, sourceOf } from '../engines/sources.ts';
import { broken, fireNote, keySeen, runCommand, takeMessage } from './node-work.ts';
import {
  accountCount,
  pageLength,
  partitionCount,
  places,
  type NodeAnswer,
  type Note,
  type NodeRequest,
  type ReadHow,
} from './requests.ts';

export interface NodeOrder {
  readonly name: string;
  /** Where the states are, on this machine. */
  readonly directory: string;
  /** Servers, or a directory of logs that one node has at a time. */
  readonly logs: Address | { readonly engine: 'file'; readonly directory: string };
  /** Where this node listens. */
  readonly port: number;
  /** How this node reaches the others, by name. */
  readonly others: Readonly<Record<string, number>>;
  /** Whether logs are trimmed: only where no other node needs them. */
  readonly trims: boolean;
  /** That may be read; the places of keys come and go. */
  readonly keyPlaces: readonly string[];
}

const order = JSON.parse(process.argv[2] ?? '') as NodeOrder;
const env = await openHostEnv({ data: order.directory });
let partitions: Partitions | null = null;

const askOther = async (name: string, request: NodeRequest, withinMs: number): Promise<Plain | null> => {
  const port = order.others[name];
  return port === undefined ? null : call(env, `127.0.0.1:${port}`, request as unknown as Plain, withinMs);
};

/** One that waits for the directory asks who has it; whoever does not answer is taken over from. */
async function openLogsInFiles(directory: string): Promise<LogEngine> {
  const config = { silenceMs: 100, pauseMsMax: 20 };
  let takeOver = false;
  for (;;) {
    try {
      return await openFileLogs(directory, { withinMs: 1_000, takeOver, config });
    } catch (error) {
      if (!isLockstepError(error, 'in-use')) throw error;
      takeOver = !(await isServed());
    }
  }
}

async function isServed(): Promise<boolean> {
  const asked = Object.keys(order.others).map((name) => askOther(name, { kind: 'status' }, 1_000).catch(() => null));
  const answers = (await Promise.all(asked)) as unknown as readonly (NodeAnswer | null)[];
  return answers.some((answer) => answer?.kind === 'status' && answer.hasLogs);
}

async function openEngine(): Promise<LogEngine> {
  const { logs } = order;
  if (logs.engine === 'file') return openLogsInFiles(logs.directory);
  return untilItPasses(() => sourceOf(logs).open(env));
}

async function untilItPasses<T>(open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await env.sleep('100ms');
  }
}

/** To whoever leads it, or another: the one that is asked says who leads. */
async function deliver(to: number, batch: ChannelBatch): Promise<ChannelAnswer> {
  const names = Object.keys(order.others);
  const leader = partitions?.at(to).status.leader ?? null;
  const name = leader !== null && names.includes(leader) ? leader : names[env.randomness.below(names.length || 1)];
  if (name === undefined) return { kind: 'not-leader', leader: null };
  const { sender, after } = batch;
  const messages = batch.messages.map(({ generation, number, bytes }) => [generation, number, [...bytes]]);
  const request = { kind: 'deliver', to, batch: { sender, after, messages } as unknown as Plain } as const;
  const answer = (await askOther(name, request, 1_000)) as unknown as ChannelAnswer;
  return ['taken', 'gap', 'not-leader'].includes(answer.kind) ? answer : { kind: 'not-leader', leader: null };
}

function batchOf(json: Plain): ChannelBatch {
  const { sender, after, messages } = json as unknown as Omit<ChannelBatch, 'messages'> & {
    readonly messages: readonly (readonly [number, number, number[]])[];
  };
  return {
    sender,
    after,
    messages: messages.map(([generation, number, bytes]) => ({ generation, number, bytes: Uint8Array.from(bytes) })),
  };
}

async function open(engine: LogEngine): Promise<Partitions> {
  return untilItPasses(() =>
    openPartitions(env, {
      engine,
      directory: 'state',
      owner: order.name,
      count: partitionCount,
      trims: order.trims,
      onMessage: takeMessage,
      transport: { deliver },
      services: [timerService({ handlers: { note: fireNote } }), leaseService().epochs],
      settings: { withinMs: 5_000, clockWaitMsMax: 500, standPauseMsMax: 300 },
      // Small, so that much is flushed and merged in a minute.
      tree: { memtableBytes: 64 * 1_024, tableBytes: 128 * 1_024, levelOneBytes: 256 * 1_024 },
      openWithinMs: 10_000,
    }),
  );
}

async function answer(request: NodeRequest): Promise<NodeAnswer | ChannelAnswer> {
  if (request.kind === 'status') return { kind: 'status', hasLogs: partitions !== null };
  if (partitions === null) return { kind: 'unavailable' };
  try {
    return await answerOf(partitions, request);
  } catch (error) {
    if (!isLockstepError(error)) throw error;
    if (error.kind === 'misuse' || error.kind === 'invalid') broken(error.message);
    return { kind: error.happened === 'no' ? 'unavailable' : 'unknown' };
  }
}

async function answerOf(all: Partitions, request: Exclude<NodeRequest, { kind: 'status' }>) {
  switch (request.kind) {
    case 'command':
      return command(all, request);
    case 'key': {
      const { place, how } = request;
      return seen(all, place, how, (space) => ({ ...keySeen(place, (key) => space.get([key])) }));
    }
    case 'balances':
      return seen(all, places.bank, request.how, (space) =>
        Array.from({ length: accountCount }, (_, account) => (space.get(['account', account]) as number) ?? null),
      );
    case 'deliver':
      return all.receive(request.to, batchOf(request.batch));
    case 'page':
      return page(all, request);
    case 'digest':
      return digest(all, request);
  }
}

async function command(
  all: Partitions,
  { place, id, work }: Extract<NodeRequest, { kind: 'command' }>,
): Promise<NodeAnswer> {
  const options = { commandId: id, withinMs: 4_000 };
  const waits = work.kind === 'steps' && work.waits;
  const transacted: Promise<TransactOutcome<Plain | Rejection> | Conflicted> = waits
    ? all.transactAsync(
        place,
        async (tx) => {
          await env.sleep(`${env.randomness.below(20)}ms`);
          return runCommand(all, tx, id, work);
        },
        { ...options, attempts: 5 },
      )
    : all.transact<Plain | Rejection>(place, (tx) => runCommand(all, tx, id, work), options);
  const outcome = await transacted;
  switch (outcome.kind) {
    case 'committed':
    case 'already-done':
      return { kind: 'done', value: outcome.value, token: outcome.token };
    case 'rejected':
      return { kind: 'rejected', code: outcome.code };
    case 'not-leader':
      return outcome;
    default:
      return { kind: outcome.kind };
  }
}

/** What a read of that kind shows of a place. */
async function seen(
  all: Partitions,
  place: string,
  how: ReadHow,
  look: (space: Pick<Snapshot['local'], 'get'>) => Plain,
): Promise<NodeAnswer> {
  if (how.kind === 'transact') {
    const outcome = await all.transact<Plain>(place, (tx) => look(tx), { withinMs: 4_000 });
    if (outcome.kind === 'committed') return { kind: 'seen', value: outcome.value };
    return outcome.kind === 'not-leader' ? outcome : { kind: 'refused' };
  }
  const outcome = await all.read(place, consistencyOf(how), { withinMs: 2_000 });
  if (outcome.kind !== 'snapshot') return outcome.kind === 'not-leader' ? outcome : { kind: 'refused' };
  using snapshot = outcome;
  return { kind: 'seen', value: look(snapshot.at(place)) };
}

function consistencyOf(how: Exclude<ReadHow, { kind: 'transact' }>): Consistency {
  switch (how.kind) {
    case 'linearizable':
      return 'linearizable';
    case 'at-least':
      return { atLeast: how.token as Token };
    case 'stale':
      return { staleMsMax: how.msMax };
    default:
      throw new LockstepError('misuse', 'there is no such read');
  }
}

async function page(all: Partitions, { index, topic, after }: Extract<NodeRequest, { kind: 'page' }>) {
  const outcome = await all.at(index).read('linearizable', { withinMs: 4_000 });
  if (outcome.kind !== 'snapshot') return outcome.kind === 'not-leader' ? outcome : { kind: 'refused' as const };
  using snapshot = outcome;
  const from = after ?? undefined;
  const found = [
    ...snapshot.local.range({ prefix: [topic], from, limit: pageLength + 1 }),
  ] as unknown as readonly Note[];
  const entries = found.filter(([key]) => key.join(' ') !== after?.join(' ')).slice(0, pageLength);
  return { kind: 'page' as const, entries };
}

async function digest(all: Partitions, { index, atLeast }: Extract<NodeRequest, { kind: 'digest' }>) {
  const outcome = await all.at(index).read({ atLeast: atLeast as Token }, { withinMs: 4_000 });
  if (outcome.kind !== 'snapshot') return outcome.kind === 'not-leader' ? outcome : { kind: 'refused' as const };
  using snapshot = outcome;
  const hash = createHash('sha256');
  const { lists, bank, leases, timers, senders } = places;
  for (const place of [lists, bank, leases, timers, ...senders, ...order.keyPlaces])
    for (const entry of snapshot.at(place).range()) hash.update(JSON.stringify([place, entry]));
  for (const entry of snapshot.local.range()) hash.update(JSON.stringify(entry));
  return { kind: 'digest' as const, text: hash.digest('hex'), revision: snapshot.revision };
}

/** What this process cannot mend ends it; whoever watches it starts another. */
async function live(host: HostEnv): Promise<never> {
  const serving = answerCalls(
    host,
    `127.0.0.1:${order.port}`,
    (request) => answer(request as unknown as NodeRequest) as unknown as Promise<Plain>,
  );
  serving.catch(() => {}); // raced below
  const engine = await Promise.race([openEngine(), serving]);
  partitions = await Promise.race([open(engine), serving]);
  const failure = await Promise.race([partitions.stopped, serving]);
  throw failure ?? new Error('nobody closed them');
}

try {
  await live(env);
} catch (error) {
  const [message = ''] = (error as Error).message.split('\n');
  process.stdout.write(`ended ${isLockstepError(error) ? error.kind : 'error'} ${message}\n`);
  if (!isLockstepError(error)) process.stderr.write(`${(error as Error).stack}\n`);
  process.exit(1);
}
