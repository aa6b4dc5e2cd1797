/**
 * Whoever holds a lease, wherever it is: it renews, and it stops by itself. It counts from before it asked, by its own
 * monotonic clock, and a margin less than the lease is good for; the leader counts from after it answered, and takes the
 * lease from nobody before the whole of it is over. So it has stopped before anybody else can begin, as long as its
 * process runs and clocks differ in speed by less than the margin. What must be safe whatever happens shows the token.
 */
import type { Ports } from '../../env/env.ts';
import type { Timer } from '../../env/timers.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { elapsedMs, instantAfter, type Instant } from '../../kernel/time.ts';
import type { ClaimAnswer, LeaseAccess, PlacedLease } from './lease-access.ts';
import type { FencingToken } from './lease-state.ts';
import type { HeldBy } from './lease.ts';
import type { Waits } from '../../observe/waits.ts';

export type HolderPorts = Pick<Ports, 'clock' | 'timers' | 'randomness'>;

export interface HoldOptions {
  readonly access: LeaseAccess;
  /** Null: the partition's own. */
  readonly place: string | null;
  readonly name: string;
  /** Whom others are told of. */
  readonly owner: string;
  /** After so long without renewal it goes to another. Shorter frees it sooner, longer survives longer troubles. Default 10,000. */
  readonly ttlMs?: number | undefined;
  /** The deadline for getting it. Default 30,000. */
  readonly withinMs?: number | undefined;
  /** What to do while another holds it. Default `wait`. */
  readonly ifHeld?: 'wait' | 'leave' | undefined;
  /** By how much of its ttl it stops earlier: what two clocks may differ in speed, and more. Default 0.2. */
  readonly marginShare?: number | undefined;
  readonly waits?: Waits | undefined;
  /** Ends the wait; what was asked for is given up. */
  readonly signal?: AbortSignal | undefined;
}

export type HoldOutcome =
  | { readonly kind: 'held'; readonly lease: LeaseHolder }
  /** Another has it, or too many wait. */
  | { readonly kind: 'taken' | 'full'; readonly holder: HeldBy }
  /** The deadline came first. It may be granted still, to nobody, for the length of a ttl. */
  | { readonly kind: 'late' };

const triesPerTtl = 3;
const pauseMsFirst = 20;
const pauseMsMax = 500;

/**
 * Asks for a lease until it is held, certainly will not be, or the deadline comes; loses of answers and changes of leader in
 * between are ridden out, and its turn is kept.
 * @throws LockstepError `misuse`; the signal's reason.
 */
export async function holdLease(ports: HolderPorts, options: HoldOptions): Promise<HoldOutcome> {
  const { name, withinMs = 30_000, ttlMs = 10_000, marginShare = 0.2, signal, waits } = options;
  if (!(withinMs >= 0 && withinMs < Infinity && ttlMs > 0 && marginShare > 0 && marginShare < 1))
    throw new LockstepError('misuse', 'these are no times of a lease', { values: { withinMs, ttlMs, marginShare } });
  signal?.throwIfAborted();
  const seeking = new Seeking(ports, options, { withinMs, ttlMs, usableMs: ttlMs * (1 - marginShare) });
  const wait = waits?.enter({ what: 'hold', key: name, waitsFor: 'the lease', withinMs });
  try {
    return await seeking.run();
  } finally {
    wait?.leave();
  }
}

interface Times {
  readonly withinMs: number;
  readonly ttlMs: number;
  /** The holder trusts it for so long. */
  readonly usableMs: number;
}

class Seeking {
  readonly #ports: HolderPorts;
  readonly #options: HoldOptions;
  readonly #times: Times;
  readonly #since: Instant;
  #id = '';
  #failures = 0;

  constructor(ports: HolderPorts, options: HoldOptions, times: Times) {
    this.#ports = ports;
    this.#options = options;
    this.#times = times;
    this.#since = ports.clock.now();
  }

