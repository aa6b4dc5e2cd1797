/**
 * A replica's own part in scrubs, whether it leads or follows: at a mark it holds the revision and hashes its state a
 * step at a time, and compares what it came to with the sum that stands in the log, whichever of the two is there first.
 * One scrub at a time: a mark that comes while an older one is hashed is passed over here.
 */
import { ValueDecoder } from '../../bytes/value-decode.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import type { Ports } from '../../env/env.ts';
import type { Timer } from '../../env/timers.ts';
import { asError, LockstepError } from '../../kernel/errors.ts';
import { elapsedMs, type Instant } from '../../kernel/time.ts';
import type { WaitEntry, Waits } from '../../observe/waits.ts';
import type { HeldRevision } from '../../storage/snapshots.ts';
import { KeySpace } from '../key-space.ts';
import type { Replica } from '../replica.ts';
import { markKey, markOf, scrubSystem, sumKey, sumStandingIn, type ScrubSum } from './scrub-state.ts';
import { differenceOf, StateHash, sumOf } from './state-hash.ts';

/** What the newest scrub that ended came to, as far as this replica knows. */
export interface ScrubResult {
  /** Of the state that was hashed. */
  readonly revision: number;
  /** That stands in the log, 32 hexadecimal digits. */
  readonly sum: string;
  /** When it was put there, in the partition's time, in milliseconds. */
  readonly atMs: number;
  /** Whether this replica came to the same; null: it did not hash that revision. */
  readonly agreed: boolean | null;
}

/** What this replica came to at a mark. */
export type OwnSum = Omit<ScrubSum, 'atMs'>;

export interface ScrubberSetup {
  readonly ports: Pick<Ports, 'clock' | 'timers'>;
  readonly waits: Waits | null;
  readonly key: string;
  readonly replica: Replica;
  /** A hash that takes longer is given up. */
  readonly withinMs: number;
  /** This replica differs, or met damage: it cannot go on. */
  readonly onFailed: (error: Error) => void;
}

/** A hash that is under way. */
interface Hashing {
  readonly number: number;
  readonly hash: StateHash;
  readonly held: HeldRevision;
  readonly since: Instant;
  readonly wait: WaitEntry | null;
  readonly ended: PromiseWithResolvers<OwnSum | null>;
}

export class Scrubber {
  readonly #setup: ScrubberSetup;
  readonly #markKey: Uint8Array;
  readonly #sumKey: Uint8Array;
  readonly #decoder = new ValueDecoder();
  #seenRevision: number;
  /** The revision that wrote the newest mark that was looked at. */
  #markedAt: number;
  /** Of a mark whose sum did not come yet. */
  #awaited: number | null = null;
  #hashing: Hashing | null = null;
  #timer: Timer | null = null;
  /** Came while this replica was still hashing. */
  #early: ScrubSum | null = null;
  /** Waits for the log's sum. */
  #own: OwnSum | null = null;
  #last: ScrubResult | null = null;
  #isClosed = false;

