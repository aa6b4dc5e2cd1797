/**
 * Leases while this node leads: it takes a lease from a holder who is silent for too long and gives it to the next who
 * waits, and tells those who wait in this process, or ask from elsewhere, when their turn has come. Nobody polls: what
 * became durable is told. It is also the way to leases for whoever is in this process (`LeaseAccess`).
 */
import type { WaitEntry } from '../../observe/waits.ts';
import { assert } from '../../kernel/assert.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import type {
  EpochService,
  EpochServiceMaker,
  Leading,
  NotLeader,
  Refused,
  SystemEntry,
  Transaction,
  TransactOutcome,
} from '../transaction.ts';
import type {
  ClaimAnswer,
  GiveUpAnswer,
  LeaseAccess,
  PlacedClaim,
  PlacedLease,
  ReleaseAnswer,
  RenewAnswer,
} from './lease-access.ts';
import { LeaseGuards, leaseText, type Guarded } from './lease-guard.ts';
import { holdingOf, leaseSystem, leaseTopic, type Holding, type LeaseNote } from './lease-state.ts';
import { claimLease, expireLease, giveUpLease, releaseLease, renewLease, type HeldBy } from './lease.ts';

export interface LeaseService extends LeaseAccess {
  /** For `openPartition`'s `services`. */
  readonly epochs: EpochServiceMaker;
}

/** One a partition. While this node does not lead every answer is `not-leader`. */
export function leaseService(): LeaseService {
  let current: LeaseEpoch | null = null;
  const lead = <T>(ask: (epoch: LeaseEpoch) => Promise<T>): Promise<T | NotLeader> =>
    current === null ? Promise.resolve(notLeader) : ask(current);
  return {
    epochs: () => {
      const epoch = new LeaseEpoch((isLeading) => {
        if (isLeading) current = epoch;
        else if (current === epoch) current = null;
      });
      return epoch;
    },
    claim: (claim, signal) => lead((epoch) => epoch.claim(claim, signal)),
    renew: (lease) => lead((epoch) => epoch.renew(lease)),
    release: (lease) => lead((epoch) => epoch.release(lease)),
    giveUp: (claim) => lead((epoch) => epoch.giveUp(claim)),
  };
}

const notLeader: NotLeader = Object.freeze({ kind: 'not-leader', leader: null });
/** So many entries of the state are looked at in one go. */
const loadedAtOnce = 1_000;
/** Before what could not be settled is tried again. */
const againMs = 100;

/** Somebody who asks, until there is an answer. */
interface Turn {
  readonly id: string;
  readonly wait: WaitEntry | null;
  readonly settle: (answer: ClaimAnswer) => void;
}

/** A turn as whoever asks sees it. */
interface Waiting {
  readonly answered: PromiseWithResolvers<ClaimAnswer>;
  readonly leave: () => void;
}

class LeaseEpoch implements EpochService {
  readonly #onLeading: (isLeading: boolean) => void;
  /** By `leaseText`, those who ask for it. */
  readonly #turns = new Map<string, Set<Turn>>();
  #leading: Leading | null = null;
  #guards: LeaseGuards | null = null;
  #loading: Iterator<SystemEntry> | null = null;

  constructor(onLeading: (isLeading: boolean) => void) {
    this.#onLeading = onLeading;
  }

