/**
 * What goes on behind a tree's readers and writers: sealed memtables are flushed in their order, tables are compacted,
 * each step ends by a new manifest. Flushes and compactions run at the same time, on threads of their own; their
 * results are installed one after the other.
 */
import type { Ports } from '../env/env.ts';
import { compareBytes } from '../bytes/compare.ts';
import { assert } from '../kernel/assert.ts';
import { asError, LockstepError } from '../kernel/errors.ts';
import type { BlockCache } from './block-cache.ts';
import { compactionJob } from './compaction-job.ts';
import { pickCompaction, planRange, type CompactionPlan } from './compaction-pick.ts';
import { flushJob } from './flush-job.ts';
import { overlaps, spanOf, type KeyRange } from './key-range.ts';
import { writeManifest, type Manifest, type TableMeta } from './manifest.ts';
import type { Memtable } from './memtable.ts';
import { openLive, type TableFiles } from './open-tables.ts';
import type { TreeOptions } from './options.ts';
import { TableSet, type LiveTable } from './table-set.ts';
import type { TableWriterSettings } from './table-writer.ts';
import { TreeWork } from './tree-work.ts';

export interface SealedMemtable {
  readonly memtable: Memtable;
  /** Everything up to it is in this memtable and those before it; the last batches may have been empty. */
  revision: number;
  /** A position of the log that covers no revision above that. */
  position: number;
}

export interface BackgroundSetup {
  readonly ports: Pick<Ports, 'jobs'>;
  readonly files: TableFiles;
  readonly options: TreeOptions;
  readonly floor: () => number;
  /** Its entries are in tables, and it is read no more but by walks that hold it. */
  readonly onFlushed: (flushed: SealedMemtable) => void;
}

type Levels = readonly (readonly LiveTable[])[];

export class TreeBackground {
  readonly work: TreeWork = new TreeWork();
  /** Oldest first. */
  readonly sealed: SealedMemtable[] = [];
  manifest: Manifest;
  tables: TableSet;
  readonly #setup: BackgroundSetup;
  #durable: number;
  #nextNumber: number;
  #installing: Promise<void> = Promise.resolve();
  #flushing: Promise<void> | null = null;
  #compacting: Promise<void> | null = null;
  /** Asked for by `compactRange`, before what is picked. */
  readonly #asked: { readonly range: KeyRange; level: number }[] = [];
  #isClosed = false;
  /** It is about to be closed: no compaction begins any more. */
  #isDraining = false;
  /** What stopped it for good. */
  failure: Error | null = null;
  /** Resolved and made anew at every change. */
  #changed = Promise.withResolvers<void>();

  constructor(setup: BackgroundSetup, manifest: Manifest, tables: TableSet) {
    this.#setup = setup;
    this.manifest = manifest;
    this.tables = tables;
    this.#durable = manifest.flushedRevision;
    this.#nextNumber = manifest.nextNumber;
  }

  /** Resolves when something has come further: a flush, a compaction, a failure, the end. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get cache(): BlockCache {
    return this.#setup.files.cache;
  }

  get isFlushing(): boolean {
    return this.#flushing !== null;
  }

  get isCompacting(): boolean {
    return this.#compacting !== null;
  }

  addSealed(memtable: Memtable, revision: number, position: number): void {
    this.sealed.push({ memtable, revision, position });
    this.#wake();
  }

  setDurable(revision: number, position: number): void {
    this.#durable = revision;
    if (this.sealed.length === 0) return;
    for (const one of this.sealed) if (revision <= one.revision) one.position = position;
    if (this.#flushing === null && this.#canFlush) this.#wake();
  }

  cutAfter(revision: number): void {
    // One that is being flushed is durable to its end, and so is never cut.
    for (const one of this.sealed) {
      if (one.revision <= revision) continue;
      one.memtable.cutAfter(revision);
      one.revision = revision;
    }
    const left = this.sealed.filter(({ memtable }) => !memtable.isEmpty);
    if (left.length === this.sealed.length) return;
    this.sealed.splice(0, this.sealed.length, ...left);
    this.#tell();
  }

  /** Once the tree is open: what was broken off by a crash is to be done, also when nobody writes. */
  start(): void {
    this.#wake();
  }

