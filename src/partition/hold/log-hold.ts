/**
 * Holds that last: from a token on the log is kept for somebody by name, over restarts and changes of leader, until it
 * moves on, lets go, its time is over, or it is too many records behind. They stand in the state, so whoever keeps its own
 * place there too moves both in one transaction.
 */
import { hybridWall } from '../../clock/timestamp.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { revisionHere } from '../token-here.ts';
import type { Reader, Token, Transaction } from '../transaction.ts';

export interface LogHoldOptions {
  /** It is lost once so many records lie behind its place. Default 1,000,000. */
  readonly recordsMax?: number | undefined;
  /** It is lost when it was not moved for so long, in milliseconds of partition time. Default 7 days. */
  readonly idleMsMax?: number | undefined;
}

export interface LogHold {
  readonly name: string;
  /** What came after this revision is kept. */
  readonly revision: number;
  /** In partition time: when it was moved last, and when it is lost if it is not moved again; milliseconds since 1970. */
  readonly movedMs: number;
  readonly untilMs: number;
  readonly recordsMax: number;
}

/** The product's own state of this name: a hold by its name. */
export const holdSystem = 'hold';
/** What `Transaction.note` tells of: the hold's name. */
export const holdTopic = 'hold';
const holdsMax = 1_000;
const recordsMaxDefault = 1_000_000;
const idleMsMaxDefault = 7 * 24 * 60 * 60_000;

/**
 * Keeps the log after a token, as far as it is there, under a name: a new hold, or one that moves on. `changes` from there
 * tells whether it was still there.
 * @throws LockstepError `invalid` for a token of another partition; `misuse` for a bound that is none, or too many holds.
 */
export function holdLog(tx: Transaction, name: string, token: Token, options: LogHoldOptions = {}): void {
  const { recordsMax = recordsMaxDefault, idleMsMax = idleMsMaxDefault } = options;
  if (!(recordsMax > 0 && Number.isSafeInteger(recordsMax) && idleMsMax > 0 && Number.isFinite(idleMsMax)))
    throw new LockstepError('misuse', 'a hold has bounds above 0', { values: { name, recordsMax, idleMsMax } });
  const revision = revisionHere(tx, token);
  const space = tx.system(holdSystem, 'local');
  if (space.get([name]) === undefined && [...space.range()].length >= holdsMax)
    throw new LockstepError('misuse', 'a partition has too many holds', { values: { name, holdsMax } });
  const movedMs = hybridWall(tx.now);
  space.set([name], { revision, movedMs, untilMs: movedMs + Math.ceil(idleMsMax), recordsMax });
  tx.note(holdTopic, name);
}

/** Lets go. False: there is no such hold; perhaps it was lost. */
export function releaseLog(tx: Transaction, name: string): boolean {
  const space = tx.system(holdSystem, 'local');
  if (space.get([name]) === undefined) return false;
  space.delete([name]);
  tx.note(holdTopic, name);
  return true;
}

/** In the order of their names; those that were lost are not among them. @throws LockstepError `corrupt`. */
export function logHolds(reader: Pick<Reader, 'system'>): LogHold[] {
  const holds: LogHold[] = [];
  for (const [[name], value] of reader.system(holdSystem, null).range()) {
    const { revision, movedMs, untilMs, recordsMax } = (value ?? {}) as { readonly [key in keyof LogHold]?: unknown };
    const isHold = [revision, movedMs, untilMs, recordsMax].every((one) => typeof one === 'number');
    if (typeof name !== 'string' || !isHold)
      throw new LockstepError('corrupt', 'a hold of the log is not what was written');
    holds.push({ name, revision, movedMs, untilMs, recordsMax } as LogHold);
  }
  return holds;
}