  start(leading: Leading): void {
    this.#leading = leading;
    this.#guards = new LeaseGuards(leading.ports, (lease) => void this.#silent(leading, lease));
    leading.onNote(leaseTopic, (note) => this.#onNote(note as LeaseNote));
    this.#loading = leading.reader.everywhere(leaseSystem)[Symbol.iterator]();
    this.#load(leading);
    this.#onLeading(true);
  }

  async stop(): Promise<void> {
    this.#onLeading(false);
    this.#leading = null;
    this.#loading?.return?.();
    this.#guards?.clear();
    for (const turns of this.#turns.values()) for (const turn of turns) turn.settle(notLeader);
  }

  async claim(claim: PlacedClaim, signal?: AbortSignal): Promise<ClaimAnswer> {
    const leading = this.#leading;
    if (leading === null) return notLeader;
    signal?.throwIfAborted();
    const asked: { waiting: Waiting | null } = { waiting: null };
    try {
      const outcome = await leading.transact(claim.place, (tx) => {
        const claimed = claimLease(tx, claim);
        // Before it is told: that it waits may become durable together with what grants it.
        if (claimed.kind === 'waiting') asked.waiting = this.#enter(leading, claim, claimed.holder);
        return claimed;
      });
      const value = valueOf(outcome);
      if (value.kind === 'granted') return { kind: 'granted', token: value.token, waited: !value.isNew };
      if (value.kind !== 'waiting') return value;
      assert(asked.waiting !== null, 'whoever waits has a turn');
      return await this.#turnOf(leading, claim, asked.waiting.answered, signal);
    } finally {
      asked.waiting?.leave();
    }
  }

  /** From here on it is told what becomes of the lease. */
  #enter(leading: Leading, claim: PlacedClaim, holder: HeldBy): Waiting {
    const { name, id, waitMs = 0 } = claim;
    const about = { what: 'lease', key: name, waitsFor: 'its turn', withinMs: waitMs > 0 ? waitMs : null };
    const wait = leading.waits?.enter(about) ?? null;
    const answered = Promise.withResolvers<ClaimAnswer>();
    const turn: Turn = { id, wait, settle: answered.resolve };
    tellWho(turn, holder.owner, holder.until);
    const text = leaseText(claim);
    const turns = this.#turns.get(text) ?? new Set();
    this.#turns.set(text, turns.add(turn));
    const leave = (): void => {
      turns.delete(turn);
      if (turns.size === 0 && this.#turns.get(text) === turns) this.#turns.delete(text);
      wait?.leave();
    };
    return { answered, leave };
  }

  async #turnOf(
    leading: Leading,
    claim: PlacedClaim,
    answered: Waiting['answered'],
    signal: AbortSignal | undefined,
  ): Promise<ClaimAnswer> {
    signal?.throwIfAborted();
    const onAbort = (): void => answered.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = leading.ports.timers.after(claim.waitMs ?? 0, () => void this.#late(claim, answered));
    try {
      return await answered.promise;
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async renew(lease: PlacedLease): Promise<RenewAnswer> {
    const value = await this.#transact(lease.place, (tx) => renewLease(tx, lease));
    return value.kind === 'renewed' ? { kind: 'renewed' } : value;
  }

  release(lease: PlacedLease): Promise<ReleaseAnswer> {
    return this.#transact(lease.place, (tx) => ({ kind: releaseLease(tx, lease) }));
  }

  giveUp(claim: Pick<PlacedClaim, 'place' | 'name' | 'id'>): Promise<GiveUpAnswer> {
    return this.#transact(claim.place, (tx) => ({ kind: giveUpLease(tx, claim) }));
  }

  async #transact<T extends { readonly kind: string }>(
    place: string | null,
    fn: (tx: Transaction) => T,
  ): Promise<T | NotLeader | Refused> {
    const leading = this.#leading;
    if (leading === null) return notLeader;
    return valueOf(await leading.transact<T>(place, fn as never));
  }

  /** Its deadline has come: it leaves the line, and what it was granted at the last moment goes on to the next. */
  async #late(claim: PlacedClaim, answered: PromiseWithResolvers<ClaimAnswer>): Promise<void> {
    try {
      const answer = await this.giveUp(claim);
      const isOver = answer.kind === 'not-leader' || answer.kind === 'refused';
      answered.resolve(isOver ? answer : { kind: 'late' });
    } catch (error) {
      answered.reject(error);
    }
  }

  #onNote(note: LeaseNote): void {
    if (this.#leading === null) return;
    const turns = this.#turns.get(leaseText(note));
    switch (note.kind) {
      case 'held':
        this.#guards?.heard(guardedOf(note, note.holding));
        for (const turn of turns ?? []) hear(turn, note.holding);
        return;
      case 'freed':
        return this.#guards?.freed(note);
      case 'passed':
        for (const turn of turns ?? []) if (turn.id === note.id) turn.settle({ kind: 'late' });
    }
  }

  /** Those that are held already, a part at a time. */
  #load(leading: Leading): void {
    if (this.#leading !== leading) return;
    for (let count = 0; count < loadedAtOnce; count++) {
      const next = this.#loading?.next();
      if (next === undefined || next.done === true) return;
      const { place, key, value } = next.value;
      const [kind, name] = key;
      const holding = kind === 'lease' ? holdingOf(value) : null;
      if (holding === null || typeof name !== 'string') continue;
      const lease = { place, name };
      if (this.#guards?.has(lease) === false) this.#guards.heard(guardedOf(lease, holding));
    }
    leading.ports.timers.after(0, () => this.#load(leading));
  }

  /** Its holder was silent for its ttl. Whatever comes of it, it is looked at again until it is settled. */
  async #silent(leading: Leading, lease: Guarded): Promise<void> {
    let againAfterMs = againMs;
    try {
      const outcome = await leading.transact(lease.place, (tx) => expireLease(tx, lease));
      const value = valueOf(outcome);
      if (value.kind === 'held') againAfterMs = value.leftMs;
      if (value.kind === 'expired' || value.kind === 'gone') return this.#settled(lease);
    } catch (error) {
      if (!isLockstepError(error)) throw error; // a bug of ours
    }
    if (this.#leading === leading) this.#guards?.again(lease, againAfterMs);
  }

  /** Unless somebody else holds it by now. */
  #settled(lease: Guarded): void {
    if (this.#guards?.isOf(lease) === true) this.#guards.freed(lease);
  }
}

const guardedOf = ({ place, name }: Pick<Guarded, 'place' | 'name'>, { token, ttlMs }: Holding): Guarded => ({
  place,
  name,
  token,
  ttlMs,
});

function hear(turn: Turn, { id, token, owner, untilMs }: Holding): void {
  if (turn.id === id) turn.settle({ kind: 'granted', token, waited: true });
  else tellWho(turn, owner, new Date(untilMs));
}

function tellWho({ wait }: Turn, owner: string, until: Date): void {
  if (wait === null) return;
  wait.waitsFor = `its turn; held until ${until.toISOString()}`;
  wait.heldBy = owner;
}

function valueOf<T extends { readonly kind: string }>(outcome: TransactOutcome<T>): T | NotLeader | Refused {
  switch (outcome.kind) {
    case 'committed':
    case 'already-done':
      return (outcome as { readonly value: T }).value;
    case 'not-leader':
    case 'refused':
      return outcome;
    default:
      throw new LockstepError('misuse', 'a transaction of leases rejects nothing', { values: { kind: outcome.kind } });
  }
}
