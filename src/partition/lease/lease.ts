/**
 * Leases in a transaction: claim, renew, release, give up, and refuse whoever holds one no longer. Who holds a lease is
 * state; whoever gives it up gives it to the next who waits, in the same transaction. That its holder is gone is found
 * out by `lease-service.ts`; that it must stop in time is its own business, see `lease-holder.ts`.
 */
import { hybridWall } from '../../clock/timestamp.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { ReadSpace, Reader, Rejection, Transaction } from '../transaction.ts';
import {
  askKey,
  holdingOf,
  lastToken,
  leaseKey,
  leasesOf,
  leaseSystem,
  note,
  waiterOf,
  waitKey,
  type Claimant,
  type FencingToken,
  type Holding,
  type LeaseId,
  type Waiter,
} from './lease-state.ts';

export interface LeaseClaim extends Claimant {
  /** Of the transaction's place. At most 1,000 characters. */
  readonly name: string;
  /** It waits for its turn, at most so long in partition time, in milliseconds. Default 0: now or not at all. */
  readonly waitMs?: number | undefined;
  /** So many wait at most. Default 1,000. */
  readonly waitersMax?: number | undefined;
}

/** What a holder shows. */
export interface Lease {
  readonly name: string;
  readonly token: FencingToken;
}

export type ClaimOutcome =
  /** `isNew`: by this transaction; otherwise an earlier one had granted it, and part of its ttl is over. */
  | { readonly kind: 'granted'; readonly token: FencingToken; readonly untilMs: number; readonly isNew: boolean }
  /** It stands in line, behind so many; it is told by `leaseService`, or asks again with the same id. */
  | { readonly kind: 'waiting'; readonly behind: number; readonly holder: HeldBy }
  | { readonly kind: 'held'; readonly holder: HeldBy }
  /** Too many wait. */
  | { readonly kind: 'full'; readonly holder: HeldBy };

export interface HeldBy {
  readonly owner: string;
  /** In partition time: it may be renewed, and be released earlier. */
  readonly until: Date;
}

const nameUnitsMax = 1_000;
const ttlMsMax = 7 * 86_400_000;
const waitersMaxDefault = 1_000;

/**
 * Claims a lease, or stands in line for it. With the id of a claim that was made before it changes nothing, and tells how
 * that one stands.
 * @throws LockstepError `misuse` for a name, an id or a time that is none.
 */
export function claimLease(tx: Transaction, claim: LeaseClaim): ClaimOutcome {
  const { name, id, owner, ttlMs, waitMs = 0, waitersMax = waitersMaxDefault } = checked(claim);
  const space = leasesOf(tx);
  const nowMs = hybridWall(tx.now);
  const holding = holdingOf(space.get(leaseKey(name)));
  if (holding === null) return granted(grant(tx, name, { id, owner, ttlMs }, false), true);
  if (holding.id === id) return granted(holding, false);
  const holder = heldBy(holding);
  const at = space.get(askKey(name, id));
  if (typeof at === 'number') return { kind: 'waiting', behind: behind(space, name, at), holder };
  if (waitMs <= 0) return { kind: 'held', holder };
  let count = countOf(space, name);
  if (count >= waitersMax) count -= passOver(tx, name, nowMs);
  if (count >= waitersMax) return { kind: 'full', holder };
  const waiter: Waiter = { id, owner, ttlMs, giveUpMs: Math.ceil(nowMs + waitMs) };
  space.set(waitKey(name, tx.now, id), { ...waiter });
  space.set(askKey(name, id), tx.now);
  if (!holding.isAwaited) space.set(leaseKey(name), { ...holding, isAwaited: true });
  return { kind: 'waiting', behind: count, holder };
}

/** Its deadline moves on: a ttl from now. `fenced`: it is not held with this token any more, and never will be. */
export function renewLease(
  tx: Transaction,
  lease: Lease,
): { readonly kind: 'renewed'; readonly untilMs: number } | { readonly kind: 'fenced' } {
  const holding = heldAs(tx, lease);
  if (holding === null) return { kind: 'fenced' };
  const untilMs = Math.max(holding.untilMs, hybridWall(tx.now) + holding.ttlMs);
  give(tx, lease.name, { ...holding, untilMs });
  return { kind: 'renewed', untilMs };
}

/** Whoever waits next holds it then. `fenced`: it was not held with this token any more. */
export function releaseLease(tx: Transaction, lease: Lease): 'released' | 'fenced' {
  const holding = heldAs(tx, lease);
  if (holding === null) return 'fenced';
  pass(tx, lease.name, holding);
  return 'released';
}

/** A claim is taken back, whether it waits or has been granted. `absent`: it is neither. */
export function giveUpLease(
  tx: Transaction,
  { name, id }: { readonly name: string; readonly id: string },
): 'given-up' | 'released' | 'absent' {
  const space = leasesOf(tx);
  const holding = holdingOf(space.get(leaseKey(name)));
  if (holding?.id === id) {
    pass(tx, name, holding);
    return 'released';
  }
  const at = space.get(askKey(name, id));
  if (typeof at !== 'number') return 'absent';
  forget(tx, name, at, id);
  return 'given-up';
}

/** Whoever shows an old token is refused. */
export type Fenced = Rejection<'fenced', { readonly name: string; readonly heldBy: string | null }>;

/**
 * Null if the lease is held with this token: then nobody else's transactions come before the end of this one. Otherwise
 * a rejection to return: `const fenced = requireLease(tx, lease); if (fenced !== null) return fenced;`
 */