  /** Begins what there is to do. */
  #wake(): void {
    if (this.#isClosed || this.failure !== null) return;
    if (this.#canFlush && this.#flushing === null)
      this.#flushing = this.#run(
        () => this.#flushAll(),
        () => (this.#flushing = null),
      );
    if (this.#compacting === null && !this.#isDraining && (this.#asked.length > 0 || this.#pick() !== null))
      this.#compacting = this.#run(
        () => this.#compactAll(),
        () => (this.#compacting = null),
      );
  }

  /** Whatever fails ends the background: writers are told, readers go on with what there is. */
  async #run(steps: () => Promise<void>, end: () => void): Promise<void> {
    try {
      await steps();
    } catch (error) {
      this.#fail(error);
    }
    end();
    this.#tell();
    this.#wake(); // for what came up while it ended
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  get #canFlush(): boolean {
    return this.flushableCount > 0;
  }

  /** Sealed memtables of which all is durable. The others wait for no flush, but for what makes them durable. */
  get flushableCount(): number {
    const at = this.sealed.findIndex(({ revision }) => revision > this.#durable);
    return at === -1 ? this.sealed.length : at;
  }

  async #flushAll(): Promise<void> {
    while (this.#canFlush && !this.#isClosed && this.failure === null) {
      const sealed = this.sealed[0] as SealedMemtable;
      const written = await this.#flush(sealed.memtable);
      const change = ([newest = [], ...rest]: Levels): Levels => [[...written, ...newest], ...rest];
      await this.#install(change, written, sealed);
      this.#wake();
    }
  }

  async #flush(memtable: Memtable): Promise<readonly LiveTable[]> {
    const { ports, options, floor } = this.#setup;
    const olders = this.tables.tables.map(({ range }) => bounds(range));
    const input = { memtable: memtable.frozen(), floor: floor(), olders, codec: options.codec };
    const metas = await this.#retried(() => {
      const settings = this.#settings(memtable.bytesUsed, memtable.firstRevision, -1);
      return ports.jobs.run(flushJob, { ...input, settings });
    });
    this.work.countFlush(metas);
    return this.#openAll(metas);
  }

  async #compactAll(): Promise<void> {
    while (!this.#isClosed && !this.#isDraining && this.failure === null) {
      const plan = this.#nextAsked() ?? this.#pick();
      if (plan === null) return;
      await this.#compact(plan);
      this.#wake();
    }
  }

  #pick(): CompactionPlan | null {
    return pickCompaction(this.manifest.levels, this.#setup.options);
  }

  async #compact(plan: CompactionPlan): Promise<void> {
    const { inputs, outputLevel, isMove } = plan;
    const numbers = new Set(inputs.map(({ number }) => number));
    const moved = isMove ? this.tables.tables.filter(({ range }) => numbers.has(range.number)) : null;
    const written = moved ?? (await this.#merge(plan));
    if (isMove) this.work.countMove(inputs);
    await this.#install((levels) => replaced(levels, numbers, outputLevel, written), isMove ? [] : written, null);
  }

  async #merge({ inputs, outputLevel, olders }: CompactionPlan): Promise<readonly LiveTable[]> {
    const { ports, options, floor: floorNow } = this.#setup;
    const floor = floorNow();
    const bytes = inputs.reduce((sum, one) => sum + one.bytes, 0);
    // Some of the inputs may have revision 0 in place of their own already; the others are not below the oldest.
    const zeroedFloor = olders.length === 0 ? floor : 0;
    const oldest = Math.min(...inputs.map(({ firstRevision }) => firstRevision));
    const base = Math.max(oldest, zeroedFloor + 1);
    const input = { runs: runsOf(inputs), floor, olders: olders.map(bounds), codec: options.codec };
    const metas = await this.#retried(() => {
      const settings = this.#settings(bytes, base, zeroedFloor, options.compaction === 'size-tiered');
      return ports.jobs.run(compactionJob, { ...input, settings });
    });
    this.work.countCompaction(outputLevel, inputs, metas);
    return this.#openAll(metas);
  }

  /** A thread that died took nothing with it: its work begins again, under new names. */
  async #retried<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        const isPassing = error instanceof LockstepError && error.kind === 'unavailable';
        if (!isPassing || attempt === 3 || this.#isClosed) throw error;
      }
    }
  }

  #settings(bytes: number, revisionBase: number, zeroedFloor: number, isOneTable = false): TableWriterSettings {
    const { options, files } = this.#setup;
    const tableBytes = isOneTable ? 2 ** 31 : options.tableBytes;
    const numberCount = 4 + 2 * Math.ceil(bytes / tableBytes);
    const firstNumber = this.#nextNumber;
    this.#nextNumber += numberCount;
    const { blockBytes, filterBitsPerKey } = options;
    const { directory } = files;
    return { directory, firstNumber, numberCount, tableBytes, blockBytes, filterBitsPerKey, revisionBase, zeroedFloor };
  }

  async #openAll(metas: readonly TableMeta[]): Promise<readonly LiveTable[]> {
    const opened: LiveTable[] = [];
    try {
      for (const meta of metas) opened.push(await openLive(this.#setup.files, meta));
    } catch (error) {
      for (const { table } of opened) table.close();
      throw error;
    }
    return opened;
  }

  /**
   * Makes the change durable, then visible. `flushed` is the memtable that is in the tables from now on. When it fails
   * the manifest may be the old or the new one; nothing that either names is removed before the tree is opened anew.
   */
  #install(
    change: (levels: Levels) => Levels,
    written: readonly LiveTable[],
    flushed: SealedMemtable | null,
  ): Promise<void> {
    const installed = this.#installing.then(async () => {
      if (this.failure !== null) throw this.failure;
      const levels = change(this.tables.levels);
      const { disk, directory } = this.#setup.files;
      const flushedRevision = flushed === null ? this.manifest.flushedRevision : flushed.revision;
      // Of what is not in tables no version is gone: after a crash it is applied again, and read on its way there.
      const floor = Math.min(Math.max(this.manifest.floor, this.#setup.floor()), Math.max(0, flushedRevision));
      const manifest: Manifest = {
        nextNumber: this.#nextNumber,
        flushedRevision,
        flushedPosition: flushed === null ? this.manifest.flushedPosition : flushed.position,
        floor,
        levels: levels.map((level) => level.map(({ range }) => range)),
      };
      await writeManifest(disk, directory, manifest);
      const before = this.tables;
      this.tables = new TableSet(levels);
      this.manifest = manifest;
      if (flushed !== null) {
        assert(this.sealed[0] === flushed, 'memtables are flushed in their order');
        this.sealed.shift();
        this.#setup.onFlushed(flushed);
      }
      before.release();
      this.#tell();
    });
    this.#installing = installed.catch((error: unknown) => {
      for (const { table } of written) table.close();
      this.#fail(error); // at once: what waits to be installed must not be, on top of a manifest that nobody knows
    });
    return installed;
  }

  #fail(error: unknown): void {
    this.failure ??= asError(error);
  }

  /** Resolves when the tables have everything up to this durable revision. @throws what stopped the background. */
  async flushedUpTo(revision: number): Promise<void> {
    while (this.sealed.some(({ memtable }) => memtable.firstRevision <= revision)) {
      this.#check();
      await this.changed;
    }
  }

  /**
   * Merges all that overlaps the range (null: everything) down to the last level that has any of it.
   * @throws what stopped the background.
   */
  async compactRange(range: KeyRange | null): Promise<void> {
    const whole = range ?? spanOf(this.tables.tables.map((one) => one.range));
    if (whole === null) return;
    const asked = { range: whole, level: 0 };
    this.#asked.push(asked);
    this.#wake();
    while (this.#asked.includes(asked)) {
      this.#check();
      await this.changed;
    }
  }

  /** @throws when there is no background any more: what stopped it, `stopped` after `close`. */
  #check(): void {
    if (this.failure !== null) throw this.failure;
    if (this.#isClosed) throw new LockstepError('stopped', 'the tree is closed');
  }

  #nextAsked(): CompactionPlan | null {
    for (let [asked] = this.#asked; asked !== undefined; [asked] = this.#asked) {
      const { levels } = this.manifest;
      const { range } = asked;
      const deepest = levels.findLastIndex((level) => level.some((one) => overlaps(one, range)));
      while (asked.level < Math.max(deepest, 1)) {
        const plan = planRange(levels, asked.level++, range);
        if (plan !== null) return plan;
      }
      this.#asked.shift();
    }
    return null;
  }

  /** For who is about to close: resolves when all that is sealed and durable is in tables, or nothing more will be. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    while (this.#canFlush && !this.#isClosed && this.failure === null) await this.changed;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tell(); // who waits for room is told now, not when a long compaction is over
    await Promise.all([this.#flushing, this.#compacting]);
    await this.#installing;
    this.tables.close();
    this.#tell();
  }
}

const bounds = ({ smallest, largest }: TableMeta): KeyRange => ({ smallest, largest });

const isAfter = (table: TableMeta, before: TableMeta): boolean => compareBytes(table.smallest, before.largest) > 0;

/** The inputs as runs: tables that follow each other without overlapping are one. */
function runsOf(inputs: readonly TableMeta[]): readonly (readonly TableMeta[])[] {
  const runs: TableMeta[][] = [];
  for (const table of inputs) {
    const last = runs.at(-1);
    const before = last?.at(-1);
    if (last !== undefined && before !== undefined && isAfter(table, before)) last.push(table);
    else runs.push([table]);
  }
  return runs;
}

/** The levels without the inputs, and with what was written where it belongs. */
function replaced(levels: Levels, inputs: ReadonlySet<number>, at: number, written: readonly LiveTable[]): Levels {
  const count = Math.max(levels.length, at + 1);
  return Array.from({ length: count }, (_, level) => {
    const left = (levels[level] ?? []).filter(({ range }) => !inputs.has(range.number));
    if (level !== at) return left;
    if (level === 0) return [...left, ...written].toSorted((a, b) => b.range.lastRevision - a.range.lastRevision);
    return [...left, ...written].toSorted((a, b) => compareBytes(a.range.smallest, b.range.smallest));
  });
}
