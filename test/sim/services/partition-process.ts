/** A contender of the scenario `partition`: it opens a partition, and answers for it whoever asks over the network. */
import type { Env, NodeAddress } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { LogEngine } from '../../../src/log/port.ts';
import { openPartition } from '../../../src/partition/open-partition.ts';
import type { Consistency } from '../../../src/partition/reads.ts';
import type { Partition } from '../../../src/partition/partition.ts';
import type {
  Conflicted,
  EpochService,
  Reader,
  Rejection,
  Token,
  Transaction,
  TransactOutcome,
} from '../../../src/partition/transaction.ts';
import { answerCalls, type Plain } from '../../../src/sim/cluster/calls.ts';
import { openedLog } from './opened-log.ts';
import { otherLog, trailSystem, type PartitionBug } from './partition-bugs.ts';
import { watch } from './partition-watcher.ts';

export type WriteCall =
  | { readonly kind: 'put'; readonly value: number }
  | { readonly kind: 'cas'; readonly from: number | null; readonly to: number };

export type PartitionRequest =
  | { readonly kind: 'write'; readonly place: string; readonly call: WriteCall; readonly id: string }
  | { readonly kind: 'read'; readonly place: string; readonly how: ReadHow }
  | { readonly kind: 'dump'; readonly atLeast: string }
  | { readonly kind: 'scrub' };
export type ReadHow =
  | { readonly kind: 'linearizable' | 'transact' }
  | { readonly kind: 'at-least'; readonly token: string }
  | { readonly kind: 'stale'; readonly msMax: number };

export type PartitionAnswer =
  | { readonly kind: 'written'; readonly token: string; readonly version: number }
  | { readonly kind: 'value'; readonly value: number | null; readonly version: number }
  | { readonly kind: 'dump'; readonly text: string; readonly revision: number; readonly scrubbed: number }
  | { readonly kind: 'scrubbed'; readonly revision: number }
  | { readonly kind: 'not-leader'; readonly leader: string | null }
  | { readonly kind: 'rejected' | 'refused' | 'expired' | 'unknown' | 'unavailable' };

export interface ContenderSetup {
  readonly name: string;
  readonly address: NodeAddress;
  readonly payloadBytesMax: number;
  readonly engine: (env: Env) => LogEngine;
  readonly trims: boolean;
  readonly standPauseMsMax: number;
  readonly bug: PartitionBug;
  readonly witness: ContenderWitness;
}

/** Hears what comes about in contenders; it survives them. */
export interface ContenderWitness {
  count(what: string): void;
  /** What is seen in a transaction and cannot be: a failure that its partition tells nobody of. */
  broken: string | null;
}

const mismatch: Rejection<'mismatch', null> = { kind: 'rejected', code: 'mismatch', details: null };

export async function contend(env: Env, setup: ContenderSetup): Promise<never> {
  const { name, address, payloadBytesMax, trims, standPauseMsMax, bug, witness } = setup;
  const engine = setup.engine(env);
  const log = await openedLog(env, engine);
  const counted = otherLog(log, {
    trim: (before) => {
      witness.count('trims');
      return log.trim(before);
    },
  });
  const partition = await openPartition(env, {
    log: bug.log?.(counted) ?? counted,
    payloadBytesMax,
    directory: `state-${name}`,
    owner: name,
    trims,
    services: [() => epochCounter(witness)],
    settings: {
      commandWindowMs: bug.commandWindowMs ?? 20_000,
      commandCountMax: 40,
      withinMs: 4_000,
      clockWaitMsMax: 500,
      standPauseMsMax,
      snapshotMsMax: 5_000,
      groupBytesMax: 2_000,
      scrubEveryMs: 1_500,
    },
    tree: { memtableBytes: 4_000, blockBytes: 512, tableBytes: 8_000, cacheBytes: 16_000, levelOneBytes: 32_000 },
  });
  const serving = answerCalls(env, address, (request) =>
    answer(env, partition, request as PartitionRequest, bug, witness),
  );
  const watching = watch(env, partition, witness);
  const failure = await Promise.race([partition.stopped, serving, watching.then(() => partition.stopped)]);
  const { scrub } = partition.status;
  if (scrub?.agreed === false)
    witness.broken ??= `${name} has other state at revision ${scrub.revision} than the log says`;
  await partition.close();
  await engine.close();
  throw failure ?? new Error('nobody closed it');
}