export function requireLease(tx: Transaction, lease: Lease): Fenced | null {
  if (heldAs(tx, lease) !== null) return null;
  const holding = holdingOf(leasesOf(tx).get(leaseKey(lease.name)));
  return { kind: 'rejected', code: 'fenced', details: { name: lease.name, heldBy: holding?.owner ?? null } };
}

/** For the service: the holder was not heard of for too long. `held`: it is not over yet, for so many milliseconds. */
export function expireLease(
  tx: Transaction,
  lease: Lease,
): { readonly kind: 'expired' | 'gone' } | { readonly kind: 'held'; readonly leftMs: number } {
  const holding = heldAs(tx, lease);
  if (holding === null) return { kind: 'gone' };
  const leftMs = holding.untilMs - hybridWall(tx.now);
  if (leftMs > 0) return { kind: 'held', leftMs };
  pass(tx, lease.name, holding);
  return { kind: 'expired' };
}

export interface LeaseStatus {
  readonly holder: (HeldBy & { readonly token: FencingToken }) | null;
  /** In order; some may have been passed over already, by their deadline. */
  readonly waiters: readonly { readonly owner: string; readonly deadline: Date }[];
}

/** Who holds a lease, until when, and who waits for it, in durable state. */
export function leaseStatus(reader: Pick<Reader, 'system'>, { place, name }: LeaseId): LeaseStatus {
  const space = reader.system(leaseSystem, place);
  const holding = holdingOf(space.get(leaseKey(name)));
  return {
    holder: holding === null ? null : { ...heldBy(holding), token: holding.token },
    waiters: [...space.range({ prefix: ['wait', name] })].map(([, value]) => {
      const { owner, giveUpMs } = waiterOf(value);
      return { owner, deadline: new Date(giveUpMs) };
    }),
  };
}

function checked(claim: LeaseClaim): LeaseClaim {
  const { name, id, owner, ttlMs, waitMs = 0, waitersMax = 0 } = claim;
  const texts = [name, id, owner].every((text) => text.length > 0 && text.length <= nameUnitsMax);
  const isTime = Number.isSafeInteger(ttlMs) && ttlMs > 0 && ttlMs <= ttlMsMax;
  if (texts && isTime && waitMs >= 0 && waitMs <= ttlMsMax && waitersMax >= 0) return claim;
  throw new LockstepError('misuse', 'this is no claim of a lease', {
    values: { name: name.slice(0, 64), id: id.slice(0, 64), owner: owner.slice(0, 64), ttlMs, waitMs },
    advice: ['texts have 1 to 1,000 characters; times are milliseconds, up to seven days'],
  });
}

const granted = ({ token, untilMs }: Holding, isNew: boolean): ClaimOutcome => ({
  kind: 'granted',
  token,
  untilMs,
  isNew,
});
const heldBy = ({ owner, untilMs }: Holding): HeldBy => ({ owner, until: new Date(untilMs) });

function heldAs(tx: Transaction, { name, token }: Lease): Holding | null {
  const holding = holdingOf(leasesOf(tx).get(leaseKey(name)));
  return holding?.token === token ? holding : null;
}

/** Given twice in one transaction, which has one time, it still has a token of its own: the last one is remembered then. */
function grant(tx: Transaction, name: string, { id, owner, ttlMs }: Claimant, isAwaited: boolean): Holding {
  const before = lastToken(leasesOf(tx).get(leaseKey(name)));
  const token = Math.max(tx.now, before + 1) as FencingToken;
  const holding = { id, owner, ttlMs, token, untilMs: hybridWall(tx.now) + ttlMs, isAwaited };
  give(tx, name, holding);
  return holding;
}

function give(tx: Transaction, name: string, holding: Holding): void {
  leasesOf(tx).set(leaseKey(name), { ...holding });
  note(tx, { kind: 'held', place: tx.place, name, holding });
}

/** To the next who still waits, or to nobody. */
function pass(tx: Transaction, name: string, { token, isAwaited }: Holding): void {
  const space = leasesOf(tx);
  const nowMs = hybridWall(tx.now);
  const line = isAwaited ? space.range({ prefix: ['wait', name] }) : [];
  for (const [key, value] of line) {
    const waiter = waiterOf(value);
    const isLate = waiter.giveUpMs <= nowMs;
    forget(tx, name, key[2] as number, waiter.id, isLate);
    if (isLate) continue;
    grant(tx, name, waiter, true);
    return;
  }
  // What later transactions give is larger by itself.
  if (token < tx.now) space.delete(leaseKey(name));
  else space.set(leaseKey(name), { token });
  note(tx, { kind: 'freed', place: tx.place, name });
}

function forget(tx: Transaction, name: string, at: number, id: string, tells = true): void {
  const space = leasesOf(tx);
  space.delete(waitKey(name, at, id));
  space.delete(askKey(name, id));
  if (tells) note(tx, { kind: 'passed', place: tx.place, name, id });
}

/** Those whose deadline has come leave the line; how many. */
function passOver(tx: Transaction, name: string, nowMs: number): number {
  const late = [...leasesOf(tx).range({ prefix: ['wait', name] })].filter(
    ([, value]) => waiterOf(value).giveUpMs <= nowMs,
  );
  for (const [key, value] of late) forget(tx, name, key[2] as number, waiterOf(value).id);
  return late.length;
}

function countOf(space: ReadSpace, name: string): number {
  let count = 0;
  for (const _ of space.range({ prefix: ['wait', name] })) count++;
  return count;
}

function behind(space: ReadSpace, name: string, at: number): number {
  let count = 0;
  for (const _ of space.range({ prefix: ['wait', name], to: ['wait', name, at] })) count++;
  return count;
}
