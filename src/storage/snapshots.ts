/**
 * Which revisions are still read: the oldest of them, else the newest revision there is, is the floor. Who holds one says
 * until when at most; those whose time is over are told at the next step, whichever comes first: there is no timer.
 */
import { assert } from '../kernel/assert.ts';

export interface HeldRevision {
  /** Once; later calls do nothing. */
  release(): void;
}

/** A hold that ends by itself. */
export interface HoldLimit {
  /** By the clock of whoever calls `expire`, in milliseconds. */
  readonly untilMs: number;
  /** It is released; what it held may be gone from now on. */
  readonly onExpired: () => void;
}

interface LimitedHold extends HoldLimit {
  readonly release: () => void;
}

export class Snapshots {
  /** Growing, each once; and how often each is held. */
  readonly #revisions: number[] = [];
  readonly #counts: number[] = [];
  readonly #limited = new Set<LimitedHold>();
  /** Not after the first of the limits. */
  #nextLimitMs = Infinity;
  #newest: number;
  readonly #onFloor: (floor: number) => void;

  /** `newest`: the newest revision there is, -1 for none. `onFloor`: below this nobody reads. */
  constructor(newest: number, onFloor: (floor: number) => void) {
    this.#newest = newest;
    this.#onFloor = onFloor;
  }

  /** How many hold one. */
  get count(): number {
    let count = 0;
    for (const holders of this.#counts) count += holders;
    return count;
  }

  /** The oldest revision that is held; null when none is. */
  get oldest(): number | null {
    return this.#revisions[0] ?? null;
  }

  /** There is a newer revision. */
  advance(revision: number): void {
    this.#newest = revision;
    this.#tell();
  }

  /** Releases all whose time is over. */
  expire(nowMs: number): void {
    if (nowMs < this.#nextLimitMs) return;
    const over = [...this.#limited].filter(({ untilMs }) => untilMs <= nowMs);
    for (const one of over) {
      one.release();
      one.onExpired();
    }
    this.#nextLimitMs = Math.min(Infinity, ...[...this.#limited].map(({ untilMs }) => untilMs));
  }

  /** Holds a revision from the floor on: what can be seen there is kept. Without a limit until it is released. */
  hold(revision: number, limit: HoldLimit | null = null): HeldRevision {
    const { length } = this.#revisions;
    const at = this.#placeOf(revision);
    if (at === length || this.#revisions[at] !== revision) {
      this.#revisions.splice(at, 0, revision);
      this.#counts.splice(at, 0, 0);
    }
    (this.#counts[at] as number)++;
    return this.#held(revision, limit);
  }

  /** Holds once more what is held. */
  again(revision: number, limit: HoldLimit | null = null): HeldRevision {
    assert(this.#revisions[this.#placeOf(revision)] === revision, 'a snapshot that was disposed cannot be read');
    return this.hold(revision, limit);
  }

  #held(revision: number, limit: HoldLimit | null): HeldRevision {
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      if (limited !== null) this.#limited.delete(limited);
      this.#release(revision);
    };
    const limited = limit === null ? null : { untilMs: limit.untilMs, onExpired: limit.onExpired, release };
    if (limited !== null) {
      this.#limited.add(limited);
      this.#nextLimitMs = Math.min(this.#nextLimitMs, limited.untilMs);
    }
    return { release };
  }

  #release(revision: number): void {
    const at = this.#placeOf(revision);
    const count = (this.#counts[at] as number) - 1;
    this.#counts[at] = count;
    if (count > 0) return;
    this.#revisions.splice(at, 1);
    this.#counts.splice(at, 1);
    if (at === 0) this.#tell();
  }

  /** Where it is or belongs; most are near the end. */
  #placeOf(revision: number): number {
    const revisions = this.#revisions;
    let [low, high] = [0, revisions.length];
    if (high > 0 && (revisions[high - 1] as number) < revision) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((revisions[middle] as number) < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #tell(): void {
    this.#onFloor(Math.min(this.oldest ?? Infinity, this.#newest));
  }
}