/** A service of each epoch, which is started and stopped as it should be. */
function epochCounter(witness: ContenderWitness): EpochService {
  let epoch: number | null = null;
  let commits = 0;
  return {
    start(leading) {
      if (epoch !== null) witness.broken ??= 'a service is started twice';
      epoch = leading.epoch;
      witness.count('epochs');
      leading.onCommit(({ revision }) => {
        commits++;
        if (leading.reader.revision < revision) witness.broken ??= `revision ${revision} is told before it is there`;
      });
    },
    stop: async () => {
      if (epoch === null) witness.broken ??= 'a service is stopped that was not started';
      witness.count(commits === 0 ? 'epochs without a commit' : 'epochs with commits');
    },
  };
}

async function answer(
  env: Env,
  partition: Partition,
  request: PartitionRequest,
  bug: PartitionBug,
  witness: ContenderWitness,
): Promise<Plain> {
  try {
    if (request.kind === 'write') return { ...(await write(witness, env, partition, request, bug)) };
    if (request.kind === 'scrub') return { ...(await scrub(partition, witness)) };
    if (request.kind === 'dump') return { ...(await dump(partition, request.atLeast)) };
    return { ...(await read(witness, env, partition, request.place, request.how, bug)) };
  } catch (error) {
    if (!isLockstepError(error)) throw error;
    const isOver = ['disk-full', 'disk-failed', 'stopped', 'overloaded'].includes(error.kind);
    witness.count(`error ${error.kind}`);
    if (error.kind === 'unknown' || (isOver && error.happened === 'unknown')) return { kind: 'unknown' };
    if (error.kind === 'unavailable' || isOver) return { kind: 'unavailable' };
    throw error;
  }
}

/** All that it writes stands in one place and in what has none, so what is read must fit together. */
function change(
  witness: ContenderWitness,
  tx: Transaction,
  call: WriteCall,
  id: string,
  known: Map<string, number>,
): number | Rejection {
  const place = tx.place ?? '';
  const value = known.get(place) ?? (tx.get(['value']) as number | undefined) ?? null;
  if (tx.get(['mirror']) !== tx.get(['value'])) witness.broken ??= `${place} has a value and another beside it`;
  const version = ((tx.get(['version']) as number | undefined) ?? 0) + 1;
  tx.set(['value'], call.kind === 'put' ? call.value : call.to);
  tx.set(['mirror'], call.kind === 'put' ? call.value : call.to);
  tx.set(['version'], version);
  tx.deleteRange({ prefix: ['old'], to: ['old', version - 5] });
  tx.set(['old', version], value);
  if (tx.local.get(['ran', id]) !== undefined) witness.broken ??= `the command ${id} is run again`;
  tx.local.set(['ran', id], version);
  const last = tx.local.get(['now']);
  if (typeof last === 'number' && last >= tx.now) witness.broken ??= `after ${last} the partition's time is ${tx.now}`;
  tx.local.set(['now'], tx.now);
  // What nobody reads: only a scrub sees whether it is the same everywhere.
  const trail = tx.system(trailSystem, 'place');
  trail.deleteRange({ to: [version - 3] });
  trail.set([version], id);
  // A rejection drops all that was written above.
  return call.kind === 'cas' && call.from !== value ? mismatch : version;
}

async function write(
  witness: ContenderWitness,
  env: Env,
  partition: Partition,
  { place, call, id }: Extract<PartitionRequest, { readonly kind: 'write' }>,
  bug: PartitionBug,
): Promise<PartitionAnswer> {
  const early = Promise.withResolvers<PartitionAnswer>();
  const run = (tx: Transaction): number | Rejection => {
    if (bug.forgetsCommands === true) tx.system('command', 'local').deleteRange({});
    const outcome = change(witness, tx, call, id, bug.cache ?? new Map<string, number>());
    if (typeof outcome === 'number') bug.cache?.set(place, call.kind === 'put' ? call.value : call.to);
    else if (bug.tellsEarly === true) early.resolve({ kind: 'rejected' });
    return outcome;
  };
  const transacted =
    env.random() < 0.85
      ? partition.transact(place, run, { commandId: id })
      : partition.transactAsync(place, (tx) => waiting(env, tx, run), { commandId: id, attempts: 3, withinMs: 2_000 });
  return Promise.race([transacted.then((outcome) => answerOf(witness, outcome, bug)), early.promise]);
}

