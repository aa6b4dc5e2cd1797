/**
 * Where in the log a revision lies, found without reading the log from its beginning: by the mark that its group left in
 * the state, if versions of that revision are still kept, else by halving, a record at each look. Revisions grow along
 * the log, so the number of records that are read grows with the logarithm of its length.
 */
import { position } from '../log/coordinates.ts';
import type { Log, LogRecord, Position } from '../log/port.ts';
import { decodeMark } from './log-mark.ts';
import { systemNames, type Replica } from './replica.ts';

export interface LogSearch {
  readonly log: Log;
  readonly replica: Replica;
  readonly signal: AbortSignal;
}

/** So few records are rather read than halved. */
const nearCount = 16;

/**
 * After which position to read for a revision: its record comes soon behind it, or, if nothing of before that is kept, the
 * log begins there. A revision that is not there yet: behind all that this replica has.
 * @throws as reading the log.
 */
export async function positionBefore(search: LogSearch, revision: number): Promise<Position> {
  const { replica } = search;
  const last = replica.place.position;
  if (revision > replica.durableRevision) return last;
  const marked = markedBefore(replica, revision);
  if (marked !== null && marked <= last) return position(marked);
  let low = 0;
  let high: number = last;
  while (high - low > nearCount) {
    const middle = Math.floor((low + high) / 2);
    const seen = await look(search, position(middle), position(high));
    if (seen === null) high = middle;
    else if ('earliest' in seen) low = seen.earliest - 1;
    else if (seen.firstRevision > revision) high = middle;
    else low = middle;
  }
  return position(low);
}

/** By the state of that revision; null when versions of it are gone, or nothing is marked. */
function markedBefore(replica: Replica, revision: number): number | null {
  if (revision < replica.floor) return null;
  const value = replica.system(systemNames.log, [], revision);
  return value === undefined ? null : decodeMark(value).position;
}

/** The first record with revisions after one position, up to another; null: there is none. */
async function look(
  { log, signal }: LogSearch,
  after: Position,
  upTo: Position,
): Promise<LogRecord | { readonly earliest: Position } | null> {
  for await (const batch of log.read(after, { batchBytesMax: 1, signal })) {
    if (batch.kind === 'trimmed') return batch;
    if (batch.kind === 'diverged') return null; // whoever reads on from where it ends is told
    for (const record of batch.records) {
      if (record.position > upTo) return null;
      if (record.revisionCount > 0) return record;
    }
    if (batch.records.at(-1)?.position === upTo) return null;
  }
  return null;
}
