/** Where a revision lies is found with few reads, wherever it is, whatever was trimmed, with marks and without. */
import { expect, test } from 'vitest';
import { beforeFirst, position } from '../log/coordinates.ts';
import type { Log, LogBatch, LogReadOptions, LogRecord, Position } from '../log/port.ts';
import { positionBefore } from './log-search.ts';
import type { Replica } from './replica.ts';

/** A log of so many records, each of two revisions, but for every tenth, which is a claim; and how often it was read. */
function logOf(count: number, trimmedTo = 0): { readonly log: Log; readonly read: { records: number } } {
  const read = { records: 0 };
  const record = (at: number): Pick<LogRecord, 'position' | 'firstRevision' | 'revisionCount'> => ({
    position: position(at),
    firstRevision: firstRevisionAt(at),
    revisionCount: at % 10 === 1 ? 0 : 2,
  });
  const records = async function* (
    from: Position,
    options: LogReadOptions = {},
  ): AsyncGenerator<LogBatch, void, undefined> {
    if (from < trimmedTo) return yield { kind: 'trimmed', earliest: position(trimmedTo + 1) };
    expect(options.batchBytesMax).toBe(1);
    for (let at = from + 1; at <= count; at++) {
      read.records++;
      yield { kind: 'records', records: [record(at) as LogRecord] };
    }
    throw new Error('a reader would wait here for ever');
  };
  return { log: { read: records } as unknown as Log, read };
}

/** A claim counts the revision that comes next. */
const firstRevisionAt = (at: number): number => 1 + 2 * (at - 1 - Math.ceil((at - 1) / 10));

const replicaOf = (count: number, floor = Infinity): Replica =>
  ({
    place: { position: position(count), chain: undefined },
    durableRevision: firstRevisionAt(count + 1) - 1,
    floor,
  }) as unknown as Replica;

const search = (log: Log, replica: Replica, revision: number): Promise<Position> =>
  positionBefore({ log, replica, signal: new AbortController().signal }, revision);

test('in a log of a million records any revision is found with fewer than fifty of them read', async () => {
  const count = 1_000_000;
  const replica = replicaOf(count);
  const last = replica.durableRevision;
  for (const revision of [1, 2, 3, 1_000, 777_777, last - 1, last]) {
    const { log, read } = logOf(count);
    const at = await search(log, replica, revision);
    expect(read.records).toBeLessThan(50);
    expect(firstRevisionAt(at + 1)).toBeLessThanOrEqual(revision);
    expect(firstRevisionAt(at + 1)).toBeGreaterThan(revision - 40);
  }
});

test('every revision of a short log is found, also where its beginning is trimmed', async () => {
  const count = 60;
  for (const trimmedTo of [0, 1, 20, 55]) {
    const replica = replicaOf(count);
    for (let revision = 1; revision <= replica.durableRevision; revision++) {
      const at = await search(logOf(count, trimmedTo).log, replica, revision);
      const isKept = firstRevisionAt(trimmedTo + 1) <= revision;
      if (isKept) expect(firstRevisionAt(at + 1)).toBeLessThanOrEqual(revision);
      expect(at).toBeLessThanOrEqual(Math.max(trimmedTo, count));
    }
  }
});

test('what is not there yet comes behind all that is, and an empty log begins at its beginning', async () => {
  const { log, read } = logOf(100);
  const replica = replicaOf(100);
  expect(await search(log, replica, replica.durableRevision + 1)).toBe(100);
  expect(await search(logOf(0).log, replicaOf(0), 1)).toBe(beforeFirst);
  expect(read.records).toBe(0);
});
