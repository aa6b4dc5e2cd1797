/** Settings of a tree. Plain numbers, in bytes and counts; the defaults suit a process with a few hundred MiB to spare. */
import { LockstepError } from '../kernel/errors.ts';
import type { CodecPlace } from './codec.ts';

export interface TreeOptions {
  /** A memtable is sealed at this size and flushed to a table of level 0. Default 16 MiB. */
  readonly memtableBytes: number;
  /** So many sealed memtables may wait for their flush; then writers wait. Default 1: a flush begins at once. */
  readonly sealedCountMax: number;
  /** A data block of a table before it is compressed: what a cold read reads. Default 4 KiB. */
  readonly blockBytes: number;
  /** Compresses blocks. Default null: they are stored as they are. */
  readonly codec: CodecPlace | null;
  /** A compaction begins a new table at this size. Default 16 MiB. */
  readonly tableBytes: number;
  /** What the cache of blocks holds. Default 128 MiB. */
  readonly cacheBytes: number;
  /** Of the filters: more bits, fewer reads of tables that do not have the key, more memory. 0: none. Default 10. */
  readonly filterBitsPerKey: number;
  /**
   * `leveled`: fewest tables to look into, least space. `size-tiered`: tables of similar size are merged, so each byte
   * is written less often and read from more places. Default `leveled`.
   */
  readonly compaction: 'leveled' | 'size-tiered';
  /** Level 0 is compacted from so many tables on; `size-tiered`: so many of similar size are merged. Default 4. */
  readonly compactFromCount: number;
  /** From so many tables on level 0 a writer pauses a little, in proportion. Default 20. */
  readonly slowFromCount: number;
  /** From so many on it waits. Default 36. */
  readonly stopFromCount: number;
  /** Of level 1; each further level may be `levelRatio` times as large. Default 128 MiB. */
  readonly levelOneBytes: number;
  /** Default 8. */
  readonly levelRatio: number;
}

export const treeDefaults: TreeOptions = Object.freeze({
  memtableBytes: 16 * 1024 * 1024,
  sealedCountMax: 1,
  blockBytes: 4_096,
  codec: null,
  tableBytes: 16 * 1024 * 1024,
  cacheBytes: 128 * 1024 * 1024,
  filterBitsPerKey: 10,
  compaction: 'leveled',
  compactFromCount: 4,
  slowFromCount: 20,
  stopFromCount: 36,
  levelOneBytes: 128 * 1024 * 1024,
  levelRatio: 8,
});

/** @throws LockstepError `misuse` for an option that is none, and for numbers that do not agree. */
export function treeOptions(changes: Partial<TreeOptions> = {}): TreeOptions {
  for (const name of Object.keys(changes)) {
    if (!(name in treeDefaults)) throw wrong('a tree has no such option', { name });
  }
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const options: TreeOptions = { ...treeDefaults, ...given };
  for (const [name, value] of Object.entries(options)) {
    if (name === 'compaction' || name === 'codec') continue;
    const isEnough = typeof value === 'number' && Number.isFinite(value) && (value > 0 || name === 'filterBitsPerKey');
    if (!isEnough || value < 0) throw wrong('an option of a tree is a number above 0', { [name]: String(value) });
  }
  if (options.compaction !== 'leveled' && options.compaction !== 'size-tiered')
    throw wrong('compaction is leveled or size-tiered', { compaction: String(options.compaction) });
  const { compactFromCount, slowFromCount, stopFromCount, levelRatio } = options;
  if (!(compactFromCount >= 2 && compactFromCount <= slowFromCount && slowFromCount <= stopFromCount))
    throw wrong('level 0 is compacted before writers slow down, and that before they stop', {
      compactFromCount,
      slowFromCount,
      stopFromCount,
    });
  if (levelRatio < 2) throw wrong('a level is at least twice as large as the one above', { levelRatio });
  return Object.freeze(options);
}

const wrong = (message: string, values: Record<string, string | number>): LockstepError =>
  new LockstepError('misuse', message, { values });
