/** Clients of the scenario `leases`: they hold leases and write under them, some of them for too long; they set timers. */
import type { Env } from 'lockstep/env';
import { isLockstepError, LockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import type {
  ClaimAnswer,
  GiveUpAnswer,
  LeaseAccess,
  ReleaseAnswer,
  RenewAnswer,
} from '../../../src/partition/lease/lease-access.ts';
import { holdLease, type LeaseHolder } from '../../../src/partition/lease/lease-holder.ts';
import { call, type Plain } from '../../../src/sim/cluster/calls.ts';
import type { LeaseBug } from './lease-bugs.ts';
import type { LeaseRequest } from './lease-process.ts';
import type { Contender } from './contenders.ts';

const ttlMs = 600;
const timerNames = 30;

/** What is known of all clients; it survives crashes. */
export class LeaseWitness {
  /** By client. */
  readonly holders: Map<string, LeaseHolder> = new Map();
  readonly counts: Map<string, number> = new Map();
  /** Of the store outside: by lease, the largest token, and whose it is. */
  readonly store: Map<string, { token: number; by: string }> = new Map();
  enough = false;
  claims = 0;

  count(what: string): void {
    this.counts.set(what, this.countOf(what) + 1);
  }

  countOf(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** The name of a client that holds a lease now. */
  someHolder(): string | null {
    return [...this.holders].find(([, holder]) => believes(holder))?.[0] ?? null;
  }

  /** At most one holder of each lease believes that it holds it. */
  isHeldOnce(): boolean {
    const names = [...this.holders.values()].filter((one) => believes(one)).map(({ name }) => name);
    return new Set(names).size === names.length;
  }
}

/** One whose process is gone believes nothing. */
function believes(holder: LeaseHolder): boolean {
  try {
    return holder.isHeld;
  } catch {
    return false;
  }
}

/** A store that demands tokens: it takes none that is older than one that it has seen. */
export function storeWrite(world: World, witness: LeaseWitness, name: string, token: number, by: string): boolean {
  const last = witness.store.get(name) ?? { token: 0, by: '' };
  if (token === last.token && by !== last.by) world.fail(`${by} and ${last.by} hold ${name} with one token`);
  if (token < last.token) {
    witness.count('refused by the store');
    return false;
  }
  witness.store.set(name, { token, by });
  return true;
}

export class LeaseClient {
  readonly #world: World;
  readonly #env: Env;
  readonly #name: string;
  readonly #witness: LeaseWitness;
  readonly #contenders: readonly Contender[];
  readonly #bug: LeaseBug;
  #at = 0;

  constructor(
    world: World,
    env: Env,
    name: string,
    witness: LeaseWitness,
    contenders: readonly Contender[],
    bug: LeaseBug,
  ) {
    this.#world = world;
    this.#env = env;
    this.#name = name;
    this.#witness = witness;
    this.#contenders = contenders;
    this.#bug = bug;
  }

  async work(): Promise<void> {
    const { randomness } = this.#env;
    while (!this.#witness.enough) {
      if (this.#env.random() < 0.35) await this.#timer();
      else await this.#hold(randomness.below(4) === 0 ? 'gate' : 'lock');
      await this.#env.sleep(`${randomness.below(60)}ms`);
    }
    this.#witness.holders.delete(this.#name);
  }

  async #timer(): Promise<void> {
    const { randomness } = this.#env;
    const number = randomness.below(timerNames);
    const name = number === 0 ? 'tick' : `t${number}-${this.#witness.countOf('fired')}`;
    const place = `p${number % 3}`;
    const set = { kind: 'set', afterMs: randomness.below(1_500), failures: randomness.below(3) } as const;
    const change = this.#env.random() < 0.8 || name === 'tick' ? set : ({ kind: 'cancel' } as const);
    const request: LeaseRequest = { kind: 'timer', place, name, id: this.#env.newId(), do: change };
    const answer = await this.#ask<{ kind: string; value?: string }>(request, 600).catch(passing);
    if (answer?.kind === 'committed') this.#witness.count(answer.value ?? 'done');
  }

  async #hold(name: string): Promise<void> {
    const { randomness } = this.#env;
    const by = `${this.#name} #${++this.#witness.claims}`;
    const access = this.#bug.access?.(this.access) ?? this.access;
    const ports = this.#bug.holderPorts?.(this.#env) ?? this.#env;
    const ifHeld = this.#env.random() < 0.85 ? 'wait' : 'leave';
    const withinMs = 500 + randomness.below(4_000);
    const outcome = await holdLease(ports, { access, place: 'a', name, owner: by, ttlMs, withinMs, ifHeld });
    this.#witness.count(outcome.kind);
    if (outcome.kind !== 'held') return;
    const { lease } = outcome;
    this.#witness.holders.set(this.#name, lease);
    for (let writes = randomness.below(8); writes > 0 && lease.isHeld; writes--) await this.#write(lease, by);
    const end = this.#env.random();
    if (end < 0.2) await this.#env.sleep(`${randomness.below(3 * ttlMs)}ms`); // it may be lost by then
    if (end < 0.3) await this.#write(lease, by); // without looking whether it still is held
    await lease.release();
    if (end < 0.8) return;
    await this.#env.sleep(`${randomness.below(ttlMs)}ms`);
    await this.#write(lease, by); // it should know better
  }

  async #write(lease: LeaseHolder, by: string): Promise<void> {
    if (this.#env.random() < 0.5) {
      storeWrite(this.#world, this.#witness, lease.name, lease.token, by);
    } else {
      const { place, name, token } = lease;
      const request: LeaseRequest = { kind: 'write', lease: { place, name, token }, by };
      const answer = await this.#ask<{ kind: string; value?: string }>(request, 400).catch(passing);
      if (answer?.kind === 'rejected') this.#witness.count('fenced');
      if (answer?.value === 'out of order') this.#world.fail(`${by} overwrites what a later holder wrote`);
    }
    await this.#env.sleep(`${this.#env.randomness.below(100)}ms`);
  }

  get access(): LeaseAccess {
    return {
      claim: (claim) => this.#ask<ClaimAnswer>({ kind: 'claim', claim }, Math.min((claim.waitMs ?? 0) + 400, 1_500)),
      renew: (lease) => this.#ask<RenewAnswer>({ kind: 'renew', lease }, 150),
      release: (lease) => this.#ask<ReleaseAnswer>({ kind: 'release', lease }, 400),
      giveUp: (claim) => this.#ask<GiveUpAnswer>({ kind: 'give-up', claim }, 400),
    };
  }

  /** How many timers have had no effect yet; null: nobody could say. */
  async pending(): Promise<{ readonly count: number; readonly dead: number } | null> {
    const answer = await this.#ask<{ kind: string; value?: { count: number; dead: number } }>(
      { kind: 'pending' },
      800,
    ).catch(passing);
    return answer?.value ?? null;
  }

  /** Whoever was asked last and leads is asked first. */
  async #ask<T extends { readonly kind: string }>(request: LeaseRequest, withinMs: number): Promise<T> {
    const contender = this.#contenders[this.#at % this.#contenders.length];
    if (contender === undefined) throw new Error('there is one');
    try {
      const answer = (await call(this.#env, contender.address, request as never, withinMs)) as Plain & { kind: string };
      if (answer.kind === 'not-leader' || answer.kind === 'unavailable') this.#at++;
      if (answer.kind === 'unavailable') throw new LockstepError('unavailable', 'it said so');
      if (answer.kind === 'unknown') throw new LockstepError('unknown', 'it said so');
      return answer as never;
    } catch (error) {
      if (isLockstepError(error, 'unavailable') || this.#env.random() < 0.5) this.#at++;
      throw error;
    }
  }
}

function passing(error: unknown): null {
  if (isLockstepError(error) && error.retry) return null;
  throw error;
}
