/**
 * Makes a partition of a backup: its state in a directory, and a new log that goes on from there, in whatever engine.
 * Revisions go on. The first transaction in the new log gives the partition its new generation and says where the one
 * before ended; it stands in the state too, with the mark that ties this state to this log.
 */
import { ByteWriter } from '../../bytes/byte-writer.ts';
import { ValueEncoder } from '../../bytes/value-encode.ts';
import { ValueDecoder } from '../../bytes/value-decode.ts';
import { hybridOf, hybridTimestamp, type HybridTimestamp } from '../../clock/timestamp.ts';
import type { CheckpointStore } from '../../checkpoint/port.ts';
import { assert } from '../../kernel/assert.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { beforeFirst } from '../../log/coordinates.ts';
import { takeDirectory } from '../../log/file-owner.ts';
import type { Log, LogWriter, Position } from '../../log/port.ts';
import { treeOptions, type TreeOptions } from '../../storage/options.ts';
import { tablesIn } from '../../storage/tree-places.ts';
import type { Tree } from '../../storage/tree.ts';
import { WriteBatch } from '../../storage/write-batch.ts';
import { firstLevel, formatLevel, GroupPayload } from '../group-payload.ts';
import { identityOf, nextGeneration, storedIdentity, type Identity } from '../identity.ts';
import { KeySpace } from '../key-space.ts';
import { encodeMark } from '../log-mark.ts';
import type { PartitionEnv } from '../open-partition.ts';
import { systemNames } from '../replica.ts';
import { printToken } from '../token.ts';
import type { Token } from '../transaction.ts';
import { readCatalogue } from './archive.ts';
import type { KeptCheckpoint } from './catalogue.ts';
import { openState, writeBeside } from './install.ts';
import { offerOf } from './source.ts';
import { StateDirectory } from './state-directory.ts';

