/**
 * A partition on this node: it follows its log, stands for leading it, leads, and when that is over follows and stands
 * again. One loop does this; everything else asks it.
 */
import type { CheckpointStore } from '../checkpoint/port.ts';
import { SteadyWall } from '../clock/steady-wall.ts';
import { asError, LockstepError } from '../kernel/errors.ts';
import type { LogWriter } from '../log/port.ts';
import { atMost } from '../log/within.ts';
import { transactAsync } from './async-transact.ts';
import { ChangesReaders, type Changes, type ChangesOptions } from './changes.ts';
import { LeadingEpoch } from './epoch.ts';
import { Checkpoints, type Backup, type BackupOptions, type Lacking } from './checkpoint/checkpoints.ts';
import { follow } from './follower.ts';
import type { EpochEnd } from './group-commit.ts';
import { HoldService } from './hold/hold-service.ts';
import { holdingsOf, type Holding } from './holdings.ts';
import { LevelService } from './level-service.ts';
import type { PartitionSetup } from './partition-setup.ts';
import { progressOf, type PartitionStatus } from './partition-status.ts';
import { LogTrimmer } from './log-trimmer.ts';
import { Progress } from './progress.ts';
import { Reads, type Consistency, type ReadOptions, type ReadOutcome } from './reads.ts';
import { stand } from './standing.ts';
import { Scrubber } from './scrub/scrubber.ts';
import { ScrubService, type ScrubOutcome } from './scrub/scrub-service.ts';
import { Verifier, type Verification, type VerifyOptions } from './scrub/verify.ts';
import type {
  Conflicted,
  Synchronous,
  Token,
  Transaction,
  TransactAsyncOptions,
  TransactOptions,
  TransactOutcome,
} from './transaction.ts';

export class Partition implements AsyncDisposable {
  readonly #setup: PartitionSetup;
  readonly #progress: Progress;
  readonly #reads: Reads;
  readonly #wall: SteadyWall;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #epoch: LeadingEpoch | null = null;
  #writer: LogWriter | null = null;
  #leaderName: string | null = null;
  #lastEnd: EpochEnd | null = null;
  #failure: Error | null = null;
  #isClosing = false;
  #isClosed = false;
  readonly #changes: ChangesReaders;
  readonly #trimmer: LogTrimmer;
  readonly #checkpoints: Checkpoints;
  #scrubber: Scrubber;
  /** Of the epoch that this node leads. */
  #scrubs: ScrubService | null = null;
  #holds: HoldService | null = null;
  readonly #verifier: Verifier;
  #found: Error | null = null;
  /** Ends the turn of following that is under way. */
  #endTurn: (error: Error) => void = () => {};

