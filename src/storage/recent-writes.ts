/**
 * Who wrote what since a revision, by the memtables: they hold the newest writes of every key, and a rollback takes
 * from them what never was. A tombstone is a write too. Versions that nobody can see are given up in a memtable, but
 * never the newest one of a key, which is all that is asked for here.
 */
import { compareBytes, compareRanges } from '../bytes/compare.ts';
import type { EntryCursor } from './entry-cursor.ts';
import type { FoundVersion } from './found-version.ts';
import type { Memtable } from './memtable.ts';

export interface ReadBounds {
  /** The first key, included; null: the first there is. */
  readonly from: Uint8Array | null;
  /** Where it ends; null: with the last key there is. */
  readonly to: Uint8Array | null;
  readonly toIncluded: boolean;
}

export interface RecentWrite {
  /** A copy. */
  readonly key: Uint8Array;
  readonly revision: number;
}

/** So many versions are looked at one by one, before the index of the keys is asked. */
const versionsMax = 1_024;

/** The newest revision at which the key was written or covered here; -1 for none. */
export function newestWrite(
  memtable: Memtable,
  key: Uint8Array,
  start: number,
  end: number,
  hash: number,
  found: FoundVersion,
): number {
  const ranges = memtable.rangeTombstones;
  const covering = ranges.count === 0 ? -1 : ranges.newestCovering(key, start, end, Infinity);
  return memtable.find(key, start, end, hash, Infinity, found) ? Math.max(covering, found.revision) : covering;
}

/** One of the writes above `since` that touch these bounds; null for none. Memtables come newest first. */
export function writeWithin(memtables: Iterable<Memtable>, since: number, bounds: ReadBounds): RecentWrite | null {
  for (const memtable of memtables) {
    if (memtable.lastRevision <= since) continue;
    const found = coveredWithin(memtable, since, bounds) ?? versionWithin(memtable, since, bounds);
    if (found !== null) return found;
  }
  return null;
}

function coveredWithin(memtable: Memtable, since: number, bounds: ReadBounds): RecentWrite | null {
  const { from, to, toIncluded } = bounds;
  for (const { start, end, revision } of memtable.rangeTombstones.list) {
    if (revision <= since || (from !== null && compareBytes(end, from) <= 0)) continue;
    const order = to === null ? -1 : compareBytes(start, to);
    if (order > 0 || (order === 0 && !toIncluded)) continue;
    return { key: (from !== null && compareBytes(from, start) > 0 ? from : start).slice(), revision };
  }
  return null;
}

/** The last versions are the newest. Many of them are not looked at: those within the bounds are, by the index. */
function versionWithin(memtable: Memtable, since: number, bounds: ReadBounds): RecentWrite | null {
  const cursor = memtable.cursor();
  const end = memtable.versionCount - versionsMax;
  for (let version = memtable.versionCount - 1; version >= 0; version--) {
    if (memtable.revisionOf(version) <= since) return null;
    if (version < end) return keyWithin(cursor, since, bounds);
    memtable.showVersion(version, cursor);
    if (isWithin(cursor, bounds)) return shown(cursor);
  }
  return null;
}

function keyWithin(cursor: EntryCursor, since: number, bounds: ReadBounds): RecentWrite | null {
  if (bounds.from === null) cursor.first();
  else cursor.seek(bounds.from, Infinity);
  for (; cursor.valid && isWithin(cursor, bounds); cursor.next()) if (cursor.revision > since) return shown(cursor);
  return null;
}

function isWithin({ keyBytes, keyStart, keyEnd }: EntryCursor, { from, to, toIncluded }: ReadBounds): boolean {
  if (from !== null && compareRanges(keyBytes, keyStart, keyEnd, from, 0, from.length) < 0) return false;
  if (to === null) return true;
  const order = compareRanges(keyBytes, keyStart, keyEnd, to, 0, to.length);
  return order < 0 || (order === 0 && toIncluded);
}

const shown = ({ keyBytes, keyStart, keyEnd, revision }: EntryCursor): RecentWrite => ({
  key: keyBytes.slice(keyStart, keyEnd),
  revision,
});
