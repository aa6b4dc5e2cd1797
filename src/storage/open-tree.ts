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
import { journalPosition } from '../wal/position.ts';
import { checkpointTree, type CheckpointFacts } from './checkpoint.ts';
import type { KeyRange } from './key-range.ts';
import { manifestName } from './manifest.ts';
import { checkNotLost, type DamageChoice } from './open-tables.ts';
import { treeOptions, type TreeOptions } from './options.ts';
import { boundsOf, Scan, type ScanOptions } from './scan.ts';
import { Snapshots } from './snapshots.ts';
import { openTreeCore, type HeldCursor, type Tree } from './tree.ts';
import { createTreeJournal, journalBytes, openTreeJournal, readsAround, replay } from './tree-journal.ts';
import { journalIn, tablesIn } from './tree-places.ts';
import { statsOfCore, type TreeStats } from './tree-stats.ts';
import type { TreeDamage } from './tree-damage.ts';
import { verifyJournal, verifyTables, type VerifyOptions } from './verify-tree.ts';
import { checkKey, encodePut, WriteBatch } from './write-batch.ts';
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
  { create = true, waits, damaged = 'refuse', durability = 'machine', ...changes }: OpenTreeOptions,
  onClosed: (() => Promise<void>) | null,
): Promise<StoredTree | null> {
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
    const removals: unknown[] = [];
    const onRemoveFailed = (error: unknown): void => void removals.push(error);
    tree = await openTreeCore({ ports: env, directory: tablesIn(directory), options, onRemoveFailed, damaged }, true);
    assert(tree !== null, 'a tree is made where there is none');
    const isReadable = damaged === 'refuse' || (await readsAround(env.disk, directory, tree));
    if (isReadable) {
      journal ??= await openTreeJournal(env, directory, durability);
      await replay(tree, journal);
    }
    const pressure = new WriterPressure(env, tree, options, waits ?? null);
    return new StoredTree({ env, directory, options, onClosed }, tree, journal, pressure);
  } catch (error) {
    await journal?.close();
    await tree?.close();
    throw error;
  }
}

/** Where a tree is, and how it was opened. */
interface TreePlace {
  readonly env: TreeEnv;
  readonly directory: string;
  readonly options: TreeOptions;
  readonly onClosed: (() => Promise<void>) | null;
}

