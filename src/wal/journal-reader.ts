/**
 * Reads entries in order, from disk, verified. Holds its place and nothing else, so that a slow reader costs nothing;
 * its memory is one buffer while a call lasts.
 */
import { ByteReader, viewOf } from '../bytes/byte-reader.ts';
import { readVarint } from '../bytes/varint.ts';
import type { Disk } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';
import { groupBytes, groupHeaderBytes, readGroup, sectorBytes, type GroupHeader } from './group.ts';
import { journalPosition, type JournalPosition } from './position.ts';
import { segmentHeaderBytes } from './segment-header.ts';
import type { Segment, SegmentMap } from './segment-map.ts';

export type JournalBatch =
  /** At least one entry; they count on from `first` without a gap. Views of one buffer that nobody writes to again. */
  | { readonly kind: 'entries'; readonly first: JournalPosition; readonly entries: readonly Uint8Array[] }
  /** There is nothing here yet. */
  | { readonly kind: 'end' }
  /** What was asked for is gone; `first` is the first position that is kept, or the next one. */
  | { readonly kind: 'trimmed'; readonly first: JournalPosition };

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
      if (this.#segment === null || !this.#segment.kept) this.#seek();
      const segment = this.#segment as Segment;
      if (this.#offset >= segment.end) {
        this.#segment = map.after(segment);
        this.#offset = segmentHeaderBytes;
        continue;
      }
      const length = Math.min(groupBytes(bytesWanted), segment.end - this.#offset);
      const bytes = new Uint8Array(length);
      const count = await this.#load(segment, bytes);
      if (!segment.kept || this.#position < map.first) continue;
      const isAll = count < length || this.#offset + length >= segment.end;
      const found = this.#collect(segment, bytes.subarray(0, count), isAll, bytesMax);
      if (found.entries.length > 0) {
        return {
          kind: 'entries',
          first: journalPosition(this.#position - found.entries.length),
          entries: found.entries,
        };
      }
      // A file that ends before its groups do would be asked the same for ever.
      if (count === 0) throw this.#corrupt(segment);
      bytesWanted = found.bytesNeeded ?? bytesWanted;
    }
  }

  #seek(): void {
    const { segment, offset } = this.#map.locate(this.#position);
    this.#segment = segment;
    this.#offset = offset;
  }

  async #load(segment: Segment, into: Uint8Array): Promise<number> {
    const file = this.#disk.open(segment.path, 'read');
    if (file === null) {
      if (!segment.kept) return 0;
      throw new LockstepError('corrupt', 'a segment is missing', { values: { path: segment.path, offset: 0 } });
    }
    try {
      return await file.load(into, this.#offset);
    } finally {
      file.close();
    }
  }

  /** Takes whole groups, as long as there are any and `bytesMax` allows. `isAll`: the disk has no more. `bytesNeeded`: what the next group takes, when it is not all there. */
  #collect(
    segment: Segment,
    bytes: Uint8Array,
    isAll: boolean,
    bytesMax: number,
  ): { readonly entries: readonly Uint8Array[]; readonly bytesNeeded: number | null } {
    const entries: Uint8Array[] = [];
    const { seed } = segment.header;
    let room = bytesMax;
    for (let at = 0; at < bytes.length;) {
      const read = readGroup(bytes, at, bytes.length, this.#offset, seed);
      if (read.kind === 'incomplete' && !isAll) {
        return { entries, bytesNeeded: groupHeaderBytes + read.header.payloadBytes };
      }
      if (read.kind !== 'group') {
        if (entries.length > 0) return { entries, bytesNeeded: null }; // told by the next call
        throw this.#corrupt(segment);
      }
      const taken = this.#entriesOf(segment, read.header, bytes, at + groupHeaderBytes, room, entries);
      if (taken === null) return { entries, bytesNeeded: null };
      room -= taken;
      const length = groupBytes(read.header.payloadBytes);
      this.#offset += length;
      at += length;
      if (room <= 0) break;
    }
    return { entries, bytesNeeded: null };
  }

  /** The bytes of the entries that were taken; null when the room ended within the group. */
  #entriesOf(
    segment: Segment,
    header: GroupHeader,
    bytes: Uint8Array,
    start: number,
    room: number,
    entries: Uint8Array[],
  ): number | null {
    const end = start + header.payloadBytes;
    const ceiling = this.#map.ceiling(header.number);
    if (header.firstPosition > this.#position && header.firstPosition <= ceiling && header.entryCount > 0) {
      throw this.#corrupt(segment);
    }
    const reader = new ByteReader(bytes, start, end);
    let taken = 0;
    for (let index = 0; index < header.entryCount; index++) {
      const length = readVarint(reader);
      const from = reader.take(length);
      const position = header.firstPosition + index;
      if (position !== this.#position || position > ceiling) continue;
      if (taken + length > room && entries.length > 0) return null;
      entries.push(viewOf(bytes, from, from + length));
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
