/**
 * Reads entries in order, from disk, verified. Holds its place and nothing else, so that a slow reader costs nothing;
 * its memory is one buffer while a call lasts.
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import { readVarint } from '../bytes/varint.ts';
import type { Disk } from '../env/disk.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { Entries } from './entries.ts';
import { groupBytes, groupHeaderBytes, readGroup, sectorBytes, type GroupHeader } from './group.ts';
import { groupsTowards } from './group-search.ts';
import { journalPosition, type JournalPosition } from './position.ts';
import { segmentHeaderBytes } from './segment-header.ts';
import type { Segment, SegmentMap } from './segment-map.ts';

export type JournalBatch =
  /** At least one entry; they count on from `first` without a gap. */
  | { readonly kind: 'entries'; readonly first: JournalPosition; readonly entries: Entries }
  /** There is nothing here yet. */
  | { readonly kind: 'end' }
  /** What was asked for is gone; `first` is the first position that is kept, or the next one. */
  | { readonly kind: 'trimmed'; readonly first: JournalPosition };

/** What a reader loads at a time; several are under way at once. A group's header never spans two. */
const sliceBytes = 512 * 1024;

/** What one call has found so far. */
interface Batch {
  readonly entries: Entries;
  /** How many bytes more it takes. */
  room: number;
  /** Bytes that were there. */
  loaded: number;
  /** What the next group takes, when it is not all there. */
  bytesNeeded: number | null;
}

export class JournalReader {
  readonly #disk: Disk;
  readonly #map: SegmentMap;
  #position: number;
  #segment: Segment | null = null;
  #offset = 0;

  /** For the room's own use: `Journal.reader` and `JournalView.reader` make readers. */
  constructor(disk: Disk, map: SegmentMap, from: JournalPosition) {
    this.#disk = disk;
    this.#map = map;
    this.#position = from;
  }

