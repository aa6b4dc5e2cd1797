/** A tree in numbers: what it holds, what its background has done since it was opened, who waits and who holds on. */
import type { TreeBackground } from './tree-background.ts';
import type { Tree } from './tree.ts';

export interface LevelStats {
  readonly level: number;
  readonly tableCount: number;
  readonly bytes: number;
  /** Versions, tombstones included. */
  readonly entryCount: number;
  readonly tombstoneCount: number;
  readonly rangeTombstoneCount: number;
  /** Written to it by flushes and compactions since it was opened. */
  readonly bytesWritten: number;
}

/** Of a tree whose log is somebody else's. */
export interface TreeCoreStats {
  readonly revision: number;
  readonly durableRevision: number;
  /** Up to here the tables have everything. */
  readonly flushedRevision: number;
  /** Below it old versions may be gone. */
  readonly floorRevision: number;
  readonly levels: readonly LevelStats[];
  readonly tableCount: number;
  readonly tableBytes: number;
  /** Tables that answer nothing, as `openTree` with `damaged: 'read-around'` leaves them. */
  readonly damagedTableCount: number;
  /** The one that is written to, and those that wait for their flush. */
  readonly memtableCount: number;
  readonly memtableBytes: number;
  /** Memory of filters, and of indexes and filters together. */
  readonly filterBytes: number;
  readonly indexAndFilterBytes: number;
  /** Of the cache of blocks: what it has allocated, and reads of blocks that it answered or not. */
  readonly cacheBytes: number;
  readonly cacheHitCount: number;
  readonly cacheMissCount: number;
  readonly cacheEvictionCount: number;
  readonly flushCount: number;
  readonly flushedBytes: number;
  readonly compactionCount: number;
  readonly compactionBytesRead: number;
  readonly compactionBytesWritten: number;
  /** Tables that went down a level without being read. */
  readonly movedTableCount: number;
  readonly isFlushing: boolean;
  readonly isCompacting: boolean;
  /** Bytes written to tables for each byte that was flushed, since opening; the journal writes each once more. 1 before the first compaction. */
  readonly writeAmplification: number;
  /** Sorted runs that the read of one key may have to look into, at most: memtables, tables of level 0, further levels. */
  readonly readAmplification: number;
  /** Bytes of all tables for each byte of the deepest level (`size-tiered`: of the largest table), which is about what is live; 1 for none. */
  readonly spaceAmplification: number;
  /** Files that no table needs and that could not be removed: the next opening tries again. Why the last could not be. */
  readonly removalFailedCount: number;
  readonly removalFailure: string | null;
  /** What stopped the background, and with it writers: the message; null: nothing has. */
  readonly failure: string | null;
}

/** Of a tree with a journal of its own. */
export interface TreeStats extends TreeCoreStats {
  /** Files of the journal, those included that are kept to be used again. */
  readonly journalBytes: number;
  /** Writers that were held back altogether, since opening, and for how long, all of them together. */
  readonly stoppedWriteCount: number;
  readonly stoppedMs: number;
  /** Writers that were slowed. */
  readonly slowedWriteCount: number;
  readonly slowedMs: number;
  /** Snapshots and scans that are open. */
  readonly readerCount: number;
  /** The oldest revision that one of them reads; null when there is none. */
  readonly oldestReadRevision: number | null;
}

export function statsOfCore(tree: Tree): TreeCoreStats {
  const { background, activeMemtable } = tree;
  const { tables, sealed, work, failure, cache } = background;
  const memtables = [activeMemtable, ...sealed.map(({ memtable }) => memtable)];
  const open = tables.tables.map(({ table }) => table);
  const levels = levelsOf(background);
  const tableBytes = sum(levels.map(({ bytes }) => bytes));
  return {
    revision: tree.revision,
    durableRevision: tree.durableRevision,
    flushedRevision: tree.flushed.revision,
    floorRevision: tree.floor,
    levels,
    tableCount: open.length,
    tableBytes,
    damagedTableCount: tables.damaged.length,
    memtableCount: memtables.length,
    memtableBytes: sum(memtables.map(({ bytesUsed }) => bytesUsed)),
    filterBytes: sum(open.map(({ filter }) => filter?.bytes ?? 0)),
    indexAndFilterBytes: sum(open.map(({ bytesInMemory }) => bytesInMemory)),
    cacheBytes: cache.bytes,
    cacheHitCount: cache.hits,
    cacheMissCount: cache.misses,
    cacheEvictionCount: cache.evictions,
    flushCount: work.flushCount,
    flushedBytes: work.flushedBytes,
    compactionCount: work.compactionCount,
    compactionBytesRead: work.compactedBytesRead,
    compactionBytesWritten: work.compactedBytesWritten,
    movedTableCount: work.movedCount,
    isFlushing: background.isFlushing,
    isCompacting: background.isCompacting,
    writeAmplification: work.writeAmplification,
    readAmplification: memtables.length + runCountOf(background),
    spaceAmplification: tableBytes === 0 ? 1 : tableBytes / liveBytesOf(background),
    removalFailedCount: tree.removals.failedCount,
    removalFailure: tree.removals.failure,
    failure: failure === null ? null : failure.message,
  };
}

function levelsOf({ manifest, work }: TreeBackground): readonly LevelStats[] {
  return manifest.levels.map((tables, level) => ({
    level,
    tableCount: tables.length,
    bytes: sum(tables.map(({ bytes }) => bytes)),
    entryCount: sum(tables.map(({ entryCount }) => entryCount)),
    tombstoneCount: sum(tables.map(({ tombstoneCount }) => tombstoneCount)),
    rangeTombstoneCount: sum(tables.map(({ rangeTombstoneCount }) => rangeTombstoneCount)),
    bytesWritten: (work.bytesWrittenTo[level] ?? 0) + (level === 0 ? work.flushedBytes : 0),
  }));
}

function runCountOf({ manifest }: TreeBackground): number {
  const [newest = [], ...levels] = manifest.levels;
  return newest.length + levels.filter((tables) => tables.length > 0).length;
}

/** An estimate from below: the deepest level has one version of each key, and few that are deleted. */
function liveBytesOf({ manifest }: TreeBackground): number {
  const [newest = [], ...levels] = manifest.levels;
  const deepest = levels.findLast((tables) => tables.length > 0);
  if (deepest !== undefined) return sum(deepest.map(({ bytes }) => bytes));
  return Math.max(...newest.map(({ bytes }) => bytes));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
