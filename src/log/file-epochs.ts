/** The epochs that make up a log, as its files say. */
import type { Disk } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Journal } from '../wal/journal.ts';
import { viewJournal, type JournalView } from '../wal/journal-view.ts';
import type { JournalCut, JournalPlace } from '../wal/recovery.ts';
import { listFiles, segmentPath } from '../wal/segment-files.ts';
import { decodeSegmentHeader, segmentHeaderBytes } from '../wal/segment-header.ts';
import { epoch, position } from './coordinates.ts';
import { decodeOrigin, epochFiles, listOpenLog, type Origin } from './file-format.ts';
import type { Epoch, LogId, Position } from './port.ts';

/** One epoch's records from `after` on. */
export interface Part {
  readonly epoch: Epoch;
  readonly after: Position;
  readonly source: Journal | JournalView;
  /** Where it ends, once another epoch goes on from there; null while it may grow. */
  upTo: Position | null;
}

export const endOf = (part: Part): Position => part.upTo ?? position(part.source.next - 1);

/** One epoch's journal as its files say, up to `end` if that is known: no more of it is read than its end. */
export const viewEpoch = (
  disk: Disk,
  directory: string,
  of: Epoch,
  end: JournalPlace | undefined,
): Promise<JournalView | null> => viewJournal(disk, epochFiles(directory, of), { end, reading: 'end' });

export interface PartsContext {
  readonly ports: { readonly disk: Disk };
  readonly directory: string;
  readonly id: LogId;
  /** Hears of a torn end that was left out. */
  readonly onCut: ((cut: JournalCut) => void) | null;
}

/**
 * What the files say: the newest epoch, and from each the one before it, as far as they are kept. Begins anew when the
 * process that had the log removed what was being read.
 *
 * An epoch that is not there counts as trimmed, with all before it. That older ones are there proves nothing else: who
 * claimed and was overtaken may make its segment late, when all around it is trimmed already.
 */
export async function loadParts(context: PartsContext): Promise<Part[]> {
  const { ports, directory } = context;
  const { disk } = ports;
  for (;;) {
    const before = listOpenLog(disk, directory).files;
    try {
      return await load(context);
    } catch (error) {
      const now = new Set(listOpenLog(disk, directory).files.map(({ name }) => name));
      if (before.every(({ name }) => now.has(name) || name.endsWith('.spare'))) throw error;
    }
  }
}

async function load({ ports, directory, id, onCut }: PartsContext): Promise<Part[]> {
  const { disk } = ports;
  const parts: Part[] = [];
  const listing = listOpenLog(disk, directory);
  let next: Epoch = listing.epochs.at(-1) ?? epoch(0);
  let end: JournalPlace | undefined;
  let upTo: Position | null = null;
  while (next !== 0 && listing.epochs.includes(next)) {
    const files = epochFiles(directory, next);
    const view = await viewEpoch(disk, directory, next, end);
    if (view === null) break;
    const path = segmentPath(files, listFiles(disk, files)?.segments[0] ?? 1);
    const origin = decodeOrigin(view.origin, path);
    if (origin.id !== id)
      throw new LockstepError('invalid', 'a segment is of another log', {
        values: { path, offset: 84, expected: id, found: origin.id },
        advice: ['move it back to where it came from'],
      });
    if (end === undefined) {
      await view.settle();
      if (view.cut !== null) onCut?.(view.cut);
    }
    const last = position(view.next - 1);
    if (upTo !== null && last !== upTo)
      throw new LockstepError('corrupt', 'an epoch does not end where the next one goes on', {
        values: { path, offset: end?.offset ?? 0, expected: upTo, found: last },
      });
    parts.unshift({ epoch: next, after: origin.upTo, source: view, upTo: last });
    if (view.first > origin.upTo + 1) break;
    [next, end, upTo] = [origin.before, origin.end, origin.upTo];
  }
  return parts;
}

/** Where an epoch says that it goes on from; null while it has no segment. */
export function originOf(disk: Disk, directory: string, of: Epoch): Origin | null {
  const files = epochFiles(directory, of);
  const number = listFiles(disk, files)?.segments[0];
  const path = number === undefined ? '' : segmentPath(files, number);
  const file = number === undefined ? null : disk.open(path, 'read');
  if (file === null) return null;
  try {
    const bytes = new Uint8Array(segmentHeaderBytes);
    return decodeOrigin(decodeSegmentHeader(bytes.subarray(0, file.read(bytes, 0)), path).origin, path);
  } finally {
    file.close();
  }
}
