/**
 * Timers of machines that failed too often, shown and settled as dead letters are: a message for later that could not be sent,
 * a state that could not end. Their ids are `timer/KIND/PLACE/NAME`, each part as in a URL.
 */
import type { StoredValue } from '../bytes/value-format.ts';
import { hybridOf } from '../clock/timestamp.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { wallTime } from '../kernel/time.ts';
import { sendTimer } from '../machine/effects.ts';
import type { DeadLetter } from '../partition/channel/dead-letters.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { TimerHandler } from '../partition/timer/timer-fire.ts';
import { deadTimer, dropDeadTimer, type DeadTimer } from '../partition/timer/timer.ts';
import type { Rejection, Transaction, TransactOutcome } from '../partition/transaction.ts';

export interface DeadTimersSetup {
  readonly partitions: Partitions;
  /** By kind: those of the machines. */
  readonly timers: Readonly<Record<string, TimerHandler>>;
}

interface TimerName {
  readonly kind: string;
  readonly place: string;
  readonly name: string;
}

const idPattern = /^timer\/([^/]+)\/([^/]*)\/([^/]+)$/;

export const isTimerId = (id: string): boolean => idPattern.test(id);

/** As dead letters: `sentAt` is when it was due, `from` its place. The first 100 of a partition. */
export async function deadTimersOf(
  { partitions, timers }: DeadTimersSetup,
  partition: number,
): Promise<readonly DeadLetter[]> {
  const found = await partitions.deadTimers(partition);
  return found.filter(({ kind }) => Object.hasOwn(timers, kind)).map(letterOf);
}

/** Runs its handler once more, now, in one transaction with its removal; it stays where that throws. */
export function retryDeadTimer(
  { partitions, timers }: DeadTimersSetup,
  partition: number,
  id: string,
): Promise<TransactOutcome<null | Rejection>> {
  return settled(partitions, partition, id, (tx, { kind, name, place, payload, failures, due }) => {
    const handler = Object.hasOwn(timers, kind) ? timers[kind] : undefined;
    if (handler === undefined) return noSuchLetter;
    dropDeadTimer(tx, { kind, name });
    handler(tx, { kind, name, place, payload, failures, due, next: null });
    return null;
  });
}

/** Removes it without any effect. */
export function discardDeadTimer(
  { partitions }: DeadTimersSetup,
  partition: number,
  id: string,
): Promise<TransactOutcome<null | Rejection>> {
  return settled(partitions, partition, id, (tx, about) => {
    dropDeadTimer(tx, about);
    return null;
  });
}

async function settled(
  partitions: Partitions,
  partition: number,
  id: string,
  settle: (tx: Transaction, timer: DeadTimer) => null | Rejection,
): Promise<TransactOutcome<null | Rejection>> {
  const { kind, place, name } = nameOf(id);
  if (partitions.indexOf(place) !== partition) return noSuchLetter;
  return partitions.transact(place, (tx): null | Rejection => {
    const timer = deadTimer(tx, { kind, name });
    return timer === null ? noSuchLetter : settle(tx, timer);
  });
}

function letterOf({ kind, place, name, payload, failures, error, due, died }: DeadTimer): DeadLetter {
  const { to, key, message } = payload as {
    readonly to?: string;
    readonly key?: string;
    readonly message?: StoredValue;
  }; // as machines set them
  const [deadAt, dueAt] = [died, due].map((at) => hybridOf({ wall: wallTime(at.getTime()), counter: 0 }));
  assert(deadAt !== null && deadAt !== undefined, 'a timer has died in the time of its partition');
  return {
    id: ['timer', kind, place ?? '', name].map(encodeURIComponent).join('/'),
    to: to ?? key ?? '',
    from: place,
    sentAt: dueAt ?? deadAt,
    message: kind === sendTimer ? (message ?? null) : { timer: kind, payload },
    attempts: failures,
    why: error,
    deadAt,
  };
}

function nameOf(id: string): TimerName {
  try {
    const [kind = '', place = '', name = ''] = (idPattern.exec(id) ?? []).slice(1).map(decodeURIComponent);
    if (kind !== '') return { kind, place, name };
  } catch {
    // no text as in a URL
  }
  throw new LockstepError('invalid', 'this is no id of a timer', { values: { id: id.slice(0, 64) } });
}

const noSuchLetter: Rejection<'no-such-letter', null> = Object.freeze({
  kind: 'rejected',
  code: 'no-such-letter',
  details: null,
});
