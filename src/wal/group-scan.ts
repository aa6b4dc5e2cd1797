/**
 * Reads the groups of one segment in order and verifies each: two large buffers in turn, so that the disk reads ahead
 * while checksums are computed. Says why it ended; what that means is the caller's business (recovery.ts).
 */
import type { DiskFile } from '../env/disk.ts';
import { groupBytes, groupHeaderBytes, readGroup, sectorBytes, type GroupHeader } from './group.ts';
import { headersWithin } from './group-search.ts';
import type { SegmentHeader } from './segment-header.ts';

const chunkBytes = 4 * 1024 * 1024;

export interface ScanState {
  /** Of the next group. */
  offset: number;
  group: number;
  /** Of the next entry. */
  position: number;
}

export type ScanEnd =
  /** At the limit exactly. */
  | { readonly kind: 'limit' }
  /** There is no group here, or none that fits. `torn`: its header, when that is right. */
  | { readonly kind: 'stopped'; readonly torn: GroupHeader | null };

/**
 * Calls `onGroup` for each right group from `state` on, which moves along, up to `limit`. `payload` lies in
 * `bytes` from `start` on and is good during the call alone.
 */
export async function scanGroups(
  file: DiskFile,
  segment: SegmentHeader,
  state: ScanState,
  limit: number,
  onGroup: (header: GroupHeader, bytes: Uint8Array, start: number) => void,
): Promise<ScanEnd> {
  const carryMax = Math.min(groupBytes(segment.groupBytesMax), Math.max(0, limit - state.offset));
  const size = Math.min(chunkBytes, Math.max(sectorBytes, limit - state.offset));
  let [now, next] = [new Uint8Array(carryMax + size), new Uint8Array(carryMax + size)];
  let loadedTo = state.offset;
  let from = carryMax;
  const load = (into: Uint8Array): Promise<number> =>
    file.load(into.subarray(carryMax, carryMax + Math.max(0, Math.min(size, limit - loadedTo))), loadedTo);
  let count = await load(now);
  for (;;) {
    loadedTo += count;
    const more = count === size && loadedTo < limit;
    const ahead = more ? load(next) : null;
    // Heard of below; a crash or a failure in between must not leave it without anybody.
    ahead?.catch(() => {});
    const to = carryMax + count;
    const verdict = scanBuffer(now, from, to, segment, state, onGroup);
    if (verdict.kind === 'bad' || (verdict.kind === 'more' && ahead === null)) {
      await ahead;
      return state.offset === limit ? { kind: 'limit' } : { kind: 'stopped', torn: verdict.torn };
    }
    if (ahead === null) return state.offset === limit ? { kind: 'limit' } : { kind: 'stopped', torn: null };
    count = await ahead;
    const rest = to - verdict.at;
    from = carryMax - rest;
    next.set(now.subarray(verdict.at, to), from);
    [now, next] = [next, now];
  }
}

type BufferVerdict = {
  /** `more`: what is left may be the beginning of a group. */
  readonly kind: 'bad' | 'more';
  readonly at: number;
  readonly torn: GroupHeader | null;
};

function scanBuffer(
  bytes: Uint8Array,
  from: number,
  to: number,
  segment: SegmentHeader,
  state: ScanState,
  onGroup: (header: GroupHeader, bytes: Uint8Array, start: number) => void,
): BufferVerdict {
  let at = from;
  for (;;) {
    if (to - at < groupHeaderBytes) return { kind: 'more', at, torn: null };
    const read = readGroup(bytes, at, to, state.offset, segment.seed);
    if (read.kind === 'none') return { kind: 'bad', at, torn: null };
    if (!follows(read.header, segment, state)) return { kind: 'bad', at, torn: null };
    const length = groupBytes(read.header.payloadBytes);
    if (read.kind === 'damaged') return { kind: 'bad', at, torn: read.header };
    if (read.kind === 'incomplete') return { kind: 'more', at, torn: read.header };
    // Its last bytes are zeros and nothing is lost with them; at the end of a growing file they may be missing.
    onGroup(read.header, bytes, at + groupHeaderBytes);
    state.offset += length;
    state.group = read.header.number + 1;
    state.position = read.header.firstPosition + read.header.entryCount;
    at += length;
    if (at >= to) return { kind: 'more', at: to, torn: null };
  }
}

/** What a writer checks before it writes is checked again here. */
function follows(header: GroupHeader, segment: SegmentHeader, state: ScanState): boolean {
  const { kind, firstPosition, entryCount } = header;
  if (header.number !== state.group) return false;
  if (header.unsynced === 0 && header.durableUpTo !== state.position - 1) return false;
  if (header.payloadBytes > segment.groupBytesMax) return false;
  if (header.offset + groupBytes(header.payloadBytes) > segment.segmentBytes) return false;
  if (kind === 'data') return entryCount > 0 && firstPosition === state.position;
  if (entryCount > 0 || header.payloadBytes > 0) return false;
  return kind === 'mark' ? firstPosition === state.position : firstPosition <= state.position;
}

export interface LaterGroups {
  /** Where a group stands that was written after the one that is missing had been synced; null if none does. */
  readonly proofAt: number | null;
  /** Where those end that prove nothing; null if there is none. */
  readonly end: number | null;
}

/** What stands behind `offset`, where the group of this number is missing or torn. */
export async function findLaterGroups(
  file: DiskFile,
  segment: SegmentHeader,
  offset: number,
  group: number,
): Promise<LaterGroups> {
  let laterEnd: number | null = null;
  for await (const header of headersWithin(file, segment, offset + sectorBytes, file.size())) {
    if (header.number <= group) continue;
    if (header.number - header.unsynced > group) return { proofAt: header.offset, end: null };
    laterEnd = header.offset + groupBytes(header.payloadBytes);
  }
  return { proofAt: null, end: laterEnd };
}
