/**
 * Until when holders are safe, for one epoch: a lease is taken from a holder who was silent for its whole ttl by the
 * leader's own monotonic clock, and never because the time of day was set. What an earlier leader had seen of that time
 * is not known, so a new one begins to count anew.
 */
import type { Ports } from '../../env/env.ts';
import type { Timer } from '../../env/timers.ts';
import { elapsedMs, type Instant } from '../../kernel/time.ts';
import type { FencingToken, LeaseId } from './lease-state.ts';

export interface Guarded extends LeaseId {
  readonly token: FencingToken;
  readonly ttlMs: number;
}

interface Guard {
  readonly lease: Guarded;
  since: Instant;
  timer: Timer;
}

export class LeaseGuards {
  readonly #ports: Pick<Ports, 'clock' | 'timers'>;
  readonly #onSilent: (lease: Guarded) => void;
  /** By `leaseText`; one a lease that is held. */
  readonly #guards = new Map<string, Guard>();

  constructor(ports: Pick<Ports, 'clock' | 'timers'>, onSilent: (lease: Guarded) => void) {
    this.#ports = ports;
    this.#onSilent = onSilent;
  }

  get count(): number {
    return this.#guards.size;
  }

  has(lease: LeaseId): boolean {
    return this.#guards.has(leaseText(lease));
  }

  /** Whether this is the token that it is held with, as far as is known. */
  isOf(lease: Guarded): boolean {
    return this.#guards.get(leaseText(lease))?.lease.token === lease.token;
  }

  /** It is held, and its holder was heard of just now. */
  heard(lease: Guarded): void {
    const text = leaseText(lease);
    const guard = this.#guards.get(text);
    if (guard?.lease.token === lease.token) {
      guard.since = this.#ports.clock.now(); // its timer looks again when it comes due
      return;
    }
    guard?.timer.cancel();
    const since = this.#ports.clock.now();
    this.#guards.set(text, { lease, since, timer: this.#after(text, lease.ttlMs) });
  }

  /** Nobody holds it. */
  freed(lease: LeaseId): void {
    const text = leaseText(lease);
    this.#guards.get(text)?.timer.cancel();
    this.#guards.delete(text);
  }

  /** What was told of it could not be settled: it is told again after so long. */
  again(lease: Guarded, ms: number): void {
    const text = leaseText(lease);
    const guard = this.#guards.get(text);
    if (guard?.lease.token === lease.token) guard.timer = this.#after(text, ms);
  }

  clear(): void {
    for (const { timer } of this.#guards.values()) timer.cancel();
    this.#guards.clear();
  }

  #after(text: string, ms: number): Timer {
    return this.#ports.timers.after(ms, () => {
      const guard = this.#guards.get(text);
      if (guard === undefined) return;
      const leftMs = guard.lease.ttlMs - elapsedMs(guard.since, this.#ports.clock.now());
      if (leftMs > 0) guard.timer = this.#after(text, Math.max(1, leftMs)); // a sliver of time may never go by
      else this.#onSilent(guard.lease);
    });
  }
}

/** Tells leases apart. Made for every claim and release, so it quotes nothing: the length says where the place ends. */
export const leaseText = ({ place, name }: LeaseId): string =>
  place === null ? `:${name}` : `${place.length}:${place}${name}`;
