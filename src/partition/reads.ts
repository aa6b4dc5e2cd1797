/** Reads outside of transactions: of the newest state, of one that has a given write in it, of one that is not too old. */
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { elapsedMs, type Instant } from '../kernel/time.ts';
import type { Log, Position } from '../log/port.ts';
import { atMost, isPassing } from '../log/within.ts';
import { checkToken } from './identity.ts';
import type { Leader } from './leader.ts';
import type { Progress } from './progress.ts';
import type { Replica } from './replica.ts';
import { HeldSnapshot, type Snapshot } from './snapshot.ts';
import { parseTokenOf, tokensIn } from './token.ts';
import type { NotLeader, Refused, Token } from './transaction.ts';

export type Consistency =
  /** As new as the moment of the call; from whoever leads alone. */
  | 'linearizable'
  /** With all that the token's transaction saw and wrote. */
  | { readonly atLeast: Token }
  /** At most so much behind, in milliseconds. */
  | { readonly staleMsMax: number };

export interface ReadOptions {
  /** The deadline, in milliseconds. Default 30,000. */
  readonly withinMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Waits also where the registry of waits has no room to tell of it: for whoever reads on and on, and is bounded in number by
   * who began it. Default false: then it is refused, `overloaded`.
   */
  readonly evenUntold?: boolean | undefined;
}

export type ReadOutcome = Snapshot | NotLeader | Refused;

export interface ReadsSetup {
  readonly ports: Pick<Ports, 'clock' | 'timers'>;
  readonly log: Log;
  readonly key: string;
  readonly replica: Replica;
  readonly progress: Progress;
  readonly snapshotMsMax: number;
  readonly snapshotCountMax: number;
  /** Null: this node follows. */
  readonly leader: () => Leader | null;
  readonly leaderName: () => string | null;
}

const withinMsDefault = 30_000;

export class Reads {
  readonly #setup: ReadsSetup;
  readonly #snapshots = new Set<HeldSnapshot>();
  #isClosed = false;
  /** A follower had then all that the log had. */
  #freshAt: Instant | null = null;

  constructor(setup: ReadsSetup) {
    this.#setup = setup;
  }

  /** @throws LockstepError `unavailable` at the deadline; `overloaded` for too many snapshots; `invalid` for a token of another partition; `misuse`. */
  async read(consistency: Consistency, options: ReadOptions = {}): Promise<ReadOutcome> {
    const { replica, snapshotCountMax } = this.#setup;
    if (replica.heldCount >= snapshotCountMax)
      throw new LockstepError('overloaded', 'too many snapshots are held', {
        values: { snapshotCountMax },
        advice: ['dispose each when it was read'],
      });
    if (consistency === 'linearizable') return this.#linearizable(options);
    if ('atLeast' in consistency) return this.#atLeast(consistency.atLeast, options);
    return this.#atMostBehind(consistency.staleMsMax, options);
  }

  async #linearizable(options: ReadOptions): Promise<ReadOutcome> {
    const leader = this.#setup.leader();
    if (leader === null) return { kind: 'not-leader', leader: this.#setup.leaderName() };
    const outcome = await this.#confirmed(leader, options);
    return outcome === 'held' ? this.#snapshot(0) : outcome;
  }

