/**
 * Who reads a tree of its own: at its newest visible revision, or at one that is held. They say what must be kept: the
 * floor follows the oldest of them, and the time for which versions are kept in any case.
 */
import type { Clock } from '../env/clock.ts';
import { LockstepError } from '../kernel/errors.ts';
import { nextFloor, RevisionTimes } from './floor.ts';
import { boundsOf, Scan, type ScanOptions } from './scan.ts';
import { Snapshots, type HeldRevision, type HoldLimit } from './snapshots.ts';
import type { HeldCursor, Tree } from './tree.ts';
import { checkKey } from './write-batch.ts';

export interface SnapshotOptions {
  /** The revision to see. Default: the newest that was acknowledged. */
  readonly at?: number | undefined;
  /** How long it may be held, in milliseconds. Default, and at most: the tree's `snapshotMsMax`. */
  readonly maxAgeMs?: number | undefined;
}

/** A tree as it was at one moment. */
export interface TreeSnapshot extends Disposable {
  readonly revision: number;
  /** As `StoredTree.get`. @throws LockstepError `stopped` once it is older than it may become; `misuse` when it was disposed. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** As `StoredTree.scan`. A scan may outlive the snapshot, but not the age that this may have. @throws as `get`. */
  scan(options?: ScanOptions): Scan;
}

export interface ReaderLimits {
  readonly snapshotMsMax: number;
  readonly keepVersionsMs: number;
}

export class TreeReaders {
  readonly #tree: Tree;
  readonly #clock: Clock;
  readonly #limits: ReaderLimits;
  readonly #times: RevisionTimes;
  readonly #snapshots: Snapshots;
  #visible: number;
  #isClosed = false;

  constructor(tree: Tree, clock: Clock, limits: ReaderLimits) {
    this.#tree = tree;
    this.#clock = clock;
    this.#limits = limits;
    this.#visible = tree.revision;
    this.#times = new RevisionTimes(limits.keepVersionsMs);
    this.#times.note(clock.now(), tree.revision);
    this.#snapshots = new Snapshots(tree.revision, (oldest) => this.#moveFloor(oldest));
  }

  get count(): number {
    return this.#snapshots.count;
  }

  get oldest(): number | null {
    return this.#snapshots.oldest;
  }

  /** The oldest revision that a snapshot may be taken of. */
  get floor(): number {
    return this.#tree.readFloor;
  }

  /** There is more to be seen. */
  advance(revision: number): void {
    this.#visible = revision;
    const now = this.#clock.now();
    this.#times.note(now, revision);
    this.#snapshots.expire(now);
    this.#snapshots.advance(revision);
  }

  /** Whoever is over its age holds nothing from now on. */
  expire(): void {
    this.#snapshots.expire(this.#clock.now());
  }

  /** Keeps what is seen at this revision, which may be above what is visible, until it is released. */
  hold(revision: number): HeldRevision {
    return this.#snapshots.hold(revision);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#getAt(key, this.#visible);
  }

  scan(options: ScanOptions): Scan {
    this.#check();
    return this.#scanAt(options, this.#visible, this.#clock.now() + this.#limits.snapshotMsMax);
  }

  snapshot({ at, maxAgeMs = this.#limits.snapshotMsMax }: SnapshotOptions): TreeSnapshot {
    this.#check();
    const { snapshotMsMax } = this.#limits;
    if (!(maxAgeMs > 0 && maxAgeMs <= snapshotMsMax))
      throw new LockstepError('misuse', 'a snapshot has an age of at most snapshotMsMax', {
        values: { maxAgeMs, snapshotMsMax },
        advice: ['open the tree with a larger snapshotMsMax, if what it keeps on disk meanwhile is worth it'],
      });
    const revision = at ?? this.#visible;
    this.#checkRevision(revision);
    const untilMs = this.#clock.now() + maxAgeMs;
    return this.#snapshotAt(revision, untilMs, maxAgeMs);
  }

  close(): void {
    this.#isClosed = true;
  }

  #snapshotAt(revision: number, untilMs: number, maxAgeMs: number): TreeSnapshot {
    let state: 'held' | 'disposed' | 'expired' = 'held';
    const held = this.#snapshots.hold(revision, { untilMs, onExpired: () => (state = 'expired') });
    const check = (): void => {
      this.#check();
      this.expire();
      if (state === 'held') return;
      if (state === 'expired') throw tooOld({ revision, maxAgeMs });
      throw new LockstepError('misuse', 'the snapshot was disposed', { values: { revision } });
    };
    return {
      revision,
      get: (key) => {
        check();
        return this.#getAt(key, revision);
      },
      scan: (options = {}) => {
        check();
        return this.#scanAt(options, revision, untilMs);
      },
      [Symbol.dispose]: () => {
        if (state === 'held') state = 'disposed';
        held.release();
      },
    };
  }

  #getAt(key: Uint8Array, revision: number): Uint8Array | undefined {
    this.#check();
    checkKey(key);
    const found = this.#tree.find(key, 0, key.length, revision);
    return found === null ? undefined : this.#tree.copies.of(found.bytes, found.start, found.end);
  }

  /** What it holds goes at the end of the walk, or of its time. */
  #scanAt(options: ScanOptions, revision: number, untilMs: number): Scan {
    const walk = this.#tree.walk(revision, boundsOf(options));
    let isExpired = false;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      walk.release();
    };
    const onExpired = (): void => {
      isExpired = true;
      release();
    };
    const limit: HoldLimit = { untilMs, onExpired };
    const hold = this.#snapshots.hold(revision, limit);
    const held: HeldCursor = { cursor: walk.cursor, release };
    return new Scan(held, this.#tree.copies, options, {
      check: () => {
        this.#check();
        if (isExpired) throw tooOld({ revision, snapshotMsMax: this.#limits.snapshotMsMax });
      },
      onEnd: () => hold.release(),
    });
  }

  #moveFloor(oldestHeld: number): void {
    const tree = this.#tree;
    const floor = nextFloor({
      floor: tree.readFloor,
      newest: this.#visible,
      oldestHeld,
      times: this.#times.list,
      nowMs: this.#clock.now(),
      keepMs: this.#limits.keepVersionsMs,
    });
    tree.setFloor(Math.min(floor, tree.durableRevision));
    tree.setReadFloor(Math.min(floor, this.#visible)); // what is visible is never cut, and an empty tree has revision -1
  }

  /** @throws LockstepError `invalid` for a revision that is not there, any more or yet. */
  #checkRevision(revision: number): void {
    const values = { revision, floor: this.floor, newest: this.#visible };
    if (revision !== this.#visible && !Number.isSafeInteger(revision))
      throw new LockstepError('misuse', 'a revision is a whole number', { values });
    if (revision > this.#visible)
      throw new LockstepError('invalid', 'nothing was acknowledged at this revision yet', { values });
    if (revision < Math.min(this.floor, this.#visible))
      throw new LockstepError('invalid', 'the versions of this revision were trimmed', {
        values,
        advice: ['hold a snapshot of what is to be read later, or open the tree with keepVersionsMs'],
      });
  }

  #check(): void {
    if (this.#isClosed) throw new LockstepError('stopped', 'the tree is closed');
  }
}

const tooOld = (values: Readonly<Record<string, number>>): LockstepError =>
  new LockstepError('stopped', 'a snapshot has come to its maximum age, and what it saw is not kept any more', {
    values,
    advice: ['take another one; for longer reads open the tree with a larger snapshotMsMax'],
  });
