/**
 * What a journal's files say, without changing them. Damage before the end that the next segment states, or with a
 * group behind it that was written after it was synced, is `corrupt`; only what nothing proves synced may be torn, and
 * is left out from there on.
 */
import type { Disk, DiskFile } from '../env/disk.ts';
import { LockstepError, type ErrorValues } from '../kernel/errors.ts';
import { groupBytes, type GroupHeader } from './group.ts';
import { findLaterGroups, scanGroups, type ScanState } from './group-scan.ts';
import { groupsTowards } from './group-search.ts';
import { listFiles, segmentPath, type JournalFiles } from './segment-files.ts';
import { decodeSegmentHeader, segmentHeaderBytes, type SegmentHeader } from './segment-header.ts';
import { Segment, SegmentMap } from './segment-map.ts';

/** A place in a journal's files: where a group ends. */
export interface JournalPlace {
  readonly segment: number;
  /** In bytes. */
  readonly offset: number;
}

/** The torn end that recovery left out: groups that were never acknowledged, or whose sync never ended. */
export interface JournalCut {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface Recovered {
  readonly map: SegmentMap;
  /** The last group; null when the last segment holds none. */
  readonly lastGroup: GroupHeader | null;
  /** Where the groups begin whose sync nobody vouches for; null if there are none. */
  readonly unprovenAt: number | null;
  /** Up to where groups lie behind the end that must never be taken for others; null if there are none. */
  readonly leftoverEnd: number | null;
  readonly cut: JournalCut | null;
}

type Tail = Omit<Recovered, 'map'>;
const nothingTorn: Tail = { lastGroup: null, unprovenAt: null, leftoverEnd: null, cut: null };

/**
 * `whole`: every group is read and verified. `end`: as many as it takes to know where the journal ends, since they prove all
 * before them durable; the others are verified when they are read. For a journal that is never cut.
 */
export type JournalReading = 'whole' | 'end';

export interface RecoverOptions {
  /** Default `whole`. */
  readonly reading?: JournalReading | undefined;
  /** Only what is before this place counts, and all of it must be right. */
  readonly end?: JournalPlace | undefined;
  /** Sees every group that is read. */
  readonly onGroup?: ((segment: Segment, header: GroupHeader) => void) | undefined;
}

/**
 * Null if there are no segments.
 * @throws LockstepError `corrupt`, `invalid`, `disk-failed`, with path and offset.
 */
export async function recover(
  disk: Disk,
  files: JournalFiles,
  options: RecoverOptions = {},
): Promise<Recovered | null> {
  const numbers = (listFiles(disk, files)?.segments ?? []).filter((one) => one <= (options.end?.segment ?? Infinity));
  const [first] = numbers;
  if (first === undefined) return null;
  const map = new SegmentMap();
  let tail = nothingTorn;
  let segment = openSegment(disk, files, first);
  for (const [index, number] of numbers.entries()) {
    if (number !== first + index) throw missing(files, first + index);
    map.addSegment(segment.segment);
    const following = number === numbers.at(-1) ? null : openFollowing(disk, files, segment, number + 1);
    try {
      tail = await scanSegment(segment, map, following?.segment.header ?? null, options);
    } catch (error) {
      following?.file.close();
      throw error;
    } finally {
      segment.file.close();
    }
    if (following !== null) segment = following;
  }
  if (options.end !== undefined && options.end.segment !== numbers.at(-1)) throw missing(files, options.end.segment);
  return { map, ...tail };
}

interface OpenSegment {
  readonly segment: Segment;
  readonly file: DiskFile;
}

function openSegment(disk: Disk, files: JournalFiles, number: number): OpenSegment {
  const path = segmentPath(files, number);
  const file = disk.open(path, 'read');
  if (file === null) throw missing(files, number);
  try {
    const bytes = new Uint8Array(segmentHeaderBytes);
    const header = decodeSegmentHeader(bytes.subarray(0, file.read(bytes, 0)), path);
    if (header.number !== number) {
      throw corrupt('a segment bears the number of another', path, 32, { number: header.number });
    }
    return { segment: new Segment(header, path), file };
  } catch (error) {
    file.close();
    throw error;
  }
}

function openFollowing(disk: Disk, files: JournalFiles, before: OpenSegment, number: number): OpenSegment {
  try {
    const opened = openSegment(disk, files, number);
    const [mine, other] = [before.segment.header, opened.segment.header];
    if (mine.journalId.every((byte, index) => byte === other.journalId[index])) return opened;
    opened.file.close();
    throw new LockstepError('invalid', 'a segment belongs to another journal', {
      values: { path: opened.segment.path, offset: 16 },
      advice: ['move it back to where it came from'],
    });
  } catch (error) {
    before.file.close();
    throw error;
  }
}

async function scanSegment(
  open: OpenSegment,
  map: SegmentMap,
  following: SegmentHeader | null,
  options: RecoverOptions,
): Promise<Tail> {
  const { header } = open.segment;
  const stated = following?.previousEnd ?? (options.end?.segment === header.number ? options.end.offset : null);
  const first = { offset: segmentHeaderBytes, group: map.nextGroup, position: map.nextPosition };
  if (options.reading === 'end') {
    if (following !== null) {
      map.passTo({ offset: following.previousEnd, group: following.firstGroup, position: following.firstPosition });
      return nothingTorn;
    }
    const late = await groupsTowards(
      open.file,
      header,
      { from: first.offset, to: stated ?? open.file.size() },
      () => true,
    );
    for (const { offset, number: group, firstPosition: position } of late.toReversed()) {
      map.passTo({ offset, group, position });
      const tail = await scanFrom(open, map, stated, options);
      if (tail.proven >= group || stated !== null) return tail;
    }
    map.passTo(first);
  }
  const tail = await scanFrom(open, map, stated, options);
  if (following !== null && (following.firstGroup !== map.nextGroup || following.firstPosition !== map.nextPosition)) {
    throw corrupt('a segment does not go on where the one before it ended', open.segment.path, open.segment.end, {
      group: map.nextGroup,
      position: map.nextPosition,
    });
  }
  return tail;
}

/** Adds the groups from where the map's last segment ends, which is this one. `stated`: where they end, if it is known. */
async function scanFrom(
  { segment, file }: OpenSegment,
  map: SegmentMap,
  stated: number | null,
  { onGroup }: RecoverOptions,
): Promise<Tail & { readonly proven: number }> {
  const { header, path } = segment;
  const state: ScanState = { offset: segment.end, group: map.nextGroup, position: map.nextPosition };
  let lastGroup: GroupHeader | null = null;
  const unproven = new UnprovenGroups();
  const take = (group: GroupHeader): void => {
    map.addGroup(group);
    lastGroup = group;
    unproven.add(group);
    onGroup?.(segment, group);
  };
  for (let before = -1; ;) {
    const scanned = await scanGroups(file, header, state, stated ?? file.size(), take);
    const { proven, at: unprovenAt } = unproven;
    if (stated !== null) {
      if (scanned.kind === 'limit') return { ...nothingTorn, lastGroup, unprovenAt, proven };
      throw corrupt('a group is not what was written', path, state.offset, { groupsEndAt: stated });
    }
    const later = await findLaterGroups(file, header, state.offset, state.group);
    const torn = scanned.kind === 'stopped' ? scanned.torn : null;
    if (later.proofAt === null) {
      const cut = cutOf(path, file, state.offset, torn, later.end);
      return { lastGroup, unprovenAt, leftoverEnd: later.end, cut, proven };
    }
    // Its writer may be alive, and have written both since; what is damaged stays as it is when looked at again.
    if (before === state.offset) {
      throw corrupt('a group is not what was written, and is not the last', path, state.offset, {
        laterGroupAt: later.proofAt,
      });
    }
    before = state.offset;
  }
}

/** Of the groups that were read those that no later one proves synced. */
class UnprovenGroups {
  readonly #groups: GroupHeader[] = [];
  #from = 0;