  constructor(setup: ScrubberSetup) {
    this.#setup = setup;
    const space = KeySpace.ofSystem(scrubSystem);
    this.#markKey = space.key(markKey);
    this.#sumKey = space.key(sumKey);
    this.#seenRevision = setup.replica.durableRevision;
    const found = this.#find(this.#markKey);
    this.#markedAt = found?.writtenAt ?? -1;
    const mark = markOf(found?.value());
    const sum = sumStandingIn(this.#find(this.#sumKey)?.value());
    if (sum !== null) this.#last = resultOf(sum, null);
    if (mark !== null && mark.number > (sum?.number ?? 0)) this.#awaited = mark.number;
  }

  /** Null: nobody ever scrubbed. */
  get last(): ScrubResult | null {
    return this.#last;
  }

  /** Whether nothing was written since the newest sum, or this cannot be learned: then this replica fails. */
  get isIdle(): boolean {
    try {
      return this.#find(this.#sumKey)?.writtenAt === this.#seenRevision;
    } catch (error) {
      this.#failed(error);
      return true;
    }
  }

  /** What the replica came to at the mark of this number; null: it did not hash there, or gave up. */
  hashed(number: number): Promise<OwnSum | null> {
    if (this.#hashing?.number === number) return this.#hashing.ended.promise;
    return Promise.resolve(this.#own?.number === number ? this.#own : null);
  }

  /** Resolves when nothing is hashed. */
  async ended(): Promise<void> {
    await this.#hashing?.ended.promise;
  }

  /** To be called after every record: then the newest durable revision is the last one of a record. */
  advanced(): void {
    const revision = this.#setup.replica.durableRevision;
    if (this.#isClosed || revision === this.#seenRevision) return;
    this.#seenRevision = revision;
    try {
      this.#look();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What is hashed is given up. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#end(null);
  }

  #look(): void {
    if (this.#awaited !== null) this.#lookForSum(this.#awaited);
    const found = this.#find(this.#markKey);
    if (found === null || found.writtenAt === this.#markedAt) return;
    this.#markedAt = found.writtenAt;
    const mark = markOf(found.value());
    if (mark === null) return;
    this.#awaited = mark.number;
    if (this.#hashing === null) this.#begin(mark.number);
  }

  #begin(number: number): void {
    const { ports, waits, key, replica, withinMs } = this.#setup;
    const { revision, held } = replica.holdDurable();
    const waitsFor = `the hash of its state at revision ${revision}`;
    const wait = waits?.enterIfRoom({ what: 'scrub', key, waitsFor, withinMs }) ?? null;
    const hash = new StateHash(replica.tree, revision);
    this.#own = null;
    this.#early = null;
    this.#hashing = { number, hash, held, since: ports.clock.now(), wait, ended: Promise.withResolvers() };
    this.#later();
  }

  /** Others run between two steps. */
  #later(): void {
    this.#timer = this.#setup.ports.timers.after(0, () => this.#step());
  }

  #step(): void {
    const { ports, replica, withinMs } = this.#setup;
    const { number, hash, since } = this.#hashing as Hashing;
    try {
      // A replica that was given a checkpoint meanwhile has another tree.
      if (hash.tree !== replica.tree) return this.#end(null);
      hash.step();
      if (!hash.isDone) {
        if (elapsedMs(since, ports.clock.now()) <= withinMs) return this.#later();
        return this.#end(null);
      }
      const own = { number, revision: hash.revision, sums: hash.sums() };
      this.#own = own;
      this.#end(own);
      if (this.#early !== null) this.#compare(own, this.#early);
    } catch (error) {
      this.#end(null);
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#setup.onFailed(asError(error));
  }

  #end(own: OwnSum | null): void {
    const hashing = this.#hashing;
    if (hashing === null) return;
    this.#hashing = null;
    hashing.held.release();
    hashing.wait?.leave();
    hashing.ended.resolve(own);
  }

  #lookForSum(awaited: number): void {
    const sum = sumStandingIn(this.#find(this.#sumKey)?.value());
    if (sum === null || sum.number < awaited) return;
    this.#awaited = null;
    if (this.#hashing?.number === sum.number) this.#early = sum;
    else if (this.#own?.number === sum.number) this.#compare(this.#own, sum);
    else this.#last = resultOf(sum, null);
  }

  #compare(own: OwnSum, sum: ScrubSum): void {
    const { key } = this.#setup;
    this.#own = null;
    this.#early = null;
    const isComparable = own.revision === sum.revision;
    const where = isComparable ? differenceOf(own.sums, sum.sums) : null;
    this.#last = resultOf(sum, isComparable ? where === null : null);
    if (where === null) return;
    this.#failed(
      new LockstepError('corrupt', 'this replica has other state than the one whose sum stands in the log', {
        values: {
          key,
          revision: own.revision,
          sum: sumOf(own.sums),
          sumInLog: sumOf(sum.sums),
          where,
        },
        advice: ['hold it against a third replica; give whichever is wrong a checkpoint, nothing was overwritten'],
      }),
    );
  }

  #find(key: Uint8Array): Found | null {
    const { tree } = this.#setup.replica;
    const found = tree.find(key, 0, key.length, this.#seenRevision);
    if (found === null) return null;
    return { writtenAt: found.revision, value: () => this.#decoder.decode(found.bytes, found.start, found.end) };
  }
}

/** Good until the next search. */
interface Found {
  readonly writtenAt: number;
  readonly value: () => StoredValue;
}

const resultOf = ({ revision, atMs, sums }: ScrubSum, agreed: boolean | null): ScrubResult => ({
  revision,
  sum: sumOf(sums),
  atMs,
  agreed,
});
