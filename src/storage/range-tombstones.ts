/**
 * The range deletes of one memtable or one table. They are few: kept sorted by start and, because they may overlap, cut
 * into fragments on first use: neighbours that do not overlap, each with the revisions that cover it, newest first.
 */
import { compareBytes, compareRanges } from '../bytes/compare.ts';
import { assert } from '../kernel/assert.ts';
import type { RangeTombstone } from './entry-cursor.ts';

/** From `start` (included) to `end` (excluded), covered at these revisions, newest first. */
export interface RangeFragment {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly revisions: readonly number[];
}

export class RangeTombstones {
  #list: RangeTombstone[];
  #fragments: readonly RangeFragment[] | null = null;

  constructor(list: readonly RangeTombstone[] = []) {
    this.#list = [...list];
  }

  get count(): number {
    return this.#list.length;
  }

  get list(): readonly RangeTombstone[] {
    return this.#list;
  }

  add(tombstone: RangeTombstone): void {
    assert(compareBytes(tombstone.start, tombstone.end) < 0, 'a range starts before it ends');
    this.#list.push(tombstone);
    this.#fragments = null;
  }

  /** Drops those above this revision. */
  cutAfter(revision: number): void {
    if (this.#list.every((one) => one.revision <= revision)) return;
    this.#list = this.#list.filter((one) => one.revision <= revision);
    this.#fragments = null;
  }

  /** The newest revision, not above this one, at which a range that covers the key was deleted; -1 if there is none. */
  newestCovering(bytes: Uint8Array, start: number, end: number, revision: number): number {
    if (this.#list.length === 0) return -1;
    const fragments = this.fragments;
    let low = 0;
    let high = fragments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const from = (fragments[middle] as RangeFragment).start;
      if (compareRanges(from, 0, from.length, bytes, start, end) <= 0) low = middle + 1;
      else high = middle;
    }
    const fragment = fragments[low - 1];
    if (fragment === undefined) return -1;
    if (compareRanges(bytes, start, end, fragment.end, 0, fragment.end.length) >= 0) return -1;
    return fragment.revisions.find((one) => one <= revision) ?? -1;
  }

  /** Whether one of them covers anything between the two; null: without a bound. */
  meets(from: Uint8Array | null, to: Uint8Array | null): boolean {
    const { fragments } = this;
    if (fragments.length === 0) return false;
    let low = 0;
    let high = from === null ? 0 : fragments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes((fragments[middle] as RangeFragment).end, from as Uint8Array) <= 0) low = middle + 1;
      else high = middle;
    }
    const first = fragments[low];
    return first !== undefined && (to === null || compareBytes(first.start, to) < 0);
  }

  /** In order, none overlapping another. */
  get fragments(): readonly RangeFragment[] {
    this.#fragments ??= fragmentsOf(this.#list);
    return this.#fragments;
  }
}

/** Sweeps over all bounds; between two neighbours the set of tombstones that cover is the same. */
export function fragmentsOf(list: readonly RangeTombstone[]): readonly RangeFragment[] {
  const starts = list.toSorted((a, b) => compareBytes(a.start, b.start));
  const bounds = list.flatMap(({ start, end }) => [start, end]).toSorted(compareBytes);
  const fragments: RangeFragment[] = [];
  let active: RangeTombstone[] = [];
  let next = 0;
  for (const [at, bound] of bounds.entries()) {
    const end = bounds[at + 1];
    if (end === undefined || compareBytes(bound, end) === 0) continue;
    active = active.filter((one) => compareBytes(one.end, bound) > 0);
    for (; next < starts.length && compareBytes((starts[next] as RangeTombstone).start, bound) <= 0; next++) {
      active.push(starts[next] as RangeTombstone);
    }
    if (active.length === 0) continue;
    const revisions = [...new Set(active.map((one) => one.revision))].toSorted((a, b) => b - a);
    fragments.push({ start: bound, end, revisions });
  }
  return fragments;
}
