/**
 * The files of a journal that is open to write: the current segment and the way to the next one. Knows order and
 * durability of files and names, nothing of who waits. Whoever catches what it throws must not write any more.
 */
import type { DiskFile } from '../env/disk.ts';
import { syncUpwards } from '../env/path.ts';
import { assert } from '../kernel/assert.ts';
import { xxHash32 } from '../bytes/xxhash32.ts';
import { isLockstepError } from '../kernel/errors.ts';
import type { FormingGroup } from './forming-groups.ts';
import { encodeGroupHeader, groupBytes, groupHeaderBytes, sectorBytes, type GroupHeader } from './group.ts';
import type { JournalLimits, JournalOptions, JournalPorts } from './journal-options.ts';
import type { Recovered } from './recovery.ts';
import { listFiles, segmentPath, sparePath } from './segment-files.ts';
import { encodeSegmentHeader, type SegmentHeader } from './segment-header.ts';
import { notThere } from './journal-end.ts';
import { Segment, SegmentMap } from './segment-map.ts';
import { SpareSegments } from './spare-segments.ts';

/** A segment that grows is filled with zeros so far ahead: a sync that need not change the file's size is faster. */
const aheadBytes = 256 * 1024;
const groupBytesLarge = 64 * 1024;

export class JournalStore {
  readonly map: SegmentMap;
  readonly #ports: JournalPorts;
  readonly #options: JournalOptions;
  readonly #limits: JournalLimits;
  readonly #spares: SpareSegments;
  #file: DiskFile;
  /** Up to where the current segment's file has bytes. */
  #filledTo: number;
  /** The last group that is known to be synced, and the last position up to it. What is not lies in the current segment. */
  #synced: { readonly group: number; readonly position: number };
  #syncing: Promise<void> | null = null;
  /** Written since the last sync began, and before it, in bytes. */
  #writtenBytes = 0;
  #syncingBytes = 0;
  #beginsSegment = false;

  private constructor(
    ports: JournalPorts,
    options: JournalOptions,
    limits: JournalLimits,
    map: SegmentMap,
    file: DiskFile,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#limits = limits;
    this.map = map;
    this.#file = file;
    this.#filledTo = file.size();
    this.#synced = { group: map.nextGroup - 1, position: map.nextPosition - 1 };
    this.#spares = new SpareSegments(ports.disk, options, limits.segmentBytes, limits.spareCountMax);
  }

  /** A journal of one empty segment. The directory and its name are durable when this resolves. */
  static async create(ports: JournalPorts, options: JournalOptions, limits: JournalLimits): Promise<JournalStore> {
    const { disk, randomness } = ports;
    const { directory } = options;
    disk.makeDirectory(directory);
    const header: SegmentHeader = {
      journalId: Uint8Array.from({ length: 16 }, () => randomness.below(256)),
      number: 1,
      seed: randomness.uint32(),
      firstGroup: 1,
      firstPosition: options.firstPosition ?? 1,
      previousEnd: 0,
      segmentBytes: limits.segmentBytes,
      groupBytesMax: limits.groupBytesMax,
      origin: options.origin ?? new Uint8Array(0),
    };
    const draft = sparePath(options, 1);
    await disk.remove(draft); // of a creation that stopped in the middle
    const file = disk.open(draft, 'create');
    if (file === null) throw new Error(`two create the journal ${draft}`);
    try {
      const segment = await nameSegment(ports, options, file, header, draft);
      await syncUpwards(ports.disk, directory);
      const map = new SegmentMap();
      map.addSegment(segment);
      return new JournalStore(ports, options, limits, map, openNamed(ports, segment));
    } finally {
      file.close();
    }
  }