export class StoredTree implements AsyncDisposable {
  readonly #place: TreePlace;
  readonly #tree: Tree;
  /** Null: it is open for reading only. */
  readonly #journal: Journal | null;
  readonly #pressure: WriterPressure;
  readonly #snapshots: Snapshots;
  #trimming: Promise<void> | null = null;
  #checkpointing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  /** Use `openTree`. */
  constructor(place: TreePlace, tree: Tree, journal: Journal | null, pressure: WriterPressure) {
    this.#place = place;
    this.#tree = tree;
    this.#journal = journal;
    this.#pressure = pressure;
    this.#snapshots = new Snapshots(tree.revision, (oldest) => {
      tree.setFloor(Math.min(oldest, tree.durableRevision));
      tree.setReadFloor(Math.min(oldest, tree.revision)); // nothing is ever cut here
    });
    journal?.whenDurable(() => this.#advanceDurable());
  }

  /** Of the last write that was acknowledged. */
  get revision(): number {
    return this.#tree.revision;
  }

  /** A copy of the key's value; undefined when it has none. @throws LockstepError `corrupt`, `misuse`, `stopped`. */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#getAt(key, this.#tree.revision);
  }

  /** Entries in order of their keys, as they were when this was called, whatever is written meanwhile. */
  scan(options: ScanOptions = {}): Scan {
    this.#check();
    const snapshot = this.#snapshots.hold(this.#tree.revision);
    return this.#scanAt(options, this.#tree.revision, () => snapshot.release());
  }

  /** The tree as it is now, until it is disposed. What it can still see is kept. */
  snapshot(): TreeSnapshot {
    this.#check();
    const { revision } = this.#tree;
    const held = this.#snapshots.hold(revision);
    let isHeld = true;
    const checkHeld = (): void => {
      if (!isHeld) throw new LockstepError('misuse', 'the snapshot was disposed', { values: { revision } });
    };
    return {
      revision,
      get: (key) => {
        checkHeld();
        return this.#getAt(key, revision);
      },
      scan: (options = {}) => {
        checkHeld();
        const scanned = this.#snapshots.again(revision);
        return this.#scanAt(options, revision, () => scanned.release());
      },
      [Symbol.dispose]: () => {
        isHeld = false;
        held.release();
      },
    };
  }

  put(key: Uint8Array, value: Uint8Array): Promise<number> {
    return this.#write(encodePut(key, value));
  }

  delete(key: Uint8Array): Promise<number> {
    return this.write(new WriteBatch().delete(key));
  }

  /** All keys from `start` on and before `end`. */
  deleteRange(start: Uint8Array, end: Uint8Array): Promise<number> {
    return this.write(new WriteBatch().deleteRange(start, end));
  }

  /**
   * Writes a batch, all or nothing; gives its revision once it is durable and can be read. The batch may be used again
   * at once. Waits while the background is too far behind.
   * @throws LockstepError `misuse` for an empty batch; `disk-full`, `disk-failed`, `unknown` as `Journal.append`: then
   * nothing more is written until it is opened anew; what stopped the background; `stopped`.
   */
  async write(batch: WriteBatch): Promise<number> {
    if (batch.count === 0) throw new LockstepError('misuse', 'a batch has at least one write');
    return this.#write(batch.view().slice());
  }

  async #write(bytes: Uint8Array): Promise<number> {
    this.#check();
    const room = this.#pressure.room();
    if (room !== null) await room;
    const journal = this.#journal;
    assert(journal !== null, 'who has no journal has no room for writers');
    for (;;) {
      const outcome = await journal.append([bytes]);
      if (outcome.kind === 'full') {
        await journal.room();
        continue;
      }
      if (outcome.kind === 'refused') throw new LockstepError('stopped', 'the tree is closed');
      this.#apply(outcome.first, bytes);
      return outcome.first;
    }
  }

  /** Loads what is cold of these keys into memory without blocking, so that `get` answers at once. */
  async touch(keys: readonly Uint8Array[]): Promise<void> {
    this.#check();
    await this.#tree.touch(keys);
  }

  /** Resolves when everything written so far is in tables. */
  async flush(): Promise<void> {
    this.#check();
    const { revision } = this.#tree;
    this.#tree.seal();
    await this.#journal?.sync();
    await this.#tree.background.flushedUpTo(revision);
    await this.#journal?.trimAllBefore(journalPosition(this.#tree.flushed.revision + 1));
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
    const { stopCount, stopMs, slowCount, slowMs } = this.#pressure;
    return {
      ...statsOfCore(this.#tree),
      journalBytes: journalBytes(env.disk, directory),
      stoppedWriteCount: stopCount,
      stoppedMs: stopMs,
      slowedWriteCount: slowCount,
      slowedMs: slowMs,
      readerCount: this.#snapshots.count,
      oldestReadRevision: this.#snapshots.oldest,
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
    return [...inTables, ...(await verifyJournal(env.disk, directory, this.#journal))];
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

  /** Waits for what is under way, and closes. Nothing that was acknowledged is lost, flushed or not. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#checkpointing;
      await this.#journal?.close();
      await this.#trimming;
    } finally {
      await this.#tree.close();
      await this.#place.onClosed?.();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #apply(revision: number, bytes: Uint8Array): void {
    this.#tree.apply(revision, bytes);
    this.#advanceDurable();
    this.#snapshots.advance(revision);
    this.#trimIfUseful();
  }

  #advanceDurable(): void {
    // The journal may have written more than was applied.
    const durable = Math.min((this.#journal?.durable ?? 0) - 1, this.#tree.revision);
    if (durable > this.#tree.durableRevision) this.#tree.setDurable(durable, durable);
  }

  #getAt(key: Uint8Array, revision: number): Uint8Array | undefined {
    this.#check();
    checkKey(key);
    const found = this.#tree.find(key, 0, key.length, revision);
    return found === null ? undefined : found.bytes.slice(found.start, found.end);
  }

  #scanAt(options: ScanOptions, revision: number, onEnd: () => void): Scan {
    this.#check();
    let held: HeldCursor;
    try {
      held = this.#tree.walk(revision, boundsOf(options));
    } catch (error) {
      onEnd();
      throw error;
    }
    return new Scan(held, options, { check: () => this.#check(), onEnd });
  }

  #check(): void {
    if (this.#closing !== null) throw new LockstepError('stopped', 'the tree is closed');
  }

  /** Gives up what the tables have, from time to time: when a whole segment of the journal can go. */
  #trimIfUseful(): void {
    const end = journalPosition(this.#tree.flushed.revision + 1);
    if (this.#trimming !== null || this.#journal?.trims(end) !== true) return;
    this.#trimming = this.#trim()
      .catch(() => {}) // the journal is finished then, and tells every writer
      .finally(() => (this.#trimming = null));
  }

  async #trim(): Promise<void> {
    await this.#journal?.trimBefore(journalPosition(this.#tree.flushed.revision + 1));
  }
}

/** A tree as it was at one moment. */
export interface TreeSnapshot extends Disposable {
  readonly revision: number;
  /** As `StoredTree.get`. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** As `StoredTree.scan`. A scan may outlive the snapshot. */
  scan(options?: ScanOptions): Scan;
}
