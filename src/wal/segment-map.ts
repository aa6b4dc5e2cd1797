/**
 * What a journal keeps in memory of its files: its segments, a sparse index (a point every 256 KiB of groups), and its
 * cuts. It knows only groups that are acknowledged.
 *
 * A cut makes entries before it void without touching them, so in the order of the files positions may go back. Live
 * entries are still in order: an entry is live unless a later group cuts below it.
 */
import { assert } from '../kernel/assert.ts';
import { groupBytes, type GroupHeader } from './group.ts';
import { segmentHeaderBytes, type SegmentHeader } from './segment-header.ts';

const bytesBetweenPoints = 256 * 1024;

export class Segment {
  readonly header: SegmentHeader;
  readonly path: string;
  /** Groups that begin before were not read: no point tells where they are. */
  readFrom: number = segmentHeaderBytes;
  /** Where its groups end, in bytes. */
  end: number = segmentHeaderBytes;
  /** False once it was trimmed: what its file holds is no longer its own. */
  kept = true;
  /** Points: positions that only grow, and the offset of a group at which that position starts. */
  readonly positions: number[] = [];
  readonly offsets: number[] = [];

  constructor(header: SegmentHeader, path: string) {
    this.header = header;
    this.path = path;
  }

  /** The last point at or before a position, or -1. */
  pointBefore(position: number): number {
    let [low, high] = [0, this.positions.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.positions[middle] as number) <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Where a group begins: its place, its number and the position of its first entry. */
export interface GroupPlace {
  readonly offset: number;
  readonly group: number;
  readonly position: number;
}

interface Cut {
  /** The group that says so. */
  readonly group: number;
  /** The last position that stays. */
  readonly to: number;
}

interface Located {
  readonly segment: Segment;
  readonly offset: number;
  readonly unreadTo: number | null;
}

export class SegmentMap {
  readonly segments: Segment[] = [];
  /** Those that still matter: later ones cut less deep. */
  #cuts: Cut[] = [];
  nextPosition = 0;
  nextGroup = 0;

  get last(): Segment {
    const last = this.segments.at(-1);
    assert(last !== undefined, 'a journal has a segment');
    return last;
  }

  /** The first position that is kept; the next one if there is none. */
  get first(): number {
    const begins = this.segments[0]?.header.firstPosition ?? this.nextPosition;
    return Math.min(begins, (this.#cuts[0]?.to ?? Infinity) + 1);
  }

  addSegment(segment: Segment): void {
    if (this.segments.length === 0) {
      this.nextPosition = segment.header.firstPosition;
      this.nextGroup = segment.header.firstGroup;
    }
    assert(segment.header.firstGroup === this.nextGroup, 'a segment goes on where the one before it ended');
    this.segments.push(segment);
  }

  /** The last segment has groups up to here, which are not looked at: the next one is added here. */
  passTo({ offset, group, position }: GroupPlace): void {
    const { last } = this;
    last.readFrom = offset;
    last.end = offset;
    last.positions.length = 0;
    last.offsets.length = 0;
    this.nextGroup = group;
    this.nextPosition = position;
  }

  /** The next group of the last segment. */
  addGroup(group: GroupHeader): void {
    const segment = this.last;
    assert(group.number === this.nextGroup && group.offset === segment.end, 'groups are counted without a gap');
    assert(
      group.unsynced > 0 || group.durableUpTo === this.nextPosition - 1,
      'a group says where the one before it ended',
    );
    if (group.kind === 'cut') this.#cut(group.number, group.firstPosition - 1);
    const apart = group.offset - (segment.offsets.at(-1) ?? -Infinity);
    if (group.kind === 'cut' || (group.entryCount > 0 && apart >= bytesBetweenPoints)) {
      segment.positions.push(group.firstPosition);
      segment.offsets.push(group.offset);
    }
    segment.end = group.offset + groupBytes(group.payloadBytes);
    this.nextPosition = group.firstPosition + group.entryCount;
    this.nextGroup++;
  }

  /** The last live position of what is before this group or in it; entries after it are void. */
  ceiling(group: number): number {
    return this.#cuts.find((cut) => cut.group > group)?.to ?? Infinity;
  }

  /** Where to start looking for a position that is kept; `unreadTo`: up to there it can be anywhere. */
  locate(position: number): Located {
    for (let index = this.segments.length - 1; index >= 0; index--) {
      const segment = this.segments[index] as Segment;
      const point = segment.pointBefore(position);
      if (point >= 0) return { segment, offset: segment.offsets[point] as number, unreadTo: null };
      const { readFrom, header } = segment;
      if (readFrom > segmentHeaderBytes && header.firstPosition <= position)
        return { segment, offset: segmentHeaderBytes, unreadTo: readFrom };
    }
    return { segment: this.segments[0] as Segment, offset: segmentHeaderBytes, unreadTo: null };
  }

  /** The segment after this one, if there is one. */
  after(segment: Segment): Segment | null {
    const first = this.segments[0] as Segment;
    return this.segments[segment.header.number - first.header.number + 1] ?? null;
  }

  /** The oldest segment, if all its live entries are before this position and it is not the last. */
  removable(before: number): Segment | null {
    const [oldest, next] = this.segments;
    if (oldest === undefined || next === undefined) return null;
    const liveEnd = Math.min(next.header.firstPosition - 1, this.ceiling(next.header.firstGroup - 1));
    return liveEnd < before ? oldest : null;
  }

  removeOldest(): void {
    const oldest = this.segments.shift();
    const next = this.segments[0];
    assert(oldest !== undefined && next !== undefined, 'the last segment stays');
    oldest.kept = false;
    this.#cuts = this.#cuts.filter((cut) => cut.group >= next.header.firstGroup);
  }

  #cut(group: number, to: number): void {
    assert(to < this.nextPosition, 'what is cut is there');
    assert(
      this.segments.every(({ readFrom }) => readFrom === segmentHeaderBytes),
      'a journal that is cut was read whole',
    );
    while ((this.#cuts.at(-1)?.to ?? -1) >= to) this.#cuts.pop();
    this.#cuts.push({ group, to });
    for (let index = this.segments.length - 1; index >= 0; index--) {
      const { positions, offsets } = this.segments[index] as Segment;
      const count = (this.segments[index] as Segment).pointBefore(to) + 1;
      if (count === positions.length && count > 0) return;
      positions.length = count;
      offsets.length = count;
    }
  }
}