  /** Use `openPartition`. */
  constructor(setup: PartitionSetup) {
    this.#setup = setup;
    const { ports, waits, log, key, replica, settings } = setup;
    this.#progress = new Progress(ports.timers, waits);
    this.#wall = new SteadyWall(ports.clock, settings.driftMsMax);
    this.#reads = new Reads({
      ports,
      log,
      key,
      replica,
      progress: this.#progress,
      snapshotMsMax: settings.snapshotMsMax,
      snapshotCountMax: settings.snapshotCountMax,
      leader: () => this.#epoch?.leader ?? null,
      leaderName: () => this.#leaderName,
    });
    const recordsMax = settings.changesRecordsMax;
    this.#changes = new ChangesReaders({ ports, waits, key, log, replica, recordsMax }, this.#closing.signal);
    this.#trimmer = new LogTrimmer(log, (error) => this.#fail(error));
    const { checkpointEveryMs: everyMs } = settings;
    this.#checkpoints = new Checkpoints({ waits, key, log, replica, everyMs, ...setup.checkpoints });
    this.#scrubber = this.#newScrubber();
    this.#verifier = new Verifier({ ...setup, closing: this.#closing.signal });
    this.#done = this.#live();
  }

  get status(): PartitionStatus {
    const { replica } = this.#setup;
    const { epoch = null } = this.#writer ?? {};
    const isLeading = this.#epoch !== null;
    return {
      kind: this.#isClosed ? 'closed' : this.#failure !== null ? 'failed' : isLeading ? 'leading' : 'following',
      epoch: isLeading ? epoch : null,
      leader: this.#leaderName,
      ...progressOf(replica),
      lastEnd: this.#lastEnd,
      failure: this.#failure,
      scrub: this.#scrubber.last,
      checkpointFailure: this.#checkpoints.failure,
    };
  }

  /**
   * Runs `fn` alone, synchronously, against the newest state of a place (`key`'s; null: of none); its outcome is told once
   * all that it read and wrote is durable. A value that is a `Rejection`, and an error that it throws, drop what it wrote.
   * @throws what `fn` threw. LockstepError `unknown` when nobody knows whether it happened: send it again, with a command
   * id; `invalid` for a command id that is none, or a value that cannot be remembered; `misuse`; what stopped this node.
   */
  transact<T>(
    key: string | null,
    fn: (tx: Transaction) => Synchronous<T>,
    options: TransactOptions = {},
  ): Promise<TransactOutcome<T>> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#isClosing) return Promise.resolve({ kind: 'refused', reason: 'stopping' });
    if (this.#epoch !== null) return this.#epoch.leader.transact(key, fn, options);
    return Promise.resolve({ kind: 'not-leader', leader: this.#leaderName });
  }

  /**
   * For a function that waits: it runs on durable state that stays as it is, and commits if nothing that it read was changed
   * meanwhile; otherwise it is run again, `attempts` times at most. So it is serializable, and what it does besides may be
   * done several times. `tx.now` is that of the attempt's beginning.
   * @throws as `transact`; LockstepError `unavailable` at the deadline: nothing was written. `invalid` when it read too much.
   */
  async transactAsync<T>(
    key: string | null,
    fn: (tx: Transaction) => Promise<T>,
    options: TransactAsyncOptions = {},
  ): Promise<TransactOutcome<T> | Conflicted> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosing) return { kind: 'refused', reason: 'stopping' };
    if (this.#epoch === null) return { kind: 'not-leader', leader: this.#leaderName };
    const { ports, waits, key: name, settings } = this.#setup;
    const setup = { ports, waits, key: name, leader: this.#epoch.leader, withinMs: settings.withinMs };
    return transactAsync(setup, key, fn, options);
  }

  /**
   * State at one revision; dispose it. Reads of the newest state are answered by whoever leads alone.
   * @throws LockstepError `unavailable` at the deadline; `overloaded` while too many snapshots are held; `invalid` for a
   * token of another partition; what stopped this node.
   */
  async read(consistency: Consistency, options: ReadOptions = {}): Promise<ReadOutcome> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosing) return { kind: 'refused', reason: 'stopping' };
    return this.#reads.read(consistency, options);
  }

  /**
   * What was committed after a token, in order and in whole transactions, then what is committed from now on; on whichever
   * node. It may tell of a revision before `read` here shows it. Who stays behind by more than `changesRecordsMax` records may
   * be told `trimmed`: then it ends.
   * @throws LockstepError `invalid` for a token of another partition; `corrupt` when the log diverged; `stopped` once the
   * partition is closed; the signal's reason.
   */
  changes(from: Token, options: ChangesOptions = {}): AsyncGenerator<Changes, void, undefined> {
    return this.#changes.read(from, options);
  }

  /**
   * Marks a revision at which every replica hashes its state, and resolves when the sum of this one, who leads, stands in
   * the log; one that is under way counts. A replica that comes to another sum, now or when it gets there, stops.
   * @throws LockstepError `unavailable` at the deadline: it goes on all the same; `unknown`; what stopped this node.
   */
  async scrub({ withinMs = 30_000, signal }: ReadOptions = {}): Promise<ScrubOutcome> {
    if (this.#failure !== null) throw this.#failure;
    const { ports, key } = this.#setup;
    const scrubs = this.#scrubs;
    if (scrubs === null) return { kind: 'not-leader', leader: this.#leaderName };
    const outcome = await atMost(ports.timers, withinMs, [signal], () => scrubs.scrub());
    if (outcome.kind === 'done') return outcome.value;
    throw new LockstepError('unavailable', 'the deadline came before the scrub ended', { values: { key, withinMs } });
  }

  /**
   * Reads all tables, and the log up to the place that this replica has, and tells what of it is damaged, if anything;
   * everything else goes on. One at a time.
   * @throws LockstepError `overloaded` while another one is under way; `unavailable` at the deadline; `stopped` once the
   * partition is closed; the signal's reason; what reading the log throws and is no damage.
   */
  verify(options: VerifyOptions = {}): Promise<Verification> {
    return this.#verifier.run(options);
  }

  /**
   * Keeps a backup in a store, while it goes on, from whoever leads or follows: what is in tables already costs nothing, what
   * is not is flushed first. Files that the store has are not sent again. `restorePartition` makes a partition of it.
   * @throws LockstepError `misuse` for a store with another partition's checkpoints; `rejected` when that was restored and
   * keeps its own there; `unavailable` when nothing was ever written; what the store throws; the signal's reason.
   */
  async backup(store: CheckpointStore, options: BackupOptions = {}): Promise<Backup> {
    if (this.#failure !== null) throw this.#failure;
    return this.#checkpoints.backup(store, this.#progress, options);
  }

  /** What is held here, and what it costs: snapshots, readers of changes, holds of the log, captures, leases. */
  explain(): readonly Holding[] {
    const { ports, replica } = this.#setup;
    return holdingsOf({ ...ports, replica, changes: this.#changes, reads: this.#reads, holds: this.#holds });
  }

  /** Resolves when this node leads, and the partition has its identity. @throws LockstepError `unavailable` at the deadline; what stopped it. */
  async leading({ withinMs = 30_000, signal }: ReadOptions = {}): Promise<void> {
    const about = { what: 'lead', waitsFor: 'leading', heldBy: this.#leaderName };
    const { key } = this.#setup;
    const isLeading = (): boolean => this.#epoch !== null && this.#setup.replica.identity !== null;
    await this.#progress.until(isLeading, { ...about, key, withinMs, signal });
  }

  /** Stops leading, if it does, so that another may; it stands again after a pause. */
  async stepDown(): Promise<void> {
    await this.#epoch?.leader.release();
  }

  /** Resolves when it was closed, with null, or when it cannot go on, with why: then it is to be closed. */
  get stopped(): Promise<Error | null> {
    return this.#done.then(() => this.#failure);
  }

  /** Ends what was begun, stops leading, flushes and closes the tree; the log stays open, for whoever opened it. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      const reason = new LockstepError('stopped', 'the partition is closed', { values: { key: this.#setup.key } });
      this.#setup.ports.timers.after(0, () => this.#closing.abort(reason));
      await this.#epoch?.leader.release().catch(() => {}); // its end is told to whoever waited
      await this.#done;
      await this.#trimmer.idle();
      await this.#verifier.idle();
      this.#scrubber.close();
      this.#progress.fail(reason);
      this.#reads.close();
      await this.#checkpoints.close(reason);
      if (this.#failure === null) await this.#setup.replica.tree.flushToClose();
      await this.#setup.replica.close();
      await this.#setup.onClosed();
      this.#isClosed = true;
    }
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #live(): Promise<void> {
    try {
      while (!this.#closing.signal.aborted) {
        if (this.#found !== null) throw this.#found;
        const writer = await this.#followAndStand();
        if (writer !== null) await this.#lead(writer);
      }
    } catch (error) {
      this.#failure = asError(error);
      this.#progress.fail(this.#failure);
    }
  }

  /** Null: this turn came to nothing. */
  async #followAndStand(): Promise<LogWriter | null> {
    const { ports, log, replica } = this.#setup;
    const turn = new AbortController();
    const end = (): void => turn.abort(new LockstepError('stopped', 'this turn of following is over'));
    const onClosing = (): void => end();
    this.#closing.signal.addEventListener('abort', onClosing, { once: true });
    if (this.#closing.signal.aborted) end();
    let failure: { readonly error: unknown } | null = null;
    let lacking: Lacking | null = null;
    const fail = (error: unknown): void => {
      failure ??= { error };
      ports.timers.after(0, end);
    };
    this.#endTurn = fail;
    const following = follow({
      ports,
      log,
      replica,
      signal: turn.signal,
      onOwner: (owner) => (this.#leaderName = owner),
      onAdvance: () => this.#onAdvance(),
    }).then((lacks) => {
      lacking = lacks;
      if (lacks !== null) ports.timers.after(0, end);
    }, fail);
    const standing = this.#stand(turn.signal).catch((error: unknown) => {
      if (!turn.signal.aborted) failure ??= { error };
      return null;
    });
    const writer = await standing;
    if (!turn.signal.aborted) {
      ports.timers.after(0, end);
    }
    await following;
    this.#closing.signal.removeEventListener('abort', onClosing);
    this.#endTurn = () => {};
    if (failure === null && writer !== null && replica.place.position === writer.start) return writer;
    await writer?.release();
    if (failure !== null) throw (failure as { readonly error: unknown }).error;
    if (lacking !== null) await this.#catchUp(lacking);
    return null;
  }

  /** Null: not now. */
  #stand(signal: AbortSignal): Promise<LogWriter | null> {
    if (!this.#setup.stands) return new Promise((resolve) => onAborted(signal, () => resolve(null)));
    const about = { wall: this.#wall, progress: this.#progress, pausesFirst: this.#lastEnd !== null };
    return stand({ ...this.#setup, ...about, signal });
  }

  async #lead(writer: LogWriter): Promise<void> {
    const { ports, waits, key, replica, settings, services, sender, owner, payloadBytesMax } = this.#setup;
    const { groupBytesMax, waitingBytesMax, waitingCountMax, withinMs, driftMsMax, clockWaitMsMax } = settings;
    const limits = {
      payloadBytesMax,
      groupBytesMax: Math.min(groupBytesMax, payloadBytesMax),
      waitingBytesMax,
      waitingCountMax,
      withinMs,
    };
    const commands = { windowMs: settings.commandWindowMs, countMax: settings.commandCountMax };
    replica.forgetFloorInLog();
    replica.noteLevel();
    const leaderSettings = { limits, driftMsMax, clockWaitMsMax, commands, sender };
    this.#wall.accept();
    const setup = { ports, waits, key, writer, replica, wall: this.#wall, settings: leaderSettings };
    const scrubs = new ScrubService(this.#scrubber, settings.scrubEveryMs);
    const levels = new LevelService(replica, this.#setup.members);
    const holds = new HoldService(this.#setup.log, replica);
    const epoch = new LeadingEpoch(setup, [() => scrubs, () => levels, () => holds, ...services], () =>
      this.#onAdvance(),
    );
    this.#writer = writer;
    this.#epoch = epoch;
    this.#scrubs = scrubs;
    this.#holds = holds;
    this.#leaderName = owner;
    epoch.begin();
    this.#progress.advance();
    if (this.#isClosing) await epoch.leader.release();
    const end = await epoch.ended;
    this.#epoch = null;
    this.#scrubs = null;
    this.#holds = null;
    this.#leaderName = null;
    this.#lastEnd = end;
    const wait = waits?.enterIfRoom({ what: 'lead', key, waitsFor: 'the services of the last epoch', withinMs: null });
    await epoch.stop().finally(() => wait?.leave());
    if (end.kind !== 'failed') return;
    await writer.release().catch(() => {}); // what failed is told; the next claim need not wait, if this could still be said
    throw end.error;
  }

  /** What is found out beside the loop ends it, whatever it is at. */
  #fail(error: Error): void {
    this.#found ??= error;
    if (this.#epoch === null) this.#endTurn(error);
    else this.#epoch.leader.commit.finish({ kind: 'failed', error });
  }

  #onAdvance(): void {
    this.#scrubber.advanced();
    this.#progress.advance();
    this.#changes.advanced();
    if (this.#epoch === null) return;
    this.#checkpoints.publishIfDue(() => this.#trim());
    this.#trim();
  }

  /** By whoever leads alone. */
  #trim(): void {
    if (this.#setup.trims && this.#epoch !== null) this.#trimmer.trim(this.#checkpoints.neededFrom);
  }

  #newScrubber(): Scrubber {
    const { ports, waits, key, replica, settings } = this.#setup;
    const onFailed = (error: Error): void => this.#fail(error);
    return new Scrubber({ ports, waits, key, replica, withinMs: settings.scrubWithinMs, onFailed });
  }

  /** Goes on from a checkpoint of another replica: what was here is of no use any more. */
  async #catchUp(lacking: Lacking): Promise<void> {
    await this.#checkpoints.catchUp(lacking, this.#closing.signal, () => {
      this.#scrubber.close();
      this.#reads.endSnapshots();
    });
    this.#scrubber = this.#newScrubber();
    this.#progress.advance();
  }
}

function onAborted(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}
