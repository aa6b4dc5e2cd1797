/**
 * A log-structured merge tree over one directory: writes go to a memtable, full ones become tables, tables are merged
 * down level by level in the background (O'Neil, Cheng, Gawlick, O'Neil, "The log-structured merge-tree", 1996). Reads
 * are synchronous, of any revision from the floor on.
 *
 * It does not write ahead: whoever owns the log applies batches in the order of their revisions, says up to where they
 * are durable, and applies again after a crash what lies behind `flushed`. Nothing is flushed before it is durable,
 * so what is not can be cut.
 */
import type { Ports } from '../env/env.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { atMost } from '../log/within.ts';
import { BlockCache } from './block-cache.ts';
import { loadCodec } from './codec.ts';
import type { EntryCursor } from './entry-cursor.ts';
import { FoundVersion } from './found-version.ts';
import { keyHash } from './key-hash.ts';
import { emptyManifest, readManifest, settleManifest, writeManifest, type Manifest } from './manifest.ts';
import { Memtable } from './memtable.ts';
import { MergeCursor } from './merge-cursor.ts';
import type { TreeOptions } from './options.ts';
import {
  checkNotLost,
  openTables,
  removeLeavings,
  unusedNumber,
  type DamageChoice,
  type TableFiles,
} from './open-tables.ts';
import type { RangeTombstones } from './range-tombstones.ts';
import { newestWrite, writeWithin, type ReadBounds, type RecentWrite } from './recent-writes.ts';
import { SharedCopies } from './shared-copies.ts';
import { TableRemovals } from './table-removals.ts';
import type { TableSet } from './table-set.ts';
import { TreeBackground, type SealedMemtable } from './tree-background.ts';
import { VisibleCursor, type OwnVersions, type VisibleBounds } from './visible-cursor.ts';
import { applyBatch, type BatchSink } from './write-batch.ts';

export type TreePorts = Pick<Ports, 'disk' | 'jobs' | 'clock' | 'timers'>;

export interface TreeSetup {
  readonly ports: TreePorts;
  readonly directory: string;
  readonly options: TreeOptions;
  /** Default `refuse`. */
  readonly damaged?: DamageChoice | undefined;
}

/** What a transaction has written so far. */
export interface OwnWritesOnTop extends OwnVersions {
  readonly cursor: EntryCursor;
}

/** A walk and what it holds: `release` once. */
export interface HeldCursor {
  readonly cursor: VisibleCursor;
  release(): void;
}

/**
 * Opens what the directory holds, or makes it with `create`; null when there is none and it is not to be made.
 * @throws LockstepError `corrupt` for a damaged manifest or table; `invalid` for another format; `disk-full`,
 * `disk-failed`.
 */
export async function openTreeCore(setup: TreeSetup, create: boolean): Promise<Tree | null> {
  const { ports, directory, options } = setup;
  let manifest = readManifest(ports.disk, directory);
  if (manifest === null) {
    checkNotLost(ports.disk, directory);
    if (!create) return null;
    ports.disk.makeDirectory(directory);
    manifest = emptyManifest;
    await writeManifest(ports.disk, directory, manifest);
  }
  await settleManifest(ports.disk, directory);
  manifest = { ...manifest, nextNumber: unusedNumber(ports.disk, directory, manifest) };
  const files: TableFiles = {
    disk: ports.disk,
    directory,
    cache: new BlockCache(options.cacheBytes, options.blockBytes),
    codec: options.codec === null ? null : await loadCodec(options.codec),
    removals: new TableRemovals(ports.disk),
  };
  const tables = await openTables(files, manifest, setup.damaged ?? 'refuse');
  const [damaged] = tables.damaged;
  try {
    if (damaged === undefined) await removeLeavings(ports.disk, directory, manifest);
  } catch (error) {
    tables.close();
    throw error;
  }
  const tree = new Tree(setup, files, manifest, tables);
  if (damaged !== undefined) tree.background.failure = damaged.damage;
  tree.background.start();
  return tree;
}

