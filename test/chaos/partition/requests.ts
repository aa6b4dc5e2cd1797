/**
 * What clients of a chaos of partitions ask of nodes, and what they are told. Every command has an id, and notes in the
 * state that it ran: `['ran', id]` counts how often.
 */
import type { TransactionStep, TransactionStepDone } from 'lockstep/check';
import type { PlacedClaim, PlacedLease } from 'lockstep/partition';
import type { Plain } from '../../../src/sim/cluster/calls.ts';

export type ReadHow =
  | { readonly kind: 'linearizable' | 'transact' }
  | { readonly kind: 'at-least'; readonly token: string }
  | { readonly kind: 'stale'; readonly msMax: number };

export type KeyChange =
  | { readonly kind: 'put'; readonly value: number }
  | { readonly kind: 'cas'; readonly from: number | null; readonly to: number };

/** What a command does, in one transaction of its place. */
export type Work =
  | { readonly kind: 'change'; readonly change: KeyChange }
  | { readonly kind: 'steps'; readonly steps: readonly TransactionStep[]; readonly waits: boolean }
  | { readonly kind: 'endow' }
  | { readonly kind: 'transfer'; readonly from: number; readonly to: number; readonly amount: number }
  | { readonly kind: 'claim'; readonly claim: PlacedClaim }
  | { readonly kind: 'renew' | 'release' | 'guarded'; readonly lease: PlacedLease }
  | { readonly kind: 'give-up'; readonly name: string; readonly claimId: string }
  | { readonly kind: 'set-timer'; readonly name: string; readonly afterMs: number }
  | { readonly kind: 'cancel-timer'; readonly name: string }
  | { readonly kind: 'send'; readonly to: string; readonly name: string };

export type NodeRequest =
  | { readonly kind: 'command'; readonly place: string; readonly id: string; readonly work: Work }
  | { readonly kind: 'key'; readonly place: string; readonly how: ReadHow }
  | { readonly kind: 'balances'; readonly how: ReadHow }
  /** Whether it has the logs, and answers for them. */
  | { readonly kind: 'status' }
  /** A batch of messages of another node. */
  | { readonly kind: 'deliver'; readonly to: number; readonly batch: Plain }
  /** A page of what a partition notes of itself, in the newest state: what stands under `topic`, after a key. */
  | { readonly kind: 'page'; readonly index: number; readonly topic: Topic; readonly after: Note[0] | null }
  /** Of all state that clients write, at a revision that has what the token says. */
  | { readonly kind: 'digest'; readonly index: number; readonly atLeast: string };

/** `ran`: id, how often. `sent` and `got`: partition, number, name. `fired`: timer, how often. */
export type Topic = 'ran' | 'sent' | 'got' | 'fired';

export type Scalar = string | number;
/** As it stands in the state: a key that begins with its topic, and what stands there. */
export type Note = readonly [key: readonly Scalar[], value: Scalar];

export type NodeAnswer =
  | { readonly kind: 'done'; readonly value: Plain; readonly token: string }
  | { readonly kind: 'seen'; readonly value: Plain }
  | { readonly kind: 'status'; readonly hasLogs: boolean }
  | { readonly kind: 'page'; readonly entries: readonly Note[] }
  | { readonly kind: 'digest'; readonly text: string; readonly revision: number }
  | { readonly kind: 'rejected'; readonly code: string }
  | { readonly kind: 'not-leader'; readonly leader: string | null }
  | { readonly kind: 'refused' | 'expired' | 'conflict' | 'unknown' | 'unavailable' };

/** Of a key: what stands beside it must fit. */
export interface KeySeen {
  readonly value: number | null;
  readonly version: number;
}

export type StepsDone = readonly TransactionStepDone[];

export const partitionCount = 2;
export const accountCount = 6;
export const endowment = 1_000;
export const pageLength = 1_000;
export const places = {
  lists: 'lists',
  bank: 'bank',
  leases: 'leases',
  timers: 'timers',
  senders: ['ant', 'bee', 'cat', 'dog'],
} as const;
