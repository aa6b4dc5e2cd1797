/**
 * A tree of its own: with a journal that it writes ahead to. One process has a directory; within it everything is one
 * `StoredTree`, whose reads are synchronous and whose writes resolve once they are durable, many sharing one sync.
 */
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Ports } from '../env/env.ts';
import type { Waits } from '../observe/waits.ts';
import type { Journal } from '../wal/journal.ts';
import type { JournalDurability } from '../wal/journal-options.ts';
import { checkpointTree, type CheckpointFacts } from './checkpoint.ts';
import type { KeyRange } from './key-range.ts';
import { manifestName } from './manifest.ts';
import { checkNotLost, type DamageChoice } from './open-tables.ts';
import { treeOptions, type TreeOptions } from './options.ts';
import type { Scan, ScanOptions } from './scan.ts';
import { Transactor, type TransactionFunction } from './transaction/transact.ts';
import type { TransactOptions, TreeTransactOutcome } from './transaction/transaction.ts';
import { openTreeCore, type Tree } from './tree.ts';
import { createTreeJournal, journalBytes, openTreeJournal, readsAround, replay } from './tree-journal.ts';
import { journalIn, tablesIn } from './tree-places.ts';
import { TreeReaders, type ReaderLimits, type SnapshotOptions, type TreeSnapshot } from './tree-readers.ts';
import { statsOfCore, type TreeStats } from './tree-stats.ts';
import type { TreeDamage } from './tree-damage.ts';
import { TreeWriter } from './tree-writer.ts';
import { verifyJournal, verifyTables, type VerifyOptions } from './verify-tree.ts';
import { WriteBatch } from './write-batch.ts';
import { WriterPressure } from './writer-pressure.ts';

export interface OpenTreeOptions extends Partial<TreeOptions> {
  /** Makes the tree if there is none; otherwise opening answers null then. Default true. */
  readonly create?: boolean | undefined;
  /** Where writers that wait for the background are entered. */
  readonly waits?: Waits | undefined;
  /**
   * What to do when a table cannot be opened or the journal cannot be read as they were written. `refuse`: throws,
   * naming the file. `read-around`: the tree opens for reading only and changes nothing; reads of keys that a damaged
   * table may have had throw `corrupt`; where the journal is damaged the tree is as its tables are, without what was
   * not flushed. Where nothing is damaged it opens as ever. A damaged manifest is refused in any case. Default `refuse`.
   */
  readonly damaged?: DamageChoice | undefined;
  /**
   * When a write is answered. `machine`: once it is synced. `process`: once it is written to the operating system; it
   * survives the end of this process, and a loss of power takes at most the last 16 MiB or half a second of writes,
   * never one of them without those behind it. Default `machine`.
   */
  readonly durability?: JournalDurability | undefined;
  /**
   * How long a snapshot or a scan may be held, in milliseconds: what it can see is kept for so long at most. Afterwards it
   * says `stopped`. Default 60,000.
   */
  readonly snapshotMsMax?: number | undefined;
  /** Every revision can be read (`snapshot({ at })`) for so long after a newer one came, in milliseconds. Default 0. */
  readonly keepVersionsMs?: number | undefined;
}

export type TreeEnv = Pick<Ports, 'disk' | 'jobs' | 'clock' | 'timers' | 'randomness'>;

/**
 * Opens the tree in a directory of the env's disk, below which it makes `journal` and `tables`.
 * @throws LockstepError `misuse` for options that are none; `corrupt` for damage, with path and offset; `invalid` for
 * another format; `disk-full`, `disk-failed`.
 */
export function openTree(env: TreeEnv, directory: string, options: OpenTreeOptions = {}): Promise<StoredTree | null> {
  return openTreeFor(env, directory, options, null);
}

/** For the room's own use: the same, with `onClosed` run once nothing of it is open any more. */
export async function openTreeFor(
  env: TreeEnv,
  directory: string,
  opening: OpenTreeOptions,
  onClosed: (() => Promise<void>) | null,
): Promise<StoredTree | null> {
  const { create = true, waits, damaged = 'refuse', durability = 'machine', ...others } = opening;
  const { snapshotMsMax = 60_000, keepVersionsMs = 0, ...changes } = others;
  const limits = checkLimits({ snapshotMsMax, keepVersionsMs });
  const options = treeOptions(changes);
  if (damaged !== 'refuse' && damaged !== 'read-around')
    throw new LockstepError('misuse', 'damaged is refuse or read-around', { values: { damaged: String(damaged) } });
  if (durability !== 'machine' && durability !== 'process')
    throw new LockstepError('misuse', 'durability is machine or process', {
      values: { durability: String(durability) },
    });
  const isThere = env.disk.stat(`${tablesIn(directory)}/${manifestName}`) !== null;
  if (!isThere && !create) {
    checkNotLost(env.disk, tablesIn(directory));
    return null;
  }
  let journal: Journal | null = isThere ? null : await createTreeJournal(env, directory, durability);
  let tree: Tree | null = null;
  try {
    tree = await openTreeCore({ ports: env, directory: tablesIn(directory), options, damaged }, true);
    assert(tree !== null, 'a tree is made where there is none');
    const isReadable = damaged === 'refuse' || (await readsAround(env.disk, directory, tree));
    if (isReadable) {
      journal ??= await openTreeJournal(env, directory, durability);
      await replay(tree, journal);
    }
    const core: TreeCore = { tree, journal, pressure: new WriterPressure(env, tree, options, waits ?? null, 'write') };
    return new StoredTree({ env, directory, options, waits: waits ?? null, limits, onClosed }, core);
  } catch (error) {
    await journal?.close();
    await tree?.close();
    throw error;
  }
}