/** Memtables that are kept for their memory. */
const sparesMax = 2;
/** Of a memtable's bytes, from which a flush at closing pays: less is applied again in a few milliseconds. */
const flushedAtCloseShare = 1 / 16;
/** What a flush at closing may take. */
const flushAtCloseMsMax = 2_000;

export class Tree {
  /** What its readers are given. */
  readonly copies: SharedCopies = new SharedCopies();
  readonly removals: TableRemovals;
  readonly #options: TreeOptions;
  readonly #timers: TreePorts['timers'];
  readonly #background: TreeBackground;
  readonly #found = new FoundVersion();
  readonly #sink: BatchSink;
  #active: Memtable;
  /** The newest flushed one: who asks for recent writes may ask for those in it. */
  #kept: SealedMemtable | null = null;
  #recentFrom: number;
  /** Flushed ones, whose memory serves again. */
  readonly #spares: Memtable[] = [];
  /** The revision that is being applied. */
  #revision: number;
  #durable: number;
  #durablePosition: number;
  #floor: number;
  /** At least the floor. */
  #readFloor: number;
  readonly #touching = new Set<Promise<void>>();
  #isClosing = false;

  /** Use `openTreeCore`. */
  constructor(setup: TreeSetup, files: TableFiles, manifest: Manifest, tables: TableSet) {
    this.#options = setup.options;
    this.#timers = setup.ports.timers;
    this.#active = new Memtable(setup.options.memtableBytes);
    this.#revision = manifest.flushedRevision;
    this.#durable = manifest.flushedRevision;
    this.#durablePosition = manifest.flushedPosition;
    this.#floor = manifest.floor;
    this.#readFloor = manifest.floor;
    const { ports, options } = setup;
    this.#recentFrom = manifest.flushedRevision;
    const onFlushed = (flushed: SealedMemtable): void => this.#keep(flushed);
    const setupBehind = { ports, files, options, floor: () => this.#floor, onFlushed };
    this.removals = files.removals;
    this.#background = new TreeBackground(setupBehind, manifest, tables);
    this.#sink = this.#newSink();
  }

  /** Up to where the tables hold everything; what lies behind is to be applied again after a crash. */
  get flushed(): { readonly revision: number; readonly position: number } {
    const { flushedRevision, flushedPosition } = this.#background.manifest;
    return { revision: flushedRevision, position: flushedPosition };
  }

  /** The newest revision that was applied. */
  get revision(): number {
    return this.#revision;
  }

  get durableRevision(): number {
    return this.#durable;
  }

  /** All writes above this revision are in memory: `writtenSince` and `writtenWithin` answer from there on. */
  get recentFrom(): number {
    return this.#recentFrom;
  }

  /** Below it versions may be gone from memory already; not below the floor. */
  get readFloor(): number {
    return this.#readFloor;
  }

  /** Nothing is read below it. */
  get floor(): number {
    return this.#floor;
  }

  get background(): TreeBackground {
    return this.#background;
  }

  get activeMemtable(): Memtable {
    return this.#active;
  }

  /**
   * Applies a batch (`WriteBatch.view`) at a revision above all before it; it is copied. Revisions up to `flushed` are
   * passed over: they are in the tables.
   */
  apply(revision: number, batch: Uint8Array): void {
    if (revision <= this.#background.manifest.flushedRevision) return;
    assert(revision > this.#revision, 'revisions grow');
    this.#revision = revision;
    const from = this.#active.take(batch, 0, batch.length);
    applyBatch(this.#active.bytes, this.#sink, from, from + batch.length);
    if (this.#active.bytesUsed >= this.#options.memtableBytes) this.seal();
  }

  /**
   * Everything up to this revision survives a crash; the log has it up to `position`. Both never go back, but that what
   * lies up to `flushed` is passed over, as by `apply`.
   */
  setDurable(revision: number, position: number): void {
    if (revision <= this.#background.manifest.flushedRevision) return;
    assert(revision >= this.#durable && revision <= this.#revision, 'what is durable was applied, and stays so');
    this.#durable = revision;
    this.#durablePosition = position;
    this.#background.setDurable(revision, position);
  }

  /** Takes back every revision above this one, which is durable. Readers of them must be gone. */
  cutAfter(revision: number): void {
    assert(revision >= this.#durable, 'what is durable is not cut');
    this.#active.cutAfter(revision);
    this.#background.cutAfter(revision);
    this.#revision = Math.min(this.#revision, revision);
  }

  /** From here on nobody reads below this revision. Never goes back; not above what is durable. */
  setFloor(revision: number): void {
    assert(revision <= Math.max(this.#durable, 0), 'the floor is not above what is durable');
    this.#floor = Math.max(this.#floor, revision);
    this.#readFloor = Math.max(this.#readFloor, revision);
  }

  /**
   * From here on nobody reads below this revision, and nothing is cut below it: it may be above what is durable. Versions
   * that are in memory alone and that nobody can see are given up at once.
   */
  setReadFloor(revision: number): void {
    assert(revision <= this.#revision, 'the floor is not above what was applied');
    this.#readFloor = Math.max(this.#readFloor, revision);
  }

  /** Ends the memtable, though it is not full; it is flushed once it is durable. */
  seal(): void {
    if (this.#active.isEmpty) return;
    this.#active.seal();
    this.#background.addSealed(this.#active, this.#revision, this.#durablePosition);
    const free = this.#spares.findIndex(({ holders }) => holders === 0);
    const [spare] = free === -1 ? [] : this.#spares.splice(free, 1);
    const { isWalked } = this.#active;
    this.#active = spare?.emptied() ?? new Memtable(this.#options.memtableBytes);
    this.#active.keepsOrder = isWalked; // who walked that one will walk this one
  }

  #keep(flushed: SealedMemtable): void {
    const before = this.#kept;
    this.#kept = flushed;
    if (before === null) return;
    this.#recentFrom = before.revision;
    const { memtable } = before;
    if (memtable.bytes.length > 2 * this.#options.memtableBytes) return;
    this.#spares.push(memtable);
    if (this.#spares.length > sparesMax) this.#spares.shift();
  }

  /**
   * The newest version of the key at or below `revision`, if it has a value there; good until the next call.
   * @throws LockstepError `corrupt` with path and offset; what reading a file throws.
   */
  find(key: Uint8Array, start: number, end: number, revision: number): FoundVersion | null {
    const found = this.#found;
    const hash = keyHash(key, start, end);
    let covering = -1;
    let memtable = this.#active;
    const sealed = this.#background.sealed;
    for (let at = sealed.length; ; memtable = (sealed[at] as SealedMemtable).memtable) {
      const ranges = memtable.rangeTombstones;
      if (ranges.count > 0) covering = Math.max(covering, ranges.newestCovering(key, start, end, revision));
      if (memtable.find(key, start, end, hash, revision, found))
        return found.isDelete || found.revision < covering ? null : found;
      if (--at < 0) break;
    }
    return this.#background.tables.find(key, start, end, hash, revision, covering, found) ? found : null;
  }

  /**
   * Walks what is seen at a revision. What is applied at or below it meanwhile may be met; above it never. `own`: writes
   * that lie above all that the tree has.
   * @throws LockstepError `corrupt` when a damaged table may have keys within the bounds.
   */
  walk(revision: number, bounds: VisibleBounds, own: OwnWritesOnTop | null = null): HeldCursor {
    this.#background.tables.checkRange(bounds.from, bounds.to);
    const tables = this.#background.tables.hold();
    const memtables = [this.#active, ...this.#background.sealed.map(({ memtable }) => memtable).toReversed()];
    const entries: EntryCursor[] = [...memtables.map((one) => one.cursor()), ...tables.cursors()];
    if (own !== null) entries.push(own.cursor);
    const ranges: readonly RangeTombstones[] = [
      ...memtables.map((one) => one.rangeTombstones),
      ...tables.rangeTombstones,
    ];
    const merged = entries.length === 1 ? (entries[0] as EntryCursor) : new MergeCursor(entries);
    for (const one of memtables) one.holders++;
    const release = (): void => {
      for (const one of memtables) one.holders--;
      tables.release();
    };
    return { cursor: new VisibleCursor(merged, ranges, revision, bounds, own), release };
  }

  /** The newest revision above `since` that wrote, deleted or covered the key (its hash: `keyHash`); -1 for none. */
  writtenSince(since: number, key: Uint8Array, start: number, end: number, hash: number): number {
    assert(since >= this.#recentFrom, 'only recent writes are known by their revisions');
    for (const memtable of this.#active.firstRevision <= since ? [this.#active] : this.#recent()) {
      if (memtable.lastRevision <= since) continue;
      const newest = newestWrite(memtable, key, start, end, hash, this.#found);
      if (newest >= 0) return newest > since ? newest : -1;
    }
    return -1;
  }

  /** A key within the bounds that was written, deleted or covered above `since`, and when; null for none. */
  writtenWithin(since: number, bounds: ReadBounds): RecentWrite | null {
    assert(since >= this.#recentFrom, 'only recent writes are known by their revisions');
    return writeWithin(this.#recent(), since, bounds);
  }

  /** Newest first. */
  *#recent(): Generator<Memtable, void> {
    yield this.#active;
    const { sealed } = this.#background;
    for (let at = sealed.length - 1; at >= 0; at--) yield (sealed[at] as SealedMemtable).memtable;
    if (this.#kept !== null) yield this.#kept.memtable;
  }

  /** Loads the blocks that `find` of these keys would read, as far as they are cold, without blocking. */
  async touch(keys: readonly Uint8Array[]): Promise<void> {
    const touching = this.#touch(keys);
    this.#touching.add(touching);
    try {
      await touching;
    } finally {
      this.#touching.delete(touching);
    }
  }

  async #touch(keys: readonly Uint8Array[]): Promise<void> {
    const tables = this.#background.tables.hold();
    try {
      for (const key of keys) {
        if (this.#isClosing) throw new LockstepError('stopped', 'the tree is closed');
        await tables.touch(key, keyHash(key, 0, key.length), this.#revision);
      }
    } finally {
      tables.release();
    }
  }

  /**
   * For who is about to close, and knows that all there is is durable: puts it into tables, so that opening need not apply
   * it again. What takes too long, fails or would not pay is left to that.
   */
  async flushToClose(): Promise<void> {
    if (this.#active.bytesUsed >= this.#options.memtableBytes * flushedAtCloseShare) this.seal();
    await atMost(this.#timers, flushAtCloseMsMax, [], () => this.#background.drain());
  }

  /** Ends the background and closes the files; nothing is done to the directory afterwards. What was not flushed is not flushed now. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled(this.#touching); // no file is closed while it is read on another thread
    await this.#background.close();
    await this.removals.ended();
  }

  #newSink(): BatchSink {
    return {
      put: (bytes, keyStart, keyEnd, valueStart, valueEnd) => {
        const hash = keyHash(bytes, keyStart, keyEnd);
        this.#active.putTaken(this.#revision, hash, keyStart, keyEnd, valueStart, valueEnd, this.#readFloor);
      },
      delete: (bytes, start, end) => {
        this.#active.deleteTaken(this.#revision, keyHash(bytes, start, end), start, end, this.#readFloor);
      },
      deleteRange: (start, end) => this.#active.deleteRange(this.#revision, start, end),
    };
  }
}