export interface RestoreOptions {
  /** With a backup, or with the checkpoints that a partition published. */
  readonly store: CheckpointStore;
  /** New: nothing was ever written to it. Opened by the caller, who also closes it. */
  readonly log: Log;
  /** Where the state is to be, on the env's disk; `openPartition` is given the same. No partition is there. */
  readonly directory: string;
  /** Which of the backups that the store has. Default: the newest. */
  readonly revision?: number | undefined;
  /** Stands in the new log's first claim. Default `restore`. */
  readonly owner?: string | undefined;
  readonly anyFileSystem?: boolean | undefined;
  readonly tree?: Partial<TreeOptions> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Restored {
  /** The last one of the backup; the next one says that it was restored. */
  readonly revision: number;
  readonly generation: number;
  readonly token: Token;
}

/** 10 random bits below the milliseconds: two who restore one backup in one moment make different generations. */
const generationsPerMs = 1_024;
const payloadBytesMax = 64 * 1024;

/**
 * Restores; then open the partition in the directory, on the log. After a failure or a crash nothing is there; if it came
 * as far as the log, that log is used up.
 * @throws LockstepError `misuse` when the directory has a partition, or the log has one's transactions; `invalid` when
 * the store has no such backup; `corrupt` for a damaged one, with the file's name; `in-use` when another process has the
 * directory; what the log, the store and the disk throw; the signal's reason.
 */
export async function restorePartition(env: PartitionEnv, options: RestoreOptions): Promise<Restored> {
  const { store, log, directory, anyFileSystem, signal, owner = 'restore' } = options;
  const treeSettings = treeOptions(options.tree);
  const kept = await chosen(store, options.revision);
  env.disk.makeDirectory(directory);
  const place = await takeDirectory(env, directory, directory, { anyFileSystem, takeOver: 'never' });
  try {
    const state = new StateDirectory(env.disk, directory);
    if (!state.isEmpty)
      throw new LockstepError('misuse', 'a restore needs a directory without a partition', {
        values: { directory },
        advice: ['give another directory; nothing was changed'],
      });
    await checkEmpty(log, await log.tail(), signal);
    const { tree: beside } = state.next;
    const given = { codec: treeSettings.codec, levelMax: formatLevel, signal };
    const number = await writeBeside(env, state, offerOf(store, kept), given);
    const writer = await log.acquire({ owner, signal });
    try {
      await checkEmpty(log, writer.start, signal);
      const tree = await openState(env, tablesIn(beside), treeSettings);
      try {
        return await goOn(env, tree, writer, kept, () => state.switchTo(number));
      } finally {
        await tree.close();
      }
    } finally {
      await writer.release();
    }
  } finally {
    await place.leave();
  }
}

/** @throws LockstepError `invalid`. */
async function chosen(store: CheckpointStore, revision: number | undefined): Promise<KeptCheckpoint> {
  const { kept } = await readCatalogue(store);
  const found = revision === undefined ? kept[0] : kept.find((one) => one.revision === revision);
  if (found !== undefined) return found;
  throw new LockstepError('invalid', 'the store has no such backup', {
    values: { revision: revision ?? 'the newest', has: kept.map((one) => one.revision).join(', ') },
  });
}

/** @throws LockstepError `misuse` when there are transactions in it. */
async function checkEmpty(log: Log, end: Position, signal: AbortSignal | undefined): Promise<void> {
  if (end === beforeFirst) return;
  for await (const batch of log.read(beforeFirst, { signal })) {
    const isEmpty = batch.kind === 'records' && batch.records.every(({ revisionCount }) => revisionCount === 0);
    if (!isEmpty)
      throw new LockstepError('misuse', 'a restore needs a log without transactions', {
        values: { log: log.id },
        advice: ['create another log, under another name; nothing was changed'],
      });
    if ((batch.records.at(-1)?.position ?? end) >= end) return;
  }
}

/** The revision after the backup's: in the tables first, which are nobody's until `install`, then in the log. */
async function goOn(
  env: PartitionEnv,
  tree: Tree,
  writer: LogWriter,
  kept: KeptCheckpoint,
  install: () => Promise<void>,
): Promise<Restored> {
  const before = identityIn(tree);
  assert(tree.flushed.revision === kept.revision, 'what was imported is what was kept');
  const { generation } = before;
  const drawn = env.clock.wall() * generationsPerMs + Math.floor(env.randomness.float() * generationsPerMs);
  const identity = nextGeneration(before, Math.max(generation + 1, drawn), kept.revision);
  const revision = kept.revision + 1;
  const time = laterThan(kept.time, env.clock.wall());
  const batch = batchOf(identity, writer, time);
  tree.apply(revision, batch);
  tree.setDurable(revision, writer.start);
  tree.seal();
  await tree.background.flushedUpTo(revision);
  const payload = new GroupPayload(new ByteWriter(payloadBytesMax), kept.revision, Math.max(firstLevel, kept.level));
  payload.add(time, batch);
  const appended = await writer.append({ payload: payload.view(), firstRevision: revision, revisionCount: 1 });
  if (appended.kind === 'fenced')
    throw new LockstepError('in-use', 'another one leads the log that is to be restored to', {
      advice: ['open no partition on it before the restore has ended'],
    });
  await install();
  const token = printToken({ partition: identity.id, generation: identity.generation, revision });
  return { revision: kept.revision, generation: identity.generation, token };
}

const identityKey = KeySpace.ofSystem(systemNames.partition).key([]);
const markKey = KeySpace.ofSystem(systemNames.log).key([]);

function identityIn(tree: Tree): Identity {
  const found = tree.find(identityKey, 0, identityKey.length, tree.flushed.revision);
  return identityOf(found === null ? null : new ValueDecoder().decode(found.bytes, found.start, found.end));
}

function batchOf(identity: Identity, { start, chain }: LogWriter, time: HybridTimestamp): Uint8Array {
  const encoder = new ValueEncoder();
  return new WriteBatch()
    .put(identityKey, encoder.encode(storedIdentity(identity)).slice())
    .put(markKey, encoder.encode(encodeMark({ position: start, chain, time })).slice())
    .view()
    .slice();
}

/** The partition's time goes on, and is the clock's where that is ahead. */
function laterThan(last: number, wall: ReturnType<PartitionEnv['clock']['wall']>): HybridTimestamp {
  const now = hybridOf({ wall, counter: 0 }) ?? 0;
  const time = hybridTimestamp(Math.max(last + 1, now));
  assert(time !== null, 'times end in 2089');
  return time;
}
