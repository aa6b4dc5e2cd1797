/**
 * Timers in a transaction: set, move and cancel, which happens with the transaction or not at all. A timer is durable, is
 * due in partition time, belongs to the place of the transaction that set it, and fires exactly once, as a transaction of
 * that place (`timer-service.ts`).
 */
import type { StoredValue } from '../../bytes/value-format.ts';
import { hybridWall, hybridWallMax } from '../../clock/timestamp.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { durationMs, type Duration } from '../../kernel/time.ts';
import type { ReadSpace, Reader, Transaction } from '../transaction.ts';
import { nextCron } from './cron.ts';
import {
  deadKey,
  dueOf,
  putTimer,
  removeTimer,
  timersOf,
  timerSystem,
  type MissedPolicy,
  type TimerId,
} from './timer-state.ts';

interface TimerAbout {
  /** Which of the service's handlers. At most 200 characters. */
  readonly kind: string;
  /** Tells the timers of one kind and place apart: setting one that is set moves it. At most 1,000 characters. */
  readonly name: string;
  /** What the handler is given. Default null. */
  readonly payload?: StoredValue | undefined;
}

/** When it is due: at a time, after a while, or again and again. */
export type TimerOptions = TimerAbout &
  (
    | { readonly at: Date }
    | { readonly after: Duration }
    | {
        /** Minute, hour, day of the month, month, day of the week; in UTC. */
        readonly cron: string;
        /** After a time in which nobody led: run once for all that was missed, or not at all. Default `once`. */
        readonly missed?: MissedPolicy | undefined;
      }
  );

export interface TimerSet {
  /** `moved`: it was set before, and is due at the new time alone, with the new payload. */
  readonly kind: 'set' | 'moved';
  readonly due: Date;
}

/**
 * Sets a timer of the transaction's place, or moves the one of this name. A time that has passed is due at once.
 * @throws LockstepError `misuse` for a date or a pattern that is none, or a name that is too long; `invalid` for a payload
 * that cannot be stored. Then nothing is changed.
 */
export function setTimer(tx: Transaction, options: TimerOptions): TimerSet {
  const id = idOf(tx, options);
  const nowMs = hybridWall(tx.now);
  const cron = 'cron' in options ? options.cron : null;
  const missed = 'missed' in options ? (options.missed ?? 'once') : 'once';
  const dueMs = dueMsOf(options, nowMs);
  const record = { payload: options.payload ?? null, occurrenceMs: dueMs, failures: 0, cron, missed };
  const kind = putTimer(tx, { ...id, dueMs }, record);
  return { kind, due: new Date(dueMs) };
}

/** Takes a timer back; `absent` when there is none, or it has fired. */
export function cancelTimer(tx: Transaction, about: Pick<TimerAbout, 'kind' | 'name'>): 'cancelled' | 'absent' {
  const id = idOf(tx, about);
  const dueMs = dueOf(timersOf(tx), id);
  if (dueMs === null) return 'absent';
  removeTimer(tx, { ...id, dueMs });
  return 'cancelled';
}

/** When a timer of the transaction's place is due; null when it is not set. */
export function timerDue(tx: Transaction, about: Pick<TimerAbout, 'kind' | 'name'>): Date | null {
  const dueMs = dueOf(timersOf(tx), idOf(tx, about));
  return dueMs === null ? null : new Date(dueMs);
}

/** A timer whose handler threw too often. It stays until somebody sets it again or drops it. */
export interface DeadTimer extends TimerId {
  readonly payload: StoredValue;
  /** What it was set for. */
  readonly due: Date;
  readonly failures: number;
  /** What its handler threw last. */
  readonly error: string;
  readonly died: Date;
}

/** Those of all places, by kind, place and name; at most so many. */
export function* deadTimers(reader: Pick<Reader, 'system'>, limit?: number): Iterable<DeadTimer> {
  yield* deadIn(reader.system(timerSystem, null), { limit });
}

/** A dead timer of the transaction's place; null when there is none. */
export function deadTimer(tx: Transaction, about: Pick<TimerAbout, 'kind' | 'name'>): DeadTimer | null {
  return [...deadIn(timersOf(tx), { id: idOf(tx, about) })][0] ?? null;
}

/** Sets a dead timer of the transaction's place again, due now; `absent` when there is none. */
export function reviveTimer(tx: Transaction, about: Pick<TimerAbout, 'kind' | 'name'>): 'revived' | 'absent' {
  const id = idOf(tx, about);
  const dead = deadTimer(tx, about);
  if (dead === null) return 'absent';
  timersOf(tx).delete(deadKey(id));
  setTimer(tx, { ...id, at: dead.due, payload: dead.payload });
  return 'revived';
}

/** Forgets a dead timer of the transaction's place. */
export function dropDeadTimer(tx: Transaction, about: Pick<TimerAbout, 'kind' | 'name'>): 'dropped' | 'absent' {
  const key = deadKey(idOf(tx, about));
  if (timersOf(tx).get(key) === undefined) return 'absent';
  timersOf(tx).delete(key);
  return 'dropped';
}

function* deadIn(
  space: ReadSpace,
  { id, limit }: { readonly id?: TimerId; readonly limit?: number | undefined },
): Iterable<DeadTimer> {
  for (const [key, value] of space.range({ prefix: id === undefined ? ['dead'] : deadKey(id), limit })) {
    const [, kind, place, name] = key as readonly [string, string, string | null, string];
    yield { ...(value as unknown as Omit<DeadTimer, keyof TimerId>), kind, place, name };
  }
}

const kindUnitsMax = 200;
const nameUnitsMax = 1_000;

function idOf(tx: Transaction, { kind, name }: Pick<TimerAbout, 'kind' | 'name'>): TimerId {
  if (kind.length === 0 || kind.length > kindUnitsMax || name.length === 0 || name.length > nameUnitsMax)
    throw new LockstepError('misuse', 'a timer has a kind of 1 to 200 and a name of 1 to 1,000 characters', {
      values: { kind: kind.slice(0, 64), name: name.slice(0, 64) },
    });
  return { kind, name, place: tx.place };
}

function dueMsOf(options: TimerOptions, nowMs: number): number {
  if ('cron' in options) return nextCron(options.cron, nowMs);
  const dueMs = 'at' in options ? options.at.getTime() : Math.ceil(nowMs + durationMs(options.after));
  if (Number.isSafeInteger(dueMs) && dueMs >= 0 && dueMs <= hybridWallMax) return dueMs;
  throw new LockstepError('misuse', 'a timer is due at a date from 1970 to 2089', { values: { dueMs } });
}