/** What it reads first is what it goes by in the end, whatever others do meanwhile. */
async function waiting(
  env: Env,
  tx: Transaction,
  run: (tx: Transaction) => number | Rejection,
): Promise<number | Rejection> {
  const before = tx.get(['version']);
  await env.sleep(`${env.randomness.below(40)}ms`);
  if (tx.get(['version']) !== before) throw new Error('what a transaction sees has changed');
  return run(tx);
}

function answerOf(
  witness: ContenderWitness,
  outcome: TransactOutcome<number | Rejection> | Conflicted,
  bug: PartitionBug,
): PartitionAnswer {
  switch (outcome.kind) {
    case 'committed':
    case 'already-done': {
      const { token, value } = outcome;
      return { kind: 'written', token: bug.token?.(token) ?? token, version: value };
    }
    case 'not-leader':
      return { ...outcome };
    case 'conflict':
      witness.count('conflict');
      return { kind: 'refused' };
    default:
      return { kind: outcome.kind };
  }
}

async function read(
  witness: ContenderWitness,
  env: Env,
  partition: Partition,
  place: string,
  how: ReadHow,
  bug: PartitionBug,
): Promise<PartitionAnswer> {
  if (how.kind === 'transact') {
    const early = Promise.withResolvers<PartitionAnswer>();
    const transacted = partition.transact(place, (tx) => {
      const value = seen(witness, tx.place ?? '', (key) => tx.get([key]));
      if (bug.tellsEarly === true) early.resolve({ kind: 'value', ...value });
      return value;
    });
    const outcome = await Promise.race([transacted, early.promise]);
    if (outcome.kind === 'value') return outcome;
    if (outcome.kind === 'committed') return { kind: 'value', ...outcome.value };
    return outcome.kind === 'not-leader' ? { ...outcome } : { kind: 'refused' };
  }
  const consistency = consistencyOf(how);
  const outcome = await partition.read(consistency, { withinMs: 400 });
  if (outcome.kind !== 'snapshot') return outcome.kind === 'not-leader' ? { ...outcome } : { kind: 'refused' };
  try {
    if (env.random() < 0.2) await env.sleep('50ms'); // what it shows stays, whatever is committed meanwhile
    const space = outcome.at(place);
    return { kind: 'value', ...seen(witness, place, (key) => space.get([key])) };
  } finally {
    outcome[Symbol.dispose]();
  }
}

function consistencyOf(how: ReadHow): Consistency {
  if (how.kind === 'at-least') return { atLeast: how.token as Token };
  return how.kind === 'stale' ? { staleMsMax: how.msMax } : 'linearizable';
}

function seen(
  witness: ContenderWitness,
  place: string,
  get: (key: string) => unknown,
): { value: number | null; version: number } {
  const [value = null, mirror = null] = [get('value'), get('mirror')];
  if (value !== mirror) witness.broken ??= `${place} shows ${String(value)}, and ${String(mirror)} beside it`;
  return { value: value as number | null, version: (get('version') as number | undefined) ?? 0 };
}

async function scrub(partition: Partition, witness: ContenderWitness): Promise<PartitionAnswer> {
  const outcome = await partition.scrub({ withinMs: 500 });
  witness.count(outcome.kind);
  if (outcome.kind === 'scrubbed') return { kind: 'scrubbed', revision: outcome.revision };
  return outcome.kind === 'not-leader' ? { ...outcome } : { kind: 'refused' };
}

async function dump(partition: Partition, token: string): Promise<PartitionAnswer> {
  const outcome = await partition.read({ atLeast: token as Token }, { withinMs: 400 });
  if (outcome.kind !== 'snapshot') return { kind: 'refused' };
  try {
    const scrubbed = partition.status.scrub?.revision ?? 0;
    return { kind: 'dump', text: textOf(outcome), revision: outcome.revision, scrubbed };
  } finally {
    outcome[Symbol.dispose]();
  }
}

export const places = ['ant', 'bee', 'cat'] as const;

function textOf(reader: Reader): string {
  const spaces = [...places.map((place) => reader.at(place)), reader.local, reader.system('command', null)];
  return JSON.stringify(spaces.map((space) => [...space.range()]));
}
