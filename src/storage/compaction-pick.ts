/**
 * Which tables to merge next. Pure: levels in, a plan out.
 *
 * Leveled: the level that is over its size by most gives a table (level 0 all of its tables, since they overlap) to the
 * next one, where it is merged with what it overlaps. Level 0 counts for half while another one is over its size. Of a
 * level the table is chosen that overlaps least for its size, tables full of tombstones before others. What overlaps
 * nothing is moved without being read.
 *
 * Size-tiered: all tables stay on level 0; neighbours in age of similar size are merged into one.
 */
import { overlaps, spanOf, type KeyRange } from './key-range.ts';
import type { TableMeta } from './manifest.ts';
import type { TreeOptions } from './options.ts';

export type Levels = readonly (readonly TableMeta[])[];

export interface CompactionPlan {
  /** Every one older than what is newer of the same keys and stays; newest first. */
  readonly inputs: readonly TableMeta[];
  readonly outputLevel: number;
  /** All that is older than the inputs and may have keys of theirs: while there is any, tombstones must stay. */
  readonly olders: readonly TableMeta[];
  /** The inputs become part of the output level as they are. */
  readonly isMove: boolean;
}

/** The deepest level there can be. */
export const levelMax = 6;

/** Null when nothing needs to be done. */
export function pickCompaction(levels: Levels, options: TreeOptions): CompactionPlan | null {
  return options.compaction === 'leveled' ? pickLeveled(levels, options) : pickTiered(levels, options);
}

/** How far over its limit a level is: from 1 on there is something to do. */
function pressureOf(levels: Levels, level: number, options: TreeOptions): number {
  const tables = levels[level] ?? [];
  if (level === 0) return tables.length / options.compactFromCount;
  if (level >= levelMax) return 0;
  return bytesOf(tables) / (options.levelOneBytes * options.levelRatio ** (level - 1));
}

function pickLeveled(levels: Levels, options: TreeOptions): CompactionPlan | null {
  const [newest = 0, ...deeper] = levels.map((_, level) => pressureOf(levels, level, options));
  const isBehind = deeper.some((pressure) => pressure >= 1);
  const slowsNobody = (levels[0] ?? []).length < options.slowFromCount;
  // What gathers on level 0 while deeper levels are seen to is merged in one go: each byte is then written less often.
  const pressures = [isBehind && slowsNobody ? newest / 2 : newest, ...deeper];
  const highest = Math.max(...pressures);
  if (highest < 1) return null;
  const level = pressures.lastIndexOf(highest);
  if (level === 0) return planDown(levels, 0, levels[0] ?? []);
  const next = levels[level + 1] ?? [];
  const cost = (table: TableMeta): number => {
    const tombstones = table.tombstoneCount / Math.max(1, table.entryCount);
    return bytesOf(next.filter((one) => overlaps(one, table))) / table.bytes - tombstones;
  };
  const [cheapest] = (levels[level] ?? []).toSorted((a, b) => cost(a) - cost(b));
  return cheapest === undefined ? null : planDown(levels, level, [cheapest]);
}

/** Merges these tables of a level into the next one. */
export function planDown(levels: Levels, level: number, tables: readonly TableMeta[]): CompactionPlan | null {
  const span = spanOf(tables);
  if (span === null) return null;
  const outputLevel = level + 1;
  const below = (levels[outputLevel] ?? []).filter((one) => overlaps(one, span));
  const inputs = [...tables, ...below];
  const whole = spanOf(inputs) ?? span;
  const olders = levels.slice(outputLevel + 1).flatMap((deeper) => deeper.filter((one) => overlaps(one, whole)));
  const isMove = below.length === 0 && areDisjoint(tables) && tables.every((one) => one.rangeTombstoneCount === 0);
  return { inputs, outputLevel, olders, isMove };
}

/** Merges all that overlaps the range, level by level; the next step of it, given the levels as they are now. */
export function planRange(levels: Levels, level: number, range: KeyRange): CompactionPlan | null {
  const asked = (levels[level] ?? []).filter((one) => overlaps(one, range));
  // Of level 0 what is older than a table that goes down and overlaps it must go too: all of it does.
  const tables = level === 0 && asked.length > 0 ? (levels[0] ?? []) : asked;
  const plan = planDown(levels, level, tables);
  return plan === null ? null : { ...plan, isMove: false };
}

function pickTiered(levels: Levels, options: TreeOptions): CompactionPlan | null {
  const tables = levels[0] ?? [];
  const run = similarNeighbours(tables, options) ?? smallestNeighbours(tables, options);
  if (run === null) return null;
  const { from, to } = run;
  const olders = [...tables.slice(to), ...levels.slice(1).flat()];
  return { inputs: tables.slice(from, to), outputLevel: 0, olders, isMove: false };
}

interface Run {
  readonly from: number;
  readonly to: number;
}

/** Newest first: a run of neighbours, each no more than twice the average of those that are newer. */
function similarNeighbours(tables: readonly TableMeta[], options: TreeOptions): Run | null {
  for (let from = 0; from + options.compactFromCount <= tables.length; from++) {
    let [bytes, to] = [(tables[from] as TableMeta).bytes, from + 1];
    while (to < tables.length && (tables[to] as TableMeta).bytes <= (2 * bytes) / (to - from)) {
      bytes += (tables[to] as TableMeta).bytes;
      to++;
    }
    if (to - from >= options.compactFromCount) return { from, to };
  }
  return null;
}

/** Sizes can alternate so that no neighbours are ever similar; writers must not wait for ever for that. */
function smallestNeighbours(tables: readonly TableMeta[], options: TreeOptions): Run | null {
  if (tables.length < options.slowFromCount) return null;
  const count = options.compactFromCount;
  let [best, leastBytes] = [0, Infinity];
  for (let from = 0; from + count <= tables.length; from++) {
    const bytes = bytesOf(tables.slice(from, from + count));
    if (bytes < leastBytes) [best, leastBytes] = [from, bytes];
  }
  return { from: best, to: best + count };
}

const bytesOf = (tables: readonly TableMeta[]): number => tables.reduce((sum, one) => sum + one.bytes, 0);

const areDisjoint = (tables: readonly TableMeta[]): boolean =>
  tables.every((one, at) => tables.slice(at + 1).every((other) => !overlaps(one, other)));