  async #atLeast(token: Token, options: ReadOptions): Promise<Snapshot> {
    const { replica } = this.#setup;
    // Which part of it is its own, a partition knows once it has its identity.
    if (tokensIn(token).length > 1) await this.#until(() => replica.identity !== null, 'its identity', options);
    const parts = parseTokenOf(token, replica.identity?.id ?? null);
    const { revision } = parts;
    if (replica.identity !== null) checkToken(replica.identity, parts);
    const isThere = (): boolean => this.#isReadable() && replica.durableRevision >= revision;
    // A leader that lacks what was told leads no longer, and may not know: asked whether it does, it learns that.
    const leader = this.#setup.leader();
    if (!isThere() && leader !== null) await this.#confirmed(leader, options);
    await this.#until(isThere, `revision ${revision}`, options);
    if (replica.identity !== null) checkToken(replica.identity, parts);
    return this.#snapshot(this.#ageMs() ?? Infinity);
  }

  async #atMostBehind(staleMsMax: number, options: ReadOptions): Promise<ReadOutcome> {
    if (!(staleMsMax >= 0))
      throw new LockstepError('misuse', 'staleMsMax is a number of milliseconds', { values: { staleMsMax } });
    const { ports, replica } = this.#setup;
    if ((this.#ageMs() ?? Infinity) > staleMsMax || !this.#isReadable()) {
      const askedAt = ports.clock.now();
      const leader = this.#setup.leader();
      if (leader !== null) {
        const outcome = await this.#confirmed(leader, options);
        if (outcome === 'held') return this.#snapshot(0);
      }
      const tail = await this.#tail();
      const isThere = (): boolean => this.#isReadable() && replica.place.position >= tail;
      await this.#until(isThere, `position ${tail} of the log`, options);
      this.#freshAt = askedAt;
    }
    return this.#snapshot(this.#ageMs() ?? Infinity);
  }

  /** The leader has a deadline of its own, which is for all that it does: a timer is only where one is asked for. */
  async #confirmed(leader: Leader, { withinMs, signal }: ReadOptions): ReturnType<Leader['confirmed']> {
    if (withinMs === undefined && signal === undefined) return leader.confirmed();
    const { ports, key } = this.#setup;
    const outcome = await atMost(ports.timers, withinMs ?? Infinity, [signal], () => leader.confirmed());
    if (outcome.kind === 'done') return outcome.value;
    throw new LockstepError('unavailable', 'the deadline came before it was known whether this node leads', {
      values: { key, withinMs: withinMs ?? null },
    });
  }

  async #tail(): Promise<Position> {
    const { log, key } = this.#setup;
    try {
      return await log.tail();
    } catch (error) {
      if (!isPassing(error)) throw error;
      throw new LockstepError('unavailable', 'how far the log goes could not be learned', {
        values: { key },
        cause: error,
      });
    }
  }

  /** After a crash tables may be newer than what of the log was read again: until that is past nothing is read. */
  #isReadable(): boolean {
    const { replica } = this.#setup;
    return replica.durableRevision >= replica.floor;
  }

  #ageMs(): number | null {
    const { ports, leader } = this.#setup;
    const led = leader()?.commit.ledAt ?? null;
    const at = led === null || (this.#freshAt !== null && this.#freshAt > led) ? this.#freshAt : led;
    return at === null ? null : elapsedMs(at, ports.clock.now());
  }

  #until(
    isDone: () => boolean,
    waitsFor: string,
    { withinMs = withinMsDefault, signal, evenUntold }: ReadOptions,
  ): Promise<void> {
    const { progress, key, leaderName } = this.#setup;
    return progress.until(isDone, { what: 'read', key, waitsFor, heldBy: leaderName(), withinMs, signal, evenUntold });
  }

  #snapshot(ageMs: number): Snapshot {
    const { ports, replica, snapshotMsMax } = this.#setup;
    if (this.#isClosed) throw new LockstepError('stopped', 'the partition is closed');
    const onEnd = (snapshot: HeldSnapshot): void => void this.#snapshots.delete(snapshot);
    const snapshot = new HeldSnapshot(ports, replica, { ageMs, since: ports.clock.now(), msMax: snapshotMsMax, onEnd });
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  /** Each snapshot that is held: of which revision, since when, and for how long at most. */
  explain(): { readonly revision: number; readonly since: Instant; readonly msMax: number }[] {
    const msMax = this.#setup.snapshotMsMax;
    return [...this.#snapshots].map(({ revision, since }) => ({ revision, since, msMax }));
  }

  /** All snapshots end, and there are no others. */
  close(): void {
    this.#isClosed = true;
    this.endSnapshots();
  }

  /** The state that they show goes. */
  endSnapshots(): void {
    this.#freshAt = null;
    for (const snapshot of this.#snapshots) snapshot.close();
  }
}