  /** All groups before this one are durable. */
  proven = 0;

  add(group: GroupHeader): void {
    this.#groups.push(group);
    this.proven = Math.max(this.proven, group.number - group.unsynced);
    while ((this.#groups[this.#from] as GroupHeader).number < this.proven) this.#from++;
    if (this.#from < 1_024) return;
    this.#groups.splice(0, this.#from);
    this.#from = 0;
  }

  get at(): number | null {
    return this.#groups[this.#from]?.offset ?? null;
  }
}

/** Of a group whose header is missing nothing can be told but that something is there; behind recycled bytes not even that. */
function cutOf(
  path: string,
  file: DiskFile,
  offset: number,
  torn: GroupHeader | null,
  laterEnd: number | null,
): JournalCut | null {
  if (torn === null && laterEnd === null) return null;
  const end = laterEnd ?? offset + groupBytes(torn?.payloadBytes ?? 0);
  return { file: path, offset, bytes: Math.min(end - offset, Math.max(0, file.size() - offset)) };
}

const corrupt = (message: string, path: string, offset: number, values: ErrorValues = {}): LockstepError =>
  new LockstepError('corrupt', message, {
    values: { path, offset, ...values },
    advice: ['restore it from a replica or a backup; nothing was changed'],
  });

const missing = (files: JournalFiles, number: number): LockstepError =>
  corrupt('a segment is missing', segmentPath(files, number), 0);