  /** Of the entry that is read next. */
  get position(): JournalPosition {
    return journalPosition(this.#position);
  }

  /**
   * The next entries: as many as there are, up to `bytesMax` of them, but one at least. Asking for much less than a
   * group holds reads that group again each time. One call at a time.
   * @throws LockstepError `corrupt` for bytes that are not what was written, `disk-failed`; with path and offset.
   */
  async next(bytesMax: number): Promise<JournalBatch> {
    let bytesWanted = Math.max(bytesMax, sectorBytes);
    for (;;) {
      const map = this.#map;
      if (this.#position < map.first) return { kind: 'trimmed', first: journalPosition(map.first) };
      if (this.#position >= map.nextPosition) return { kind: 'end' };
      if (this.#segment === null || !this.#segment.kept) await this.#seek();
      const segment = this.#segment as Segment;
      if (this.#offset >= segment.end) {
        this.#segment = map.after(segment);
        this.#offset = segmentHeaderBytes;
        continue;
      }
      const bytes = new Uint8Array(Math.min(groupBytes(bytesWanted), segment.end - this.#offset));
      const batch: Batch = { entries: new Entries(bytes), room: bytesMax, loaded: 0, bytesNeeded: null };
      await this.#fill(batch, segment);
      const { entries, loaded } = batch;
      if (entries.length > 0) {
        return { kind: 'entries', first: journalPosition(this.#position - entries.length), entries };
      }
      if (!segment.kept || this.#position < map.first) continue;
      // A file that ends before its groups do would be asked the same for ever.
      if (loaded === 0) throw this.#corrupt(segment);
      bytesWanted = batch.bytesNeeded ?? bytesWanted;
    }
  }

  async #seek(): Promise<void> {
    const { segment, offset, unreadTo } = this.#map.locate(this.#position);
    this.#segment = segment;
    this.#offset = offset;
    const file = unreadTo === null ? null : this.#disk.open(segment.path, 'read');
    if (unreadTo === null || file === null) return;
    try {
      const isBefore = ({ firstPosition }: GroupHeader): boolean => firstPosition <= this.#position;
      const found = await groupsTowards(file, segment.header, { from: offset, to: unreadTo }, isBefore);
      this.#offset = found.at(-1)?.offset ?? offset;
    } finally {
      file.close();
    }
  }

  /** Takes what fits the batch's buffer. It is loaded in slices at once, so that one is verified while others come. */
  async #fill(batch: Batch, segment: Segment): Promise<void> {
    const file = this.#disk.open(segment.path, 'read');
    if (file === null) {
      if (!segment.kept) return;
      throw new LockstepError('corrupt', 'a segment is missing', { values: { path: segment.path, offset: 0 } });
    }
    const from = this.#offset;
    const { bytes } = batch.entries;
    const { length } = bytes;
    const isAllAsked = from + length >= segment.end;
    const loads: Promise<number>[] = [];
    for (let at = 0; at < length; at += sliceBytes) {
      loads.push(file.load(bytes.subarray(at, at + sliceBytes), from + at));
    }
    const settled = Promise.allSettled(loads);
    try {
      for (const [index, load] of loads.entries()) {
        const asked = Math.min(length, (index + 1) * sliceBytes);
        batch.loaded += await load;
        const ended = batch.loaded < asked;
        // What is trimmed may be written to already.
        if (!segment.kept || this.#position < this.#map.first) return;
        const isAll = ended || (asked === length && isAllAsked);
        if (this.#collect(batch, segment, this.#offset - from, isAll) === 'enough' || ended) return;
      }
    } catch (error) {
      // Told by the next call, which begins there, if there is something to give before.
      if (batch.entries.length === 0 || !isLockstepError(error)) throw error;
    } finally {
      await settled;
      file.close();
    }
  }

  /** Takes whole groups from `start` on, as long as there are any and the batch has room. `isAll`: the disk has no more. */
  #collect(batch: Batch, segment: Segment, start: number, isAll: boolean): 'enough' | 'more' {
    const { seed } = segment.header;
    const { bytes } = batch.entries;
    for (let at = start; at < batch.loaded;) {
      const read = readGroup(bytes, at, batch.loaded, this.#offset, seed);
      if (read.kind === 'incomplete' && !isAll) {
        batch.bytesNeeded = groupHeaderBytes + read.header.payloadBytes;
        return 'more';
      }
      if (read.kind !== 'group') throw this.#corrupt(segment);
      const taken = this.#entriesOf(segment, read.header, at + groupHeaderBytes, batch);
      if (taken === null) return 'enough';
      batch.room -= taken;
      const length = groupBytes(read.header.payloadBytes);
      this.#offset += length;
      at += length;
      if (batch.room <= 0) return 'enough';
    }
    batch.bytesNeeded = null;
    return 'more';
  }

  /** The bytes of the entries that were taken; null when the room ended within the group. */
  #entriesOf(segment: Segment, header: GroupHeader, start: number, { entries, room }: Batch): number | null {
    const end = start + header.payloadBytes;
    const ceiling = this.#map.ceiling(header.number);
    if (header.firstPosition > this.#position && header.firstPosition <= ceiling && header.entryCount > 0) {
      throw this.#corrupt(segment);
    }
    const reader = new ByteReader(entries.bytes, start, end);
    let taken = 0;
    for (let index = 0; index < header.entryCount; index++) {
      const length = readVarint(reader);
      const from = reader.take(length);
      const position = header.firstPosition + index;
      if (position !== this.#position || position > ceiling) continue;
      if (taken + length > room && entries.length > 0) return null;
      entries.push(from, from + length);
      this.#position++;
      taken += length;
    }
    return taken;
  }

  #corrupt(segment: Segment): LockstepError {
    return new LockstepError('corrupt', 'a group is not what was written', {
      values: { path: segment.path, offset: this.#offset },
      advice: ['restore it from a replica or a backup; nothing was changed'],
    });
  }
}
