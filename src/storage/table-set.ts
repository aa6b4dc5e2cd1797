/**
 * The tables of a tree at one moment: immutable, counted. Whoever walks them holds the set, so that a compaction
 * meanwhile takes nothing away; a table that is in no set any more is closed and its file removed.
 */
import { compareBytes, compareRanges } from '../bytes/compare.ts';
import { assert } from '../kernel/assert.ts';
import type { LockstepError } from '../kernel/errors.ts';
import { DamagedTable, type ReadableTable } from './damaged-table.ts';
import type { EntryCursor } from './entry-cursor.ts';
import type { FoundVersion } from './found-version.ts';
import type { TableMeta } from './manifest.ts';
import type { RangeTombstones } from './range-tombstones.ts';
import { RunCursor } from './run-cursor.ts';

/** An open table and how many sets it is in. */
export class LiveTable {
  readonly range: TableMeta;
  readonly table: ReadableTable;
  #setCount = 0;
  readonly #onUnused: (unused: LiveTable) => void;

  /** `onUnused` once no set has it any more. */
  constructor(meta: TableMeta, table: ReadableTable, onUnused: (unused: LiveTable) => void) {
    this.range = meta;
    this.table = table;
    this.#onUnused = onUnused;
  }

  /** Why it answers nothing; null: it does. */
  get damage(): LockstepError | null {
    return this.table instanceof DamagedTable ? this.table.damage : null;
  }

  cursor(): EntryCursor {
    return this.table.cursor();
  }

  hold(): void {
    this.#setCount++;
  }

  release(): void {
    assert(this.#setCount > 0, 'a table is released as often as it was held');
    if (--this.#setCount === 0) this.#onUnused(this);
  }

  covers(key: Uint8Array, start: number, end: number): boolean {
    const { smallest, largest } = this.range;
    return (
      compareRanges(smallest, 0, smallest.length, key, start, end) <= 0 &&
      compareRanges(key, start, end, largest, 0, largest.length) <= 0
    );
  }
}

export class TableSet {
  /** Level 0: newest first. Others: in order of keys, disjoint. */
  readonly levels: readonly (readonly LiveTable[])[];
  /** Of the tables that have any. */
  readonly rangeTombstones: readonly RangeTombstones[];
  /** Those that answer nothing. */
  readonly damaged: readonly LiveTable[];
  #holders = 1;

  constructor(levels: readonly (readonly LiveTable[])[]) {
    this.levels = levels;
    for (const one of this.tables) one.hold();
    this.rangeTombstones = this.tables.map(({ table }) => table.rangeTombstones).filter(({ count }) => count > 0);
    this.damaged = this.tables.filter(({ damage }) => damage !== null);
  }

  get tables(): readonly LiveTable[] {
    return this.levels.flat();
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    assert(this.#holders > 0, 'a set of tables is released as often as it was held');
    if (--this.#holders === 0) for (const one of this.tables) one.release();
  }

  /** Closes the files and leaves them where they are. */
  close(): void {
    for (const { table } of this.tables) table.close();
  }

  /**
   * The newest version of the key at or below `revision` in the tables. True: it is there and neither a tombstone nor
   * covered by a range tombstone, `covering` being the newest revision at which newer sources had one.
   */
  find(
    key: Uint8Array,
    start: number,
    end: number,
    hash: number,
    revision: number,
    covering: number,
    into: FoundVersion,
  ): boolean {
    let covered = covering;
    for (let level = 0; level < this.levels.length; level++) {
      const tables = this.levels[level] as readonly LiveTable[];
      const from = level === 0 ? 0 : placeOf(tables, key, start, end);
      for (let at = from; at < tables.length; at++) {
        const one = tables[at] as LiveTable;
        if (!one.covers(key, start, end)) {
          if (level === 0) continue;
          break; // where a table ends by a range tombstone the next one may begin at the same key
        }
        const ranges = one.table.rangeTombstones;
        if (ranges.count > 0) covered = Math.max(covered, ranges.newestCovering(key, start, end, revision));
        if (one.table.find(key, start, end, hash, revision, into)) return !into.isDelete && into.revision >= covered;
      }
    }
    return false;
  }

  /** Loads what `find` of the key would read from a file. */
  async touch(key: Uint8Array, hash: number, revision: number): Promise<void> {
    for (const one of this.tables) {
      if (!one.covers(key, 0, key.length)) continue;
      const block = one.table.coldBlock(key, 0, key.length, hash, revision);
      if (block !== -1) await one.table.load(block);
    }
  }

  /**
   * That no damaged table may have had keys from `from` on and before `to`; null: no bound.
   * @throws LockstepError `corrupt` with path, offset and the range of keys.
   */
  checkRange(from: Uint8Array | null, to: Uint8Array | null): void {
    for (const { range, damage } of this.damaged) {
      if (damage === null || (from !== null && compareBytes(range.largest, from) < 0)) continue;
      if (to === null || compareBytes(range.smallest, to) < 0) throw damage;
    }
  }

  /** A walk over each table of level 0 and each further level; damaged ones are left out. */
  cursors(): readonly EntryCursor[] {
    const [newest = [], ...levels] =
      this.damaged.length === 0 ? this.levels : this.levels.map((level) => level.filter((one) => one.damage === null));
    return [
      ...newest.map((one) => one.cursor()),
      ...levels.filter((tables) => tables.length > 0).map((tables) => new RunCursor(tables)),
    ];
  }
}

/** Of disjoint tables in order the first that ends at or after the key. */
function placeOf(tables: readonly LiveTable[], key: Uint8Array, start: number, end: number): number {
  let [low, high] = [0, tables.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { largest } = (tables[middle] as LiveTable).range;
    if (compareRanges(largest, 0, largest.length, key, start, end) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
