/**
 * How timers stand in the state. All of a partition's lie in one order, that of their due times, whatever their place:
 * so what comes next is found by one look, and what is far away is in nobody's memory.
 *
 *     ['due', milliseconds, kind, place, name]  → the timer
 *     ['name', kind, place, name]               → milliseconds: to move and to cancel it
 *     ['dead', kind, place, name]               → a timer whose handler threw too often
 */
import type { Tuple } from '../../bytes/tuple.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { Space, Transaction } from '../transaction.ts';

export const timerSystem = 'timer';
/** What `Transaction.note` tells of. */
export const timerTopic = 'timer';

/** What a repeating timer does about times at which nobody led: run once for all of them, or not at all. */
export type MissedPolicy = 'once' | 'skip';

export interface TimerId {
  /** Which handler. */
  readonly kind: string;
  /** One timer of a kind at a place. */
  readonly name: string;
  readonly place: string | null;
}

/** A timer and when it is due: all that memory keeps of it. */
export interface NearTimer extends TimerId {
  readonly dueMs: number;
}

export interface TimerRecord {
  readonly payload: StoredValue;
  /** The time that it was set for; later than this it is due again after a failure. */
  readonly occurrenceMs: number;
  /** How often its handler has thrown. */
  readonly failures: number;
  /** Null: it is due once. */
  readonly cron: string | null;
  readonly missed: MissedPolicy;
}

export type TimerNote = { readonly kind: 'set' | 'gone'; readonly timer: NearTimer };

export const dueKey = ({ dueMs, kind, place, name }: NearTimer): Tuple => ['due', dueMs, kind, place, name];
const nameKey = ({ kind, place, name }: TimerId): Tuple => ['name', kind, place, name];
export const deadKey = ({ kind, place, name }: TimerId): Tuple => ['dead', kind, place, name];

export const timersOf = (tx: Transaction): Space => tx.system(timerSystem, 'local');

/** When it is due; null when it is not set. */
export function dueOf(space: Pick<Space, 'get'>, id: TimerId): number | null {
  const dueMs = space.get(nameKey(id));
  return typeof dueMs === 'number' ? dueMs : null;
}

/** Sets it, or moves it. What cannot be stored throws before anything is changed. */
export function putTimer(tx: Transaction, timer: NearTimer, record: TimerRecord): 'set' | 'moved' {
  const space = timersOf(tx);
  const before = dueOf(space, timer);
  space.set(dueKey(timer), { ...record });
  if (before !== timer.dueMs) {
    if (before !== null) dropDue(tx, { ...timer, dueMs: before });
    space.set(nameKey(timer), timer.dueMs);
  }
  const note: TimerNote = { kind: 'set', timer };
  tx.note(timerTopic, note);
  return before === null ? 'set' : 'moved';
}

export function removeTimer(tx: Transaction, timer: NearTimer): void {
  timersOf(tx).delete(nameKey(timer));
  dropDue(tx, timer);
}

function dropDue(tx: Transaction, timer: NearTimer): void {
  timersOf(tx).delete(dueKey(timer));
  const note: TimerNote = { kind: 'gone', timer };
  tx.note(timerTopic, note);
}

/** Null: it was fired, moved or cancelled. */
export function timerAt(space: Pick<Space, 'get'>, timer: NearTimer): TimerRecord | null {
  const value = space.get(dueKey(timer));
  if (value === undefined) return null;
  const { payload, occurrenceMs, failures, cron, missed } = value as unknown as Partial<TimerRecord>;
  if (payload === undefined || typeof occurrenceMs !== 'number' || typeof failures !== 'number' || cron === undefined)
    throw new LockstepError('corrupt', 'what stands where a timer should is none', { values: { ...timer } });
  return { payload, occurrenceMs, failures, cron, missed: missed === 'skip' ? 'skip' : 'once' };
}

/** What a key of `['due', …]` says. */
export function nearTimerOf(key: Tuple): NearTimer {
  const [, dueMs, kind, place, name] = key;
  const isOne = typeof dueMs === 'number' && typeof kind === 'string' && typeof name === 'string';
  if (isOne && (place === null || typeof place === 'string')) return { dueMs, kind, place, name };
  throw new LockstepError('corrupt', 'the key of a timer is none', { values: { parts: key.length } });
}