/** @throws LockstepError `misuse`. */
function checkLimits(limits: ReaderLimits): ReaderLimits {
  const { snapshotMsMax, keepVersionsMs } = limits;
  if (snapshotMsMax > 0 && snapshotMsMax < Infinity && keepVersionsMs >= 0 && keepVersionsMs < Infinity) return limits;
  throw new LockstepError('misuse', 'snapshots have a maximum age, and versions a time for which they are kept', {
    values: { snapshotMsMax, keepVersionsMs },
  });
}

/** Where a tree is, and how it was opened. */
interface TreePlace {
  readonly env: TreeEnv;
  readonly directory: string;
  readonly options: TreeOptions;
  readonly waits: Waits | null;
  readonly limits: ReaderLimits;
  readonly onClosed: (() => Promise<void>) | null;
}

interface TreeCore {
  readonly tree: Tree;
  /** Null: it is open for reading only. */
  readonly journal: Journal | null;
  readonly pressure: WriterPressure;
}

export class StoredTree implements AsyncDisposable {
  readonly #place: TreePlace;
  readonly #core: TreeCore;
  readonly #tree: Tree;
  readonly #writer: TreeWriter;
  readonly #readers: TreeReaders;
  readonly #transactor: Transactor;
  /** Of one write; empty but for the moment in which that is made. */
  readonly #single = new WriteBatch();
  #checkpointing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  /** Use `openTree`. */
  constructor(place: TreePlace, core: TreeCore) {
    this.#place = place;
    this.#core = core;
    this.#tree = core.tree;
    const { tree, journal, pressure } = core;
    const { env, waits } = place;
    const readers = new TreeReaders(tree, env.clock, place.limits);
    this.#readers = readers;
    this.#writer = new TreeWriter(tree, journal, pressure, (revision) => readers.advance(revision));
    this.#transactor = new Transactor({ env, waits, tree, writer: this.#writer, readers });
  }

  /** Of the last write that was acknowledged. */
  get revision(): number {
    return this.#writer.visible;
  }

