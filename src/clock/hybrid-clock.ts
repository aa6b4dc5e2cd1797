/**
 * A hybrid logical clock: timestamps that respect cause and effect, as Lamport's do, and stay close to the wall
 * clock. Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical Physical Clocks and Consistent Snapshots in Globally
 * Distributed Databases", 2014. Here (l, c) of the paper is one number, so that "the same l and c + 1" and "the next
 * l" are both + 1. It does not set or slew the wall clock, and nothing that must be safe may rest on its closeness.
 */
import type { Clock } from '../env/clock.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { WallTime } from '../kernel/time.ts';
import { hybridOf, hybridWall, hybridWallMax, hybridWallMin, nextHybrid, type HybridTimestamp } from './timestamp.ts';

/** A timestamp that was not given. The clock stands as it stood. */
export interface HybridRefusal {
  readonly kind: 'refused';
  /**
   * - `remote-ahead`: the sender's clock runs ahead, or ours is behind. Do not take the message.
   * - `own-ahead`: what this clock gave before lies ahead: the wall clock was set back, or restored state is from the
   *   future. Wait `aheadMs - driftMsMax` and ask again, or stop.
   * - `wall-out-of-range`: the wall clock shows a time before 2020 or after 2089-09-06.
   */
  readonly reason: 'remote-ahead' | 'own-ahead' | 'wall-out-of-range';
  /** How far ahead of the wall clock the timestamp would be; 0 when the wall clock is out of range. */
  readonly aheadMs: number;
  readonly driftMsMax: number;
}

export interface HybridClockOptions {
  /**
   * The last timestamp that was made durable, after a restart; null the first time. Every timestamp that anybody saw
   * must be durable or covered by one that is: what was given after it may be given again.
   */
  readonly last: HybridTimestamp | null;
  /**
   * How far timestamps may be ahead of the wall clock. Default 500. Higher takes worse clocks in, lower keeps times
   * truer; a value below the usual difference of the nodes' clocks refuses good messages.
   */
  readonly driftMsMax?: number | undefined;
}

/**
 * Whatever it gives is larger than all it gave or took in before, at least the wall clock of that moment and at most
 * `driftMsMax` ahead of it. When it cannot hold that, it refuses.
 */
export class HybridClock {
  readonly #clock: Pick<Clock, 'wall'>;
  readonly #driftMsMax: number;
  #last: HybridTimestamp | null;

  constructor(clock: Pick<Clock, 'wall'>, options: HybridClockOptions) {
    this.#clock = clock;
    this.#last = options.last;
    this.#driftMsMax = options.driftMsMax ?? 500;
    if (!(this.#driftMsMax >= 0 && this.#driftMsMax < Infinity))
      throw new LockstepError('misuse', 'the drift of a clock is bounded by a number of milliseconds', {
        values: { driftMsMax: this.#driftMsMax },
      });
  }

  /** The largest timestamp given or taken in; null before the first. */
  get last(): HybridTimestamp | null {
    return this.#last;
  }

  /**
   * How far `last` is ahead of the wall clock now, in milliseconds; 0 when it is not. Above `driftMsMax` every `now`
   * is refused until the wall clock has come closer: a node that would lead waits, or declines.
   */
  aheadMs(): number {
    return this.#last === null ? 0 : Math.max(0, hybridWall(this.#last) - this.#clock.wall());
  }

  /** For an event of this node: before it is stored or sent. Strictly larger than all before. */
  now(): HybridTimestamp | HybridRefusal {
    return this.#advance(this.#last, this.#clock.wall());
  }

  /** For an event of this node that `remote` caused, such as taking a message: larger than `remote` and all before. */
  receive(remote: HybridTimestamp): HybridTimestamp | HybridRefusal {
    const wall = this.#clock.wall();
    const remoteAheadMs = hybridWall(remote) - wall;
    if (remoteAheadMs > this.#driftMsMax) return this.#refusal('remote-ahead', remoteAheadMs);
    return this.#advance(this.#last === null || remote > this.#last ? remote : this.#last, wall);
  }

  #advance(after: HybridTimestamp | null, wall: WallTime): HybridTimestamp | HybridRefusal {
    if (wall < hybridWallMin || wall > hybridWallMax) return this.#refusal('wall-out-of-range', 0);
    const atWall = hybridOf({ wall, counter: 0 });
    const next = after === null || (atWall !== null && after < atWall) ? atWall : nextHybrid(after);
    if (next === null) return this.#refusal('own-ahead', hybridWallMax + 1 - wall);
    const aheadMs = hybridWall(next) - wall;
    if (aheadMs > this.#driftMsMax) return this.#refusal('own-ahead', aheadMs);
    this.#last = next;
    return next;
  }

  #refusal(reason: HybridRefusal['reason'], aheadMs: number): HybridRefusal {
    return { kind: 'refused', reason, aheadMs, driftMsMax: this.#driftMsMax };
  }
}
