/**
 * How leases stand in the state, each at the place of whoever claims it, or in the partition's own:
 *
 *     ['lease', name]              → who holds it; after a release at times only the last token
 *     ['wait', name, time, id]     → who waits for it, in order of asking
 *     ['ask', name, id]            → time: where in that order an id is
 *
 * A token is the time of the transaction that gave the lease: it stands in the log and strictly grows over all of them,
 * so a token is greater than all before it though nothing is kept of them, and also after a backup was restored.
 */
import type { Tuple } from '../../bytes/tuple.ts';
import type { Brand } from '../../kernel/brand.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { Space, Transaction } from '../transaction.ts';

/** Compare with `<`: whoever holds a lease later has the larger one. A safe integer. */
export type FencingToken = Brand<number, 'FencingToken'>;

export const leaseSystem = 'lease';
/** What `Transaction.note` tells of. */
export const leaseTopic = 'lease';

export interface Claimant {
  /** Of this claim: asking again with it gives the same answer, and keeps its turn. Unique among all claims of a lease. */
  readonly id: string;
  /** Whom others are told of. */
  readonly owner: string;
  readonly ttlMs: number;
}

export interface Holding extends Claimant {
  readonly token: FencingToken;
  /** In partition time, milliseconds since 1970: earlier than this nobody else gets it, if it is not released. */
  readonly untilMs: number;
  /** Whether somebody may stand in line; false: certainly nobody, so that a release need not look. */
  readonly isAwaited: boolean;
}

export interface Waiter extends Claimant {
  /** By this, in partition time, it is passed over. */
  readonly giveUpMs: number;
}

export interface LeaseId {
  readonly place: string | null;
  readonly name: string;
}

export type LeaseNote = LeaseId &
  (
    | { readonly kind: 'held'; readonly holding: Holding }
    | { readonly kind: 'freed' }
    /** It waits no longer: its deadline has passed, or it gave up. */
    | { readonly kind: 'passed'; readonly id: string }
  );

export const leasesOf = (tx: Transaction): Space => tx.system(leaseSystem, tx.place === null ? 'local' : 'place');

export const leaseKey = (name: string): Tuple => ['lease', name];
export const waitKey = (name: string, at: number, id: string): Tuple => ['wait', name, at, id];
export const askKey = (name: string, id: string): Tuple => ['ask', name, id];

export function note(tx: Transaction, told: LeaseNote): void {
  tx.note(leaseTopic, told);
}

/** Null: nobody holds it. */
export function holdingOf(value: unknown): Holding | null {
  if (value === undefined) return null;
  const { token, owner, id, ttlMs, untilMs, isAwaited = true } = value as Partial<Holding>;
  if (typeof token !== 'number') throw new LockstepError('corrupt', 'what stands where a lease should is none');
  if (owner === undefined || id === undefined || ttlMs === undefined || untilMs === undefined) return null;
  return { token, owner, id, ttlMs, untilMs, isAwaited };
}

/** The last token, if it is still remembered; 0 otherwise. */
export const lastToken = (value: unknown): number => (value === undefined ? 0 : (value as { token: number }).token);

export function waiterOf(value: unknown): Waiter {
  const { owner, id, ttlMs, giveUpMs } = value as Partial<Waiter>;
  if (owner === undefined || id === undefined || ttlMs === undefined || giveUpMs === undefined)
    throw new LockstepError('corrupt', 'what stands where a waiter should is none');
  return { owner, id, ttlMs, giveUpMs };
}
