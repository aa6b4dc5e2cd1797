/** How whoever holds leases asks for them: in this process, or of a leader elsewhere. Answers may be lost, calls repeated. */
import type { NotLeader, Refused } from '../transaction.ts';
import type { FencingToken } from './lease-state.ts';
import type { HeldBy, Lease, LeaseClaim } from './lease.ts';

/** A claim, and the place where it is made; null: the partition's own. */
export type PlacedClaim = LeaseClaim & { readonly place: string | null };
export type PlacedLease = Lease & { readonly place: string | null };

export type ClaimAnswer =
  /** `waited`: an unknown part of its ttl is over already. */
  | { readonly kind: 'granted'; readonly token: FencingToken; readonly waited: boolean }
  | { readonly kind: 'held' | 'full'; readonly holder: HeldBy }
  /** Its deadline came first. */
  | { readonly kind: 'late' }
  | NotLeader
  | Refused;

export type RenewAnswer = { readonly kind: 'renewed' | 'fenced' } | NotLeader | Refused;
export type ReleaseAnswer = { readonly kind: 'released' | 'fenced' } | NotLeader | Refused;
export type GiveUpAnswer = { readonly kind: 'given-up' | 'released' | 'absent' } | NotLeader | Refused;

/**
 * Each may be asked again with the same arguments, also when nobody knows what became of it.
 * @throws LockstepError `unknown`, `unavailable`, `overloaded`; it has a deadline of its own.
 */
export interface LeaseAccess {
  /** Answers when it is granted, or certainly will not be. `signal` ends the wait; the turn is kept until its deadline. */
  claim(claim: PlacedClaim, signal?: AbortSignal): Promise<ClaimAnswer>;
  renew(lease: PlacedLease): Promise<RenewAnswer>;
  release(lease: PlacedLease): Promise<ReleaseAnswer>;
  giveUp(claim: Pick<PlacedClaim, 'place' | 'name' | 'id'>): Promise<GiveUpAnswer>;
}
