/** Which revisions are still read: the oldest of them, else the newest revision there is, is the floor. */
import { assert } from '../kernel/assert.ts';

export interface HeldRevision {
  /** Once; later calls do nothing. */
  release(): void;
}

export class Snapshots {
  /** In the order of holding, so growing: how often each is held. */
  readonly #held = new Map<number, number>();
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
    for (const holders of this.#held.values()) count += holders;
    return count;
  }

  /** The oldest revision that is held; null when none is. */
  get oldest(): number | null {
    for (const revision of this.#held.keys()) return revision;
    return null;
  }

  /** There is a newer revision. */
  advance(revision: number): void {
    this.#newest = revision;
    if (this.#held.size === 0) this.#onFloor(revision);
  }

  /** Holds the newest revision. */
  hold(revision: number): HeldRevision {
    assert(revision >= this.#newest, 'the newest revision is held, so that the oldest comes first');
    return this.#add(revision);
  }

  /** Holds once more what is held. */
  again(revision: number): HeldRevision {
    assert(this.#held.has(revision), 'a snapshot that was disposed cannot be read');
    return this.#add(revision);
  }

  #add(revision: number): HeldRevision {
    this.#held.set(revision, (this.#held.get(revision) ?? 0) + 1);
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#release(revision);
      },
    };
  }

  #release(revision: number): void {
    const count = (this.#held.get(revision) ?? 0) - 1;
    if (count > 0) {
      this.#held.set(revision, count);
      return;
    }
    this.#held.delete(revision);
    this.#onFloor(this.oldest ?? this.#newest);
  }
}
