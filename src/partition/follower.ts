/** Who follows: reads the log as it grows and applies what is in it, through the same functions as whoever leads. */
import type { HybridTimestamp } from '../clock/timestamp.ts';
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Log, LogBatch, LogRecord } from '../log/port.ts';
import { isClaim, ownerOf } from '../log/record.ts';
import { isPassing, pause } from '../log/within.ts';
import type { Lacking } from './checkpoint/checkpoints.ts';
import { decodeGroup } from './group-payload.ts';
import type { Replica } from './replica.ts';

export interface FollowerSetup {
  readonly ports: Pick<Ports, 'timers' | 'randomness'>;
  readonly log: Log;
  readonly replica: Replica;
  readonly signal: AbortSignal;
  /** Whoever claimed leads from here on; null: it was released. */
  readonly onOwner: (owner: string | null) => void;
  /** After each record. */
  readonly onAdvance: () => void;
}

/** Before the log is read on when it could not be. */
const pauseMsMax = 200;

/**
 * Follows until the signal is aborted, and then to the end of the record that it is at: null; or until the log lacks what
 * comes next, because it was trimmed, or begins with a restored state.
 * @throws what ends it for good: LockstepError `corrupt` when the log is another than the one that led to this state,
 * or does not go on from it; `invalid` for records of a newer version; what the log and the tree throw.
 */
export async function follow(setup: FollowerSetup): Promise<Lacking | null> {
  const { ports, log, replica, signal } = setup;
  while (!signal.aborted) {
    try {
      const { position, chain } = replica.place;
      for await (const batch of log.read(position, { chain, signal })) {
        if (batch.kind === 'trimmed') return { earliest: batch.earliest };
        if (batch.kind === 'diverged') throw new EndOfFollowing(divergence(batch, replica));
        for (const record of batch.records) {
          if (signal.aborted) return null;
          if (beginsLater(record, replica)) return { earliest: record.position };
          await replica.pressure.room();
          applyRecord(setup, record);
          setup.onAdvance();
        }
      }
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof EndOfFollowing) throw error.cause;
      if (!isPassing(error)) throw error;
      await pause(ports.timers, ports.randomness.float() * pauseMsMax, [signal]).catch(() => {}); // looked at above
    }
  }
  return null;
}

/** Tells what ends following from what may pass, whatever its kind. */
class EndOfFollowing extends Error {
  override readonly cause: LockstepError;

  constructor(cause: LockstepError) {
    super(cause.message);
    this.cause = cause;
  }
}

function applyRecord({ replica, onOwner }: FollowerSetup, record: LogRecord): void {
  const place = { position: record.position, chain: record.chain };
  if (isClaim(record)) onOwner(ownerOf(record));
  if (record.revisionCount === 0) return replica.advance(place, replica.durableRevision, null);
  const { firstRevision, revisionCount } = record;
  const known = replica.revision;
  // What the tables had before a crash comes again; what comes after it must follow without a gap.
  if (firstRevision > known + 1 || (firstRevision <= known && known > replica.flushedRevision))
    throw new LockstepError('corrupt', 'the log does not go on from the state that is here', {
      values: { position: record.position, expectedRevision: known + 1, foundRevision: firstRevision },
      advice: ['restore this replica from a checkpoint; nothing was overwritten'],
    });
  const { floor, transactions } = decodeGroup(record.payload, revisionCount, replica.levelMax);
  let time: HybridTimestamp | null = null;
  for (const [index, transaction] of transactions.entries()) {
    if (firstRevision + index > known) replica.apply(firstRevision + index, transaction.batch);
    time = transaction.time;
  }
  if (firstRevision > known) replica.noteGroup(firstRevision);
  replica.setFloorInLog(floor);
  replica.advance(place, firstRevision + revisionCount - 1, time);
}

/** The log of a restored partition begins where the backup ends: whoever has nothing needs a checkpoint first. */
const beginsLater = ({ firstRevision, revisionCount }: LogRecord, { revision }: Replica): boolean =>
  revisionCount > 0 && revision === 0 && firstRevision > 1;

function divergence(
  { position, expected, found }: Extract<LogBatch, { readonly kind: 'diverged' }>,
  replica: Replica,
): LockstepError {
  const here = { position: replica.place.position, revision: replica.durableRevision };
  return new LockstepError('corrupt', 'the log diverged: it is not the one that led to the state that is here', {
    values: { ...here, at: position, expected, found },
    advice: ['find out which of the two is right; nothing was overwritten'],
  });
}
