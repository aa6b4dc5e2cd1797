/**
 * What happens when a timer is due, each in one transaction: it is taken away and its handler runs; or, when that threw,
 * it is put off, or laid where the dead are. So it fires exactly once, whoever leads.
 */
import type { StoredValue } from '../../bytes/value-format.ts';
import { hybridWall } from '../../clock/timestamp.ts';
import type { Transaction } from '../transaction.ts';
import { nextCron } from './cron.ts';
import {
  deadKey,
  putTimer,
  removeTimer,
  timerAt,
  timersOf,
  type NearTimer,
  type TimerId,
  type TimerRecord,
} from './timer-state.ts';

/** What a handler is told. */
export interface FiredTimer extends TimerId {
  readonly payload: StoredValue;
  /** What it was set for; of a repeating one, this time of it. */
  readonly due: Date;
  /** How often this was tried before, and threw. */
  readonly failures: number;
  /** When a repeating one is due next; null otherwise. */
  readonly next: Date | null;
}

/**
 * Runs in the transaction that takes the timer away, at the timer's place; synchronous. What it throws rolls both back, and
 * it is tried again later.
 */
export type TimerHandler = (tx: Transaction, fired: FiredTimer) => void;

export interface TimerPolicy {
  /** A handler that threw is tried so often in all. Default 10. */
  readonly attemptsMax: number;
  /** The pause after the first failure, in milliseconds; twice as long after each. Default 1,000. */
  readonly backoffMs: number;
  /** The longest. Default 5 min. */
  readonly backoffMsMax: number;
  /** A time of a repeating timer counts as missed when it is later than this, in milliseconds. Default 60,000. */
  readonly missedAfterMs: number;
}

export type Fired =
  /** Late by so much, in partition time. */
  | { readonly kind: 'fired' | 'skipped'; readonly lateMs: number }
  /** Fired, moved or cancelled before. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'early' };

export function fireTimer(tx: Transaction, timer: NearTimer, handler: TimerHandler, policy: TimerPolicy): Fired {
  const record = timerAt(timersOf(tx), timer);
  if (record === null) return { kind: 'gone' };
  const nowMs = hybridWall(tx.now);
  if (nowMs < timer.dueMs) return { kind: 'early' };
  const lateMs = nowMs - timer.dueMs;
  const next = goOn(tx, timer, record, nowMs);
  const isMissed = record.cron !== null && record.failures === 0 && lateMs > policy.missedAfterMs;
  if (isMissed && record.missed === 'skip') return { kind: 'skipped', lateMs };
  const { kind, name, place } = timer;
  const { payload, failures } = record;
  handler(tx, { kind, name, place, payload, failures, due: new Date(record.occurrenceMs), next });
  return { kind: 'fired', lateMs };
}

export type Failed =
  | { readonly kind: 'put-off'; readonly failures: number }
  | { readonly kind: 'died'; readonly failures: number }
  | { readonly kind: 'gone' };

/** Its handler threw: see `TimerPolicy`. */
export function failTimer(tx: Transaction, timer: NearTimer, error: string, policy: TimerPolicy): Failed {
  const record = timerAt(timersOf(tx), timer);
  if (record === null) return { kind: 'gone' };
  const nowMs = hybridWall(tx.now);
  const failures = record.failures + 1;
  if (failures < policy.attemptsMax) {
    const pauseMs = Math.min(policy.backoffMs * 2 ** Math.min(record.failures, 40), policy.backoffMsMax);
    putTimer(tx, { ...timer, dueMs: Math.ceil(nowMs + pauseMs) }, { ...record, failures });
    return { kind: 'put-off', failures };
  }
  const { payload, occurrenceMs } = record;
  const dead = { payload, failures, error, due: new Date(occurrenceMs), died: new Date(nowMs) };
  timersOf(tx).set(deadKey(timer), dead);
  goOn(tx, timer, record, nowMs);
  return { kind: 'died', failures };
}

/** Takes this time of it away, and sets the next one if it repeats. */
function goOn(tx: Transaction, timer: NearTimer, record: TimerRecord, nowMs: number): Date | null {
  if (record.cron === null) {
    removeTimer(tx, timer);
    return null;
  }
  const dueMs = nextCron(record.cron, nowMs);
  putTimer(tx, { ...timer, dueMs }, { ...record, occurrenceMs: dueMs, failures: 0 });
  return new Date(dueMs);
}
