/**
 * Transactions whose function waits: each attempt runs on durable state that stays as it is, and is committed if nothing
 * that it read was changed until it ended; otherwise it is run again, after a random pause that grows.
 */
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { pause } from '../log/within.ts';
import type { Waits } from '../observe/waits.ts';
import { placeOf } from '../ring/slot.ts';
import type { Conflict } from '../storage/transaction/conflict.ts';
import { meaningOf } from './key-space.ts';
import type { Leader } from './leader.ts';
import type { Conflicted, Transaction, TransactAsyncOptions, TransactOutcome } from './transaction.ts';

export interface AsyncSetup {
  readonly ports: Pick<Ports, 'timers' | 'randomness'>;
  readonly waits: Waits | null;
  readonly key: string;
  readonly leader: Leader;
  /** Unless the caller says otherwise. */
  readonly withinMs: number;
}

const attemptsDefault = 10;
/** The first pause is shorter than this, each next one may be twice as long, up to the longest. */
const pauseMs = 2;
const pauseMsMax = 100;

export async function transactAsync<T>(
  { ports, waits, key, leader, withinMs: withinMsDefault }: AsyncSetup,
  placed: string | null,
  fn: (tx: Transaction) => Promise<T>,
  { attempts = attemptsDefault, withinMs = withinMsDefault, commandId }: TransactAsyncOptions,
): Promise<TransactOutcome<T> | Conflicted> {
  if (!(Number.isSafeInteger(attempts) && attempts >= 1 && withinMs > 0 && withinMs < Infinity))
    throw new LockstepError('misuse', 'a transaction has at least one attempt, and a deadline', {
      values: { attempts, withinMs },
    });
  const place = placed === null ? null : placeOf(placed);
  const entry = waits?.enter({ what: 'transact', key, waitsFor: 'its function', withinMs }) ?? null;
  const stop = new AbortController();
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {}); // told by whichever attempt is under way
  const timer = ports.timers.after(withinMs, () => {
    const error = new LockstepError(
      'unavailable',
      'the deadline came before the function ended, and nothing was written',
      {
        values: { key, withinMs },
      },
    );
    late.reject(error);
    stop.abort(error);
  });
  try {
    for (let attempt = 1; ; attempt++) {
      const outcome = await leader.attempt(place, fn, { commandId, late: late.promise });
      if (!('reason' in outcome) || 'kind' in outcome) return outcome;
      if (attempt === attempts) return { kind: 'conflict', attempts, explain: explained(outcome) };
      if (entry !== null) entry.waitsFor = 'its next attempt';
      const ms = ports.randomness.float() * Math.min(pauseMsMax, pauseMs * 2 ** attempt);
      await pause(ports.timers, ms, [stop.signal]);
      if (entry !== null) entry.waitsFor = 'its function';
    }
  } finally {
    timer.cancel();
    entry?.leave();
  }
}

function explained(conflict: Conflict): string {
  if (conflict.reason === 'too-old')
    return 'it lasted longer than recent writes are known by their revisions; let it wait for less';
  const { place, system, key } = meaningOf(conflict.key);
  const where = system ?? (place === null ? 'what has no place' : `the place ${place}`);
  const what = `${JSON.stringify(key.map((part) => (typeof part === 'bigint' ? String(part) : part)))} of ${where}`;
  return `another transaction changed ${what}, which it had read, at revision ${conflict.revision}`;
}
