/**
 * Finds groups of a segment without reading those before them: a header is told from all else by its checksum, its seed and
 * the offset that it states. What a group holds is not read here.
 */
import type { DiskFile } from '../env/disk.ts';
import { decodeGroupHeader, groupBytes, groupHeaderBytes, sectorBytes, type GroupHeader } from './group.ts';
import type { SegmentHeader } from './segment-header.ts';

/** What is loaded first, as a group is often near, and at most. */
const loadBytes = 64 * 1024;
const loadBytesMax = 1024 * 1024;
/** Of a segment: halving further would take longer than reading so much. */
const nearShare = 1 / 256;

/** The headers that stand in a range of the file, in order, whether or not what lies between them is right. */
export async function* headersWithin(
  file: DiskFile,
  segment: SegmentHeader,
  from: number,
  to: number,
): AsyncGenerator<GroupHeader, void, undefined> {
  for (let [base, size] = [from, loadBytes]; base < to; base += size, size = Math.min(4 * size, loadBytesMax)) {
    const bytes = new Uint8Array(Math.min(size, to - base));
    const count = await file.load(bytes, base);
    for (let at = 0; at + groupHeaderBytes <= count; at += sectorBytes) {
      const header = decodeGroupHeader(bytes, at, base + at, segment.seed);
      if (header !== null) yield header;
    }
  }
}

/**
 * Groups of the range, each nearer to the last one for which `isBefore` holds, found by halving; none if that is near the
 * beginning. `isBefore` holds up to some group and for none behind it.
 */
export async function groupsTowards(
  file: DiskFile,
  segment: SegmentHeader,
  range: { readonly from: number; readonly to: number },
  isBefore: (header: GroupHeader) => boolean,
): Promise<readonly GroupHeader[]> {
  const found: GroupHeader[] = [];
  const nearBytes = Math.max(sectorBytes, segment.segmentBytes * nearShare);
  let [low, high] = [range.from, range.to];
  while (high - low > nearBytes) {
    const middle = low + Math.ceil((high - low) / 2 / sectorBytes) * sectorBytes;
    const to = Math.min(high, middle + groupBytes(segment.groupBytesMax));
    const next = await headersWithin(file, segment, middle, to).next();
    if (next.done !== true && isBefore(next.value)) {
      found.push(next.value);
      low = next.value.offset;
    } else high = middle;
  }
  return found;
}