  /**
   * A copy of the key's value; undefined when it has none. Short values are views of buffers that several share: they stay
   * good, but their `buffer` is not to be transferred. @throws LockstepError `corrupt`, `misuse`, `stopped`.
   */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#readers.get(key);
  }

  /**
   * Entries in order of their keys, as they were when this was called, whatever is written meanwhile; for `snapshotMsMax`
   * at most.
   */
  scan(options: ScanOptions = {}): Scan {
    return this.#readers.scan(options);
  }

  /**
   * The tree as it is now, or as it was at a revision, until it is disposed or has come to its maximum age. What it can
   * still see is kept.
   * @throws LockstepError `invalid` for a revision whose versions were trimmed, or that is not there yet; `misuse` for an
   * age that is none; `stopped`.
   */
  snapshot(options: SnapshotOptions = {}): TreeSnapshot {
    return this.#readers.snapshot(options);
  }

  /** The oldest revision that `snapshot` can be asked for. */
  get floor(): number {
    return this.#readers.floor;
  }

  /**
   * Runs a function on one moment of the tree and commits what it writes, all or nothing. Without `await` in it, it runs
   * alone on the newest state: once, at once unless writers have to wait, and it never conflicts. With `await` it is run
   * on a view that stays as it is, checked at its end, and run again when others were first. What it throws rejects, and
   * nothing is written. Its outcome is told when all that it read and wrote is acknowledged.
   * @throws LockstepError `misuse` within another transaction's function, or for options that are none; `invalid` when it
   * writes or reads more than one transaction can; `unavailable` at its deadline; the signal's reason; as `write`.
   */
  transact<T>(fn: TransactionFunction<T>, options: TransactOptions = {}): Promise<TreeTransactOutcome<T>> {
    if (this.#closing !== null) return Promise.reject(closed());
    return this.#transactor.transact(fn, options);
  }

  put(key: Uint8Array, value: Uint8Array): Promise<number> {
    return this.write(this.#single.clear().put(key, value));
  }

  delete(key: Uint8Array): Promise<number> {
    return this.write(this.#single.clear().delete(key));
  }

  /** All keys from `start` on and before `end`. */
  deleteRange(start: Uint8Array, end: Uint8Array): Promise<number> {
    return this.write(this.#single.clear().deleteRange(start, end));
  }

  /**
   * Writes a batch, all or nothing; gives its revision once it is durable and can be read. The batch may be used again
   * at once. Waits while the background is too far behind.
   * @throws LockstepError `misuse` for an empty batch; `disk-full`, `disk-failed`, `unknown`, `unavailable` as `Journal.append`: then
   * nothing more is written until it is opened anew; what stopped the background; `stopped`.
   */
  async write(batch: WriteBatch): Promise<number> {
    if (batch.count === 0) throw new LockstepError('misuse', 'a batch has at least one write');
    const room = this.#room();
    if (room === null) return this.#writer.append(batch.view());
    const bytes = batch.view().slice();
    await room;
    return this.#append(bytes);
  }

  #room(): Promise<unknown> | null {
    this.#check();
    this.#transactor.checkOutside();
    return this.#writer.room() ?? this.#writer.takes();
  }

  async #append(bytes: Uint8Array): Promise<number> {
    for (let takes = this.#writer.takes(); takes !== null; takes = this.#writer.takes()) await takes;
    return this.#writer.append(bytes);
  }

  /** Loads what is cold of these keys into memory without blocking, so that `get` answers at once. */
  async touch(keys: readonly Uint8Array[]): Promise<void> {
    this.#check();
    await this.#tree.touch(keys);
  }

  /** Resolves when everything written so far is in tables. */
  async flush(): Promise<void> {
    this.#check();
    this.#readers.expire();
    const { revision } = this.#tree;
    this.#tree.seal();
    await this.#writer.sync();
    await this.#tree.background.flushedUpTo(revision);
    await this.#writer.trimAll();
  }

  /** Merges what overlaps the range (both ends included; null: everything) as far down as there is any of it. */
  async compact(range: KeyRange | null = null): Promise<void> {
    await this.flush();
    await this.#tree.background.compactRange(range);
  }

  /** In numbers, as it is now. */
  stats(): TreeStats {
    this.#check();
    const { env, directory } = this.#place;
    const { stopCount, stopMs, slowCount, slowMs } = this.#core.pressure;
    this.#readers.expire();
    return {
      ...statsOfCore(this.#tree),
      revision: this.revision,
      journalBytes: journalBytes(env.disk, directory),
      stoppedWriteCount: stopCount,
      stoppedMs: stopMs,
      slowedWriteCount: slowCount,
      slowedMs: slowMs,
      readerCount: this.#readers.count,
      oldestReadRevision: this.#readers.oldest,
    };
  }

  /**
   * Reads everything on disk, tables on another thread, and tells all that is not as it was written. Damage is an
   * answer, never an error.
   * @throws the signal's reason; LockstepError `stopped`; `unavailable`, `overloaded` when no thread takes the work.
   */
  async verify(options: VerifyOptions = {}): Promise<readonly TreeDamage[]> {
    this.#check();
    const { env, directory, options: settings } = this.#place;
    const ports = { jobs: env.jobs, directory: tablesIn(directory), codec: settings.codec };
    const inTables = await verifyTables(this.#tree, env.disk, ports, options);
    this.#check();
    return [...inTables, ...(await verifyJournal(env.disk, directory, this.#core.journal))];
  }

  /**
   * Flushes, and makes a checkpoint in another directory of the env's disk, without copying: a tree as this one is at
   * some moment after the call, to be opened, kept or sent elsewhere (`readCheckpoint`). Readers and writers go on. After
   * a crash it is complete or not there.
   * @throws LockstepError `misuse` when there is something in the directory, or it lies among the tree's files; what stopped the
   * background; `stopped`: there is none then. `disk-full`, `disk-failed`.
   */
  checkpoint(target: string): Promise<CheckpointFacts> {
    const made = this.#checkpointing.then(async () => {
      this.#check();
      const { env, directory } = this.#place;
      const own = [tablesIn(directory), journalIn(directory).directory];
      if (own.some((part) => `${target}/`.startsWith(`${part}/`)))
        throw new LockstepError('misuse', 'a checkpoint lies beside the files of its tree', { values: { target } });
      await this.flush();
      const { failure } = this.#tree.background;
      if (failure !== null) throw failure;
      return checkpointTree(env, this.#tree, tablesIn(directory), target);
    });
    this.#checkpointing = made.catch(() => {}); // who asked for it is told
    return made;
  }

  /** Waits for what is under way, flushes what would take long to apply again, and closes. Nothing that was acknowledged is lost, flushed or not. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#transactor.close();
    this.#readers.close();
    try {
      await this.#checkpointing;
      await this.#writer.close();
      await this.#tree.flushToClose();
    } finally {
      await this.#tree.close();
      await this.#place.onClosed?.();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.#closing !== null) throw closed();
  }
}

const closed = (): LockstepError => new LockstepError('stopped', 'the tree is closed');