  /**
   * Takes over what recovery found: makes durable what it read, which it cannot know to be so, and removes the rest of
   * a torn group. Syncing alone would not do: after a failed sync bytes read back that no later sync writes.
   */
  static async resume(
    ports: JournalPorts,
    options: JournalOptions,
    limits: JournalLimits,
    recovered: Recovered,
  ): Promise<JournalStore> {
    const { disk } = ports;
    await syncUpwards(ports.disk, options.directory);
    const file = await settle(ports, recovered, sectorBytes);
    try {
      const store = new JournalStore(ports, options, limits, recovered.map, file);
      await store.#spares.adopt(listFiles(disk, options)?.spares ?? []);
      return store;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Where the next group goes, for messages. */
  get path(): string {
    return this.map.last.path;
  }

  /** The last position that is durable. */
  get syncedPosition(): number {
    return this.#synced.position;
  }

  /** Written and not known to be synced. */
  get unsyncedBytes(): number {
    return this.#writtenBytes + this.#syncingBytes;
  }

  /** The next group begins a segment, so that all before it can be trimmed; false: not worth it, this one takes little. */
  beginSegment(): boolean {
    const { end, header } = this.map.last;
    this.#beginsSegment ||= end > header.segmentBytes / 16;
    return this.#beginsSegment;
  }

  /** Syncs all groups that are in the map. */
  async sync(): Promise<void> {
    while (this.#syncing !== null) await this.#syncing;
    const synced = { group: this.map.nextGroup - 1, position: this.map.nextPosition - 1 };
    if (this.#synced.group === synced.group) return;
    [this.#syncingBytes, this.#writtenBytes] = [this.#writtenBytes, 0];
    this.#syncing = this.#file.sync().then(() => {
      this.#synced = synced;
      this.#syncing = null;
      this.#syncingBytes = 0;
    });
    await this.#syncing;
  }

  /**
   * Writes the group, in the next segment if this one is full, and syncs it unless that is to come later. A mark is
   * written behind what is synced. It counts only once it is in the map.
   */
  async write(group: FormingGroup): Promise<GroupHeader> {
    const bytes = groupBytes(group.payloadBytes);
    const { map } = this;
    const isFull = this.#beginsSegment || map.last.end + bytes > map.last.header.segmentBytes;
    const syncsBehind = this.#options.durability === 'process' && group.kind !== 'mark';
    try {
      if (isFull || !syncsBehind || this.unsyncedBytes >= 2 * this.#limits.syncBehindBytes) await this.sync();
      if (isFull) await this.#roll();
    } catch (error) {
      throw notThere(error);
    }
    const segment = map.last;
    const { seed, segmentBytes } = segment.header;
    const whole = group.whole();
    const header: GroupHeader = {
      kind: group.kind,
      number: map.nextGroup,
      offset: segment.end,
      payloadBytes: group.payloadBytes,
      entryCount: group.entryCount,
      payloadChecksum: xxHash32(whole, groupHeaderBytes, group.length, seed),
      firstPosition: group.firstPosition,
      durableUpTo: this.#synced.position,
      unsynced: map.nextGroup - 1 - this.#synced.group,
    };
    assert(header.offset % sectorBytes === 0 && whole.length === bytes, 'a group is whole sectors');
    assert(header.offset + bytes <= segmentBytes, 'a group fits its segment');
    encodeGroupHeader(whole, header, seed);
    this.#put(whole, header);
    if (syncsBehind) {
      this.#writtenBytes += bytes;
      return header;
    }
    this.#fillAhead(header.offset + bytes, bytes, segmentBytes);
    await this.#file.sync();
    this.#synced = { group: header.number, position: header.firstPosition + header.entryCount - 1 };
    this.#prepareNext(segment, header.offset + bytes);
    return header;
  }

  /** Removes or recycles whole segments, oldest first, each durably before the next: a crash leaves no gap. */
  async trimBefore(position: number): Promise<void> {
    const { disk } = this.#ports;
    for (let oldest = this.map.removable(position); oldest !== null; oldest = this.map.removable(position)) {
      this.map.removeOldest();
      const spare = sparePath(this.#options, oldest.header.number);
      const recycled =
        this.#spares.wanted && oldest.header.segmentBytes === this.#limits.segmentBytes && isFull(oldest);
      if (recycled) disk.rename(oldest.path, spare);
      else await disk.remove(oldest.path);
      await disk.syncDirectory(this.#options.directory);
      // Only now: a name that comes back after a crash must lead to what it led to.
      if (recycled && !this.#spares.recycle(spare)) await disk.remove(spare);
    }
  }

  async close(): Promise<void> {
    await this.#syncing?.catch(() => {}); // told to whoever began it
    await this.#spares.close();
    this.#file.close();
  }

  async #roll(): Promise<void> {
    const { map } = this;
    this.#beginsSegment = false;
    const before = map.last;
    const spare = await this.#spares.take(before.header.number + 1);
    const file = this.#ports.disk.open(spare, 'write');
    assert(file !== null, 'a spare segment stays until it is used');
    try {
      const header: SegmentHeader = {
        ...before.header,
        number: before.header.number + 1,
        seed: this.#ports.randomness.uint32(),
        firstGroup: map.nextGroup,
        firstPosition: map.nextPosition,
        previousEnd: before.end,
        segmentBytes: this.#limits.segmentBytes,
        groupBytesMax: this.#limits.groupBytesMax,
      };
      const segment = await nameSegment(this.#ports, this.#options, file, header, spare);
      const named = openNamed(this.#ports, segment);
      this.#file.close();
      this.#file = named;
      this.#filledTo = named.size();
      map.addSegment(segment);
    } finally {
      file.close();
    }
  }

  /** On a full disk a file may end within the group: then nobody will ever take what is there for one. */
  #put(whole: Uint8Array, { offset, payloadBytes }: GroupHeader): void {
    try {
      this.#file.write(whole, offset);
    } catch (error) {
      const isTorn = this.#file.size() < offset + groupHeaderBytes + payloadBytes;
      throw isTorn ? notThere(error) : error;
    }
  }

  /** In a file that still grows; large groups gain nothing by it, and a full disk has no room for it. */
  #fillAhead(end: number, bytes: number, segmentBytes: number): void {
    if (end <= this.#filledTo) return;
    const to = bytes < groupBytesLarge ? Math.min(segmentBytes, end + aheadBytes) : end;
    try {
      if (to > end) this.#file.write(new Uint8Array(to - end), end);
    } catch (error) {
      if (!isLockstepError(error, 'disk-full')) throw error;
    }
    this.#filledTo = to;
  }

  /** Zeros ahead are written twice in all: worth it for many small groups, not where the disk's bandwidth is the limit. */
  #prepareNext(segment: Segment, end: number): void {
    if (end <= segment.header.segmentBytes / 2) return;
    const meanBytes = end / (this.map.nextGroup - segment.header.firstGroup + 1);
    if (meanBytes < groupBytesLarge) this.#spares.prepare(segment.header.number + 1);
  }
}

/** Of a segment that grew and did not come to its full size there is nothing to gain. */
const isFull = (segment: Segment): boolean => segment.end > segment.header.segmentBytes / 2;

/** The header, durable, before the name. */
async function nameSegment(
  { disk }: JournalPorts,
  options: JournalOptions,
  file: DiskFile,
  header: SegmentHeader,
  draft: string,
): Promise<Segment> {
  const path = segmentPath(options, header.number);
  file.write(encodeSegmentHeader(header), 0);
  await file.sync();
  disk.rename(draft, path);
  await disk.syncDirectory(options.directory);
  return new Segment(header, path);
}

/** By its name, so that errors tell it. */
function openNamed({ disk }: JournalPorts, segment: Segment): DiskFile {
  const file = disk.open(segment.path, 'write');
  assert(file !== null, 'a segment that was named is there');
  return file;
}

/** What is written again at once. */
const sliceBytes = 1024 * 1024;

/**
 * The last segment, open to write, with everything in it durable as it reads. Groups that nothing proves synced have to
 * be written again; `clearedBytes` behind them become zeros, as far as there are any, and with them whatever is left
 * of groups there: a new one must not end where an old one would seem to follow. 0: what is behind stays.
 */
export async function settle(
  { disk }: Pick<JournalPorts, 'disk'>,
  recovered: Recovered,
  clearedBytes: number,
): Promise<DiskFile> {
  const segment = recovered.map.last;
  const file = disk.open(segment.path, 'write');
  assert(file !== null, 'a segment that was read is there');
  try {
    const from = recovered.unprovenAt ?? segment.end;
    const clearedTo = clearedBytes === 0 ? 0 : Math.max(segment.end + clearedBytes, recovered.leftoverEnd ?? 0);
    // Not past the end of the file: opening needs no space.
    const to = Math.max(segment.end, Math.min(clearedTo, file.size()));
    for (let at = from; at < to; at += sliceBytes) {
      const bytes = new Uint8Array(Math.min(sliceBytes, to - at));
      await file.load(bytes, at);
      bytes.fill(0, Math.min(bytes.length, Math.max(0, segment.end - at)));
      file.write(bytes, at);
    }
    await file.sync();
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}
