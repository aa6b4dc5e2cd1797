/**
 * A tree of its own: with a journal that it writes ahead to. One process has a directory; within it everything is one
 * `StoredTree`, whose reads are synchronous and whose writes resolve once they are durable, many sharing one sync.
 */
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Ports } from '../env/env.ts';
import type { Waits } from '../observe/waits.ts';
import { openJournal, type Journal } from '../wal/journal.ts';
import { journalPosition } from '../wal/position.ts';
import type { KeyRange } from './key-range.ts';
import { treeOptions, type TreeOptions } from './options.ts';
import { boundsOf, Scan, type ScanOptions } from './scan.ts';
import { Snapshots } from './snapshots.ts';
import { openTreeCore, type HeldCursor, type Tree } from './tree.ts';
import { batchBytesMax, checkKey, WriteBatch } from './write-batch.ts';
import { WriterPressure } from './writer-pressure.ts';

export interface OpenTreeOptions extends Partial<TreeOptions> {
  /** Makes the tree if there is none; otherwise opening answers null then. Default true. */
  readonly create?: boolean | undefined;
  /** Where writers that wait for the background are entered. */
  readonly waits?: Waits | undefined;
}

export type TreeEnv = Pick<Ports, 'disk' | 'jobs' | 'clock' | 'timers' | 'randomness'>;

const readBytes = 1024 * 1024;
const journalLimits = { groupBytesMax: batchBytesMax, waitingBytesMax: 2 * batchBytesMax };

/**
 * Opens the tree in a directory of the env's disk, below which it makes `journal` and `tables`.
 * @throws LockstepError `misuse` for options that are none; `corrupt` for damage, with path and offset; `invalid` for
 * another format; `disk-full`, `disk-failed`.
 */
export async function openTree(
  env: TreeEnv,
  directory: string,
  { create = true, waits, ...changes }: OpenTreeOptions = {},
): Promise<StoredTree | null> {
  const options = treeOptions(changes);
  const removals: unknown[] = [];
  const onRemoveFailed = (error: unknown): void => void removals.push(error);
  const setup = { ports: env, directory: `${directory}/tables`, options, onRemoveFailed };
  const tree = await openTreeCore(setup, create);
  if (tree === null) return null;
  let journal: Journal | null = null;
  try {
    const files = { directory: `${directory}/journal`, prefix: 'tree', firstPosition: tree.flushed.revision + 1 || 1 };
    journal = await openJournal(env, { ...files, create: true, limits: journalLimits });
    assert(journal !== null, 'a journal is made where there is none');
    await replay(tree, journal);
    return new StoredTree(tree, journal, new WriterPressure(env, tree, options, waits ?? null));
  } catch (error) {
    await journal?.close();
    await tree.close();
    throw error;
  }
}

/** What the tables lack, from the journal. A position of the journal is the revision that was written there. */
async function replay(tree: Tree, journal: Journal): Promise<void> {
  const { revision } = tree.flushed;
  const from = Math.max(revision + 1, 1);
  if (journal.next < from)
    throw new LockstepError('corrupt', 'the journal ends before what the tables hold', {
      values: { tablesEndAt: revision, journalEndsAt: journal.next - 1 },
      advice: ['restore the directory from a checkpoint or a replica'],
    });
  if (journal.first > from)
    throw new LockstepError('corrupt', 'the journal begins behind what the tables hold', {
      values: { tablesEndAt: revision, journalBeginsAt: journal.first },
      advice: ['restore the directory from a checkpoint or a replica'],
    });
  const reader = journal.reader(journalPosition(from));
  for (let batch = await reader.next(readBytes); batch.kind === 'entries'; batch = await reader.next(readBytes)) {
    for (const [at, entry] of batch.entries.entries()) tree.apply(batch.first + at, entry);
    const last = batch.first + batch.entries.length - 1;
    tree.setDurable(last, last);
  }
}

export class StoredTree implements AsyncDisposable {
  readonly #tree: Tree;
  readonly #journal: Journal;
  readonly #pressure: WriterPressure;
  readonly #snapshots: Snapshots;
  #trimming: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  /** Use `openTree`. */
  constructor(tree: Tree, journal: Journal, pressure: WriterPressure) {
    this.#tree = tree;
    this.#journal = journal;
    this.#pressure = pressure;
    this.#snapshots = new Snapshots(tree.revision, (oldest) => tree.setFloor(Math.min(oldest, tree.durableRevision)));
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
    return this.write(new WriteBatch().put(key, value));
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
    this.#check();
    if (batch.count === 0) throw new LockstepError('misuse', 'a batch has at least one write');
    const bytes = batch.view().slice();
    const room = this.#pressure.room();
    if (room !== null) await room;
    for (;;) {
      const outcome = await this.#journal.append([bytes]);
      if (outcome.kind === 'full') {
        await this.#journal.room();
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
    await this.#tree.background.flushedUpTo(revision);
    await this.#trim();
  }

  /** Merges what overlaps the range (both ends included; null: everything) as far down as there is any of it. */
  async compact(range: KeyRange | null = null): Promise<void> {
    await this.flush();
    await this.#tree.background.compactRange(range);
  }

  /** Waits for what is under way, and closes. Nothing that was acknowledged is lost, flushed or not. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#journal.close();
      await this.#trimming;
    } finally {
      await this.#tree.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #apply(revision: number, bytes: Uint8Array): void {
    this.#tree.apply(revision, bytes);
    this.#tree.setDurable(revision, revision);
    this.#snapshots.advance(revision);
    this.#trimIfUseful();
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
    if (this.#trimming !== null || !this.#journal.trims(journalPosition(this.#tree.flushed.revision + 1))) return;
    this.#trimming = this.#trim()
      .catch(() => {}) // the journal is finished then, and tells every writer
      .finally(() => (this.#trimming = null));
  }

  async #trim(): Promise<void> {
    await this.#journal.trimBefore(journalPosition(this.#tree.flushed.revision + 1));
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