  async run(): Promise<HoldOutcome> {
    const { signal, ifHeld = 'wait' } = this.#options;
    this.#newId();
    try {
      for (let leftMs = this.#leftMs(); leftMs > 0; leftMs = this.#leftMs()) {
        const askedAt = this.#ports.clock.now();
        const answer = await this.#ask(ifHeld === 'wait' ? Math.ceil(leftMs) : 0);
        signal?.throwIfAborted();
        if (answer?.kind === 'held') return { kind: 'taken', holder: answer.holder };
        if (answer?.kind === 'full') return { kind: 'full', holder: answer.holder };
        if (answer?.kind === 'late') this.#newId();
        const lease = answer?.kind === 'granted' ? await this.#confirmed(answer, askedAt) : null;
        if (lease !== null) return { kind: 'held', lease };
        if (answer === null || answer.kind === 'not-leader' || answer.kind === 'refused') await this.#pause();
      }
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
    await this.#giveUp();
    return { kind: 'late' };
  }

  /** What was granted some time ago is renewed first: it is not known how long. Null: it is lost already. */
  async #confirmed(granted: Extract<ClaimAnswer, { kind: 'granted' }>, askedAt: Instant): Promise<LeaseHolder | null> {
    const { access, place, name } = this.#options;
    const lease: PlacedLease = { place, name, token: granted.token };
    const { usableMs } = this.#times;
    let heardAt = askedAt;
    while (granted.waited || elapsedMs(heardAt, this.#ports.clock.now()) > usableMs / 2) {
      heardAt = this.#ports.clock.now();
      const answer = await answered(access.renew(lease));
      if (answer?.kind === 'renewed') break;
      if (answer?.kind === 'fenced') this.#newId();
      if (answer?.kind !== 'fenced') await this.#pause();
      // Asked again, an earlier grant is told again, if it still stands.
      return null;
    }
    if (elapsedMs(heardAt, this.#ports.clock.now()) >= usableMs) return null;
    return new LeaseHolder(this.#ports, access, lease, { ...this.#times, heardAt });
  }

  #ask(waitMs: number): Promise<ClaimAnswer | null> {
    const { access, place, name, owner, signal } = this.#options;
    const claim = { place, name, owner, id: this.#id, ttlMs: this.#times.ttlMs, waitMs };
    return answered(access.claim(claim, signal), signal);
  }

  async #giveUp(): Promise<void> {
    const { access, place, name } = this.#options;
    await answered(access.giveUp({ place, name, id: this.#id })); // if this is lost too, its deadline or ttl ends it
  }

  #newId(): void {
    const { randomness } = this.#ports;
    this.#id = Array.from({ length: 3 }, () => randomness.uint32().toString(16).padStart(8, '0')).join('');
  }

  #leftMs(): number {
    return this.#times.withinMs - elapsedMs(this.#since, this.#ports.clock.now());
  }

  async #pause(): Promise<void> {
    const ms = Math.min(pauseMsFirst * 2 ** Math.min(this.#failures++, 10), pauseMsMax, Math.max(0, this.#leftMs()));
    await new Promise<void>((resolve) => void this.#ports.timers.after(ms, resolve));
  }
}

/** Null: nobody knows, or nobody answered. */
async function answered<T>(asked: Promise<T>, signal?: AbortSignal): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (signal?.aborted === true) throw error;
    if (isLockstepError(error) && error.retry) return null;
    throw error;
  }
}

/** A lease that is held, until `signal` says otherwise. Renewed by itself; release it, or dispose it. */
export class LeaseHolder implements AsyncDisposable {
  readonly name: string;
  readonly place: string | null;
  /** Larger than that of whoever held it before: what is written under the lease shows it. */
  readonly token: FencingToken;
  readonly #ports: HolderPorts;
  readonly #access: LeaseAccess;
  readonly #times: Times;
  readonly #lost = new AbortController();
  #stopAt: Instant;
  #isOver = false;
  #stopTimer: Timer | null = null;
  #renewTimer: Timer | null = null;

  /** Use `holdLease`. */
  constructor(
    ports: HolderPorts,
    access: LeaseAccess,
    lease: PlacedLease,
    times: Times & { readonly heardAt: Instant },
  ) {
    this.#ports = ports;
    this.#access = access;
    this.name = lease.name;
    this.place = lease.place;
    this.token = lease.token;
    this.#times = times;
    this.#stopAt = instantAfter(times.heardAt, times.usableMs);
    this.#watch();
    this.#renewIn(times.ttlMs / triesPerTtl - elapsedMs(times.heardAt, ports.clock.now()));
  }

  /** Aborted when it is lost or released, before anybody else can hold it; in a task of its own. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether it may still be acted upon now. Once false it stays so; also before `signal` could be heard, after a pause. */
  get isHeld(): boolean {
    if (!this.#isOver && this.#ports.clock.now() >= this.#stopAt)
      this.#end(new LockstepError('stopped', 'the lease was not renewed in time', { values: { name: this.name } }));
    return !this.#isOver;
  }

  /** Stops now, and frees it for the next. `unknown`: nobody answered; its ttl frees it. */
  async release(): Promise<'released' | 'fenced' | 'unknown'> {
    this.#end(new LockstepError('stopped', 'the lease was released', { values: { name: this.name } }));
    const { name, place, token } = this;
    const answer = await answered(this.#access.release({ name, place, token }));
    return answer?.kind === 'released' || answer?.kind === 'fenced' ? answer.kind : 'unknown';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** It was renewed meanwhile, or the timer came a sliver of time early, which may never go by: not sooner than in 1 ms. */
  #watch(): void {
    const leftMs = Math.max(1, elapsedMs(this.#ports.clock.now(), this.#stopAt));
    this.#stopTimer = this.#ports.timers.after(leftMs, () => {
      if (this.isHeld) this.#watch();
    });
  }

  #renewIn(ms: number): void {
    this.#renewTimer = this.#ports.timers.after(ms, () => {
      this.#renew().catch((error: unknown) => this.#end(error));
    });
  }

  async #renew(): Promise<void> {
    if (!this.isHeld) return;
    const { name, place, token } = this;
    const { ttlMs, usableMs } = this.#times;
    const askedAt = this.#ports.clock.now();
    const answer = await answered(this.#access.renew({ name, place, token }));
    if (!this.isHeld) return;
    if (answer?.kind === 'fenced')
      return this.#end(new LockstepError('stopped', 'another holds the lease', { values: { name, token } }));
    if (answer?.kind !== 'renewed') return this.#renewIn(ttlMs / (triesPerTtl * 4));
    this.#stopAt = instantAfter(askedAt, usableMs);
    this.#renewIn(ttlMs / triesPerTtl - elapsedMs(askedAt, this.#ports.clock.now()));
  }

  #end(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer?.cancel();
    this.#renewTimer?.cancel();
    this.#ports.timers.after(0, () => this.#lost.abort(reason));
  }
}
