/**
 * Who leads, for one epoch: an object made anew, so that nothing of an epoch outlives it. A transaction runs at once,
 * alone, against the newest state, which is not durable yet; its writes join the group that gathers (`GroupCommit`). What
 * came of it is told when that group is durable, or, where nobody in it wrote, when the log has confirmed that this node
 * still leads: so an outcome of whatever kind, a rejection too, rests on durable state alone, and on the newest.
 */
import type { Tuple } from '../bytes/tuple.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { ValueDecoder } from '../bytes/value-decode.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import { valueLimits, type StoredValue } from '../bytes/value-format.ts';
import { HybridClock } from '../clock/hybrid-clock.ts';
import type { SteadyWall } from '../clock/steady-wall.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import type { Ports } from '../env/env.ts';
import { assert } from '../kernel/assert.ts';
import { asError, LockstepError } from '../kernel/errors.ts';
import { isPromise } from '../kernel/promise.ts';
import { chainBeforeFirst } from '../log/chain.ts';
import type { LogWriter } from '../log/port.ts';
import type { Waits } from '../observe/waits.ts';
import { placeOf } from '../ring/slot.ts';
import { conflictOfReads, type Conflict } from '../storage/transaction/conflict.ts';
import { OwnWrites } from '../storage/transaction/own-writes.ts';
import { ReadSet } from '../storage/transaction/read-set.ts';
import { TransactionView } from '../storage/transaction/view.ts';
import type { WriteBatch } from '../storage/write-batch.ts';
import type { BeforeImages } from './capture/before-images.ts';
import { CommandWindow, type CommandWindowOptions } from './command-window.ts';
import { GroupCommit, type EpochEnd, type GroupCommitLimits } from './group-commit.ts';
import { bytesOfTransaction, fitsAlone } from './group-payload.ts';
import type { Member, NotedCommit } from './group.ts';
import { KeySpace } from './key-space.ts';
import { encodeMark } from './log-mark.ts';
import { Outcome } from './outcome.ts';
import { ranOf, settledOf, type Ran } from './ran.ts';
import { systemNames, type Replica } from './replica.ts';
import { TransactionRun, type RunSetup, type Sender } from './transaction-run.ts';
import type {
  NotLeader,
  Refused,
  Rejection,
  Synchronous,
  Transaction,
  TransactOptions,
  TransactOutcome,
} from './transaction.ts';

export interface LeaderSettings {
  readonly limits: GroupCommitLimits;
  /** How far the log's time may be ahead of this node's clock, in milliseconds. */
  readonly driftMsMax: number;
  /** For how long it waits, leading, until its clock is no further off than that, in either direction. */
  readonly clockWaitMsMax: number;
  readonly commands: CommandWindowOptions;
  readonly sender: Sender | null;
}

export interface LeaderSetup {
  readonly ports: Pick<Ports, 'clock' | 'timers' | 'randomness'>;
  readonly waits: Waits | null;
  readonly key: string;
  readonly writer: LogWriter;
  readonly replica: Replica;
  /** The time of day as this node believes it. */
  readonly wall: SteadyWall;
  readonly settings: LeaderSettings;
  readonly images: BeforeImages;
  readonly onCommits: (commits: readonly NotedCommit[]) => void;
  readonly onEnd: (end: EpochEnd) => void;
}

/** What a mark adds to a transaction, at most. */
const markBytesMax = 96;
const markKey = KeySpace.ofSystem(systemNames.log).key([]);

/** A transaction that may run. */
interface Admitted {
  readonly now: HybridTimestamp;
  /** Its id is new. */
  readonly command: { readonly id: string; readonly ms: number } | null;
  readonly withinMs: number | undefined;
}

/** A transaction whose function has ended; that it was admitted is of now, and so is its time in the log. */
interface Ended {
  readonly admitted: Admitted;
  readonly view: TransactionView;
  readonly run: TransactionRun;
  /** What is to be as it was read; null when nothing can have changed. */
  readonly reads: ReadSet | null;
}

export class Leader {
  readonly commit: GroupCommit;
  readonly clock: HybridClock;
  readonly commands: CommandWindow;
  readonly #setup: LeaderSetup;
  readonly #shared: RunSetup;
  /** One transaction runs at a time, so one memory serves all. */
  readonly #own = new OwnWrites();
  /** Where marks are made. */
  readonly #mark = new ByteWriter(64, 64);
  #isRunning = false;
  #isStopping = false;
  /** Ends the wait for this node's clock to be right, while there is one. */
  #endOfClockWait: (() => void) | null = null;

  constructor(setup: LeaderSetup) {
    const { replica, settings, ports, wall, waits, key, writer, onCommits, onEnd } = setup;
    this.#setup = setup;
    this.#shared = {
      spaces: replica.spaces,
      encoder: new ValueEncoder(),
      decoder: new ValueDecoder(),
      value: new ByteWriter(valueLimits.bytesMax),
      sender: settings.sender,
      tokenAt: (revision) => replica.tokenAt(revision),
    };
    this.clock = new HybridClock(wall, { last: replica.time, driftMsMax: settings.driftMsMax });
    this.commands = new CommandWindow(settings.commands, (name, of) => replica.system(name, of, replica.revision));
    const ended = (end: EpochEnd): void => {
      this.#endOfClockWait?.();
      onEnd(end);
    };
    this.commit = new GroupCommit({
      ports,
      waits,
      key,
      writer,
      replica,
      limits: settings.limits,
      onCommits,
      onEnd: ended,
    });
  }

  /** @throws LockstepError `misuse` at once, not as a promise, when it is called within a transaction. */
  transact<T>(
    key: string | null,
    fn: (tx: Transaction) => Synchronous<T>,
    options: TransactOptions = {},
  ): Promise<TransactOutcome<T>> {
    if (this.#isRunning)
      throw new LockstepError('misuse', 'a transaction within a transaction', {
        advice: ['do it in the same function: all of it is one transaction', 'or begin it when this one has ended'],
      });
    const place = key === null ? null : placeOf(key);
    const { touch, ...rest } = options;
    if (touch !== undefined && touch.length > 0) return this.#touched(place, fn, rest, touch);
    return this.#transact(place, fn, rest);
  }

  /** Resolves once all that there is now is durable, and this node led after this call. */
  confirmed(): Promise<'held' | NotLeader | Refused> {
    const refused = this.#refusal();
    if (refused !== null) return Promise.resolve(refused);
    const outcome = new Outcome(this.#setup.key, false, () => 'held' as const);
    this.commit.join(this.commit.groupFor(0), outcome, 0);
    return outcome.promise;
  }

  /** Stops leading: what was begun is ended, nothing more is begun. */
  async release(end: EpochEnd = { kind: 'released' }): Promise<void> {
    this.#isStopping = true;
    await this.commit.drained();
    if (this.commit.end !== null) return;
    try {
      await this.#setup.writer.release();
    } finally {
      this.commit.finish(end);
    }
  }

  async #touched<T>(
    place: string | null,
    fn: (tx: Transaction) => Synchronous<T>,
    options: TransactOptions,
    keys: readonly Tuple[],
  ): Promise<TransactOutcome<T>> {
    const { spaces } = this.#shared;
    const space = place === null ? spaces.local : spaces.ofPlace(place);
    await this.#setup.replica.tree.touch(keys.map((key) => space.key(key)));
    return this.#transact(place, fn, options);
  }

  /** Not an async function, which would make two promises more. */
  #transact<T>(
    place: string | null,
    fn: (tx: Transaction) => Synchronous<T>,
    options: TransactOptions,
  ): Promise<TransactOutcome<T>> {
    try {
      const admitted = this.#admit<T>(options);
      if ('outcome' in admitted) return admitted.outcome;
      const { replica } = this.#setup;
      this.#own.clear();
      const view = new TransactionView(replica.tree, replica.revision, null, this.#own);
      const run = new TransactionRun(this.#shared, view, { place, now: admitted.now, revision: replica.revision + 1 });
      const outcome = this.#finish(this.#run(fn, run), { admitted, view, run, reads: null });
      assert(!('reason' in outcome), 'nothing changes while a function runs alone');
      return outcome.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** One run of a function that waits, on durable state; a conflict when what it read was changed until it ended. */
  async attempt<T>(
    place: string | null,
    fn: (tx: Transaction) => Promise<T>,
    { late, ...options }: TransactOptions & { readonly late: Promise<never> },
  ): Promise<TransactOutcome<T> | Conflict> {
    const begun = this.#admit<T>(options);
    if ('outcome' in begun) return begun.outcome;
    const { replica } = this.#setup;
    const { revision, held } = replica.holdDurable();
    const reads = new ReadSet();
    const view = new TransactionView(replica.tree, revision, reads);
    const run = new TransactionRun(this.#shared, view, { place, now: begun.now, revision: null });
    let outcome: { readonly promise: Promise<TransactOutcome<T>> } | Conflict;
    try {
      const ran = await Promise.race([settledOf(fn, run), late]);
      // Others ran meanwhile; this node may lead no more, and the same command may be done.
      const admitted = this.#admit<T>(options);
      outcome =
        'outcome' in admitted ? { promise: admitted.outcome } : this.#finish(ran, { admitted, view, run, reads });
    } finally {
      run.end();
      held.release();
    }
    return 'reason' in outcome ? outcome : outcome.promise;
  }

  /** What is to be known before anything runs: at once for what is certain, in turn for what was read. */
  #admit<T>({
    commandId,
    isFreshCommand = false,
    withinMs,
  }: TransactOptions): Admitted | { readonly outcome: Promise<TransactOutcome<T>> } {
    const refused = this.#refusal();
    if (refused !== null) return { outcome: Promise.resolve(refused) };
    const now = this.#now();
    if (now === null) return { outcome: Promise.resolve({ kind: 'refused', reason: 'clock' }) };
    if (commandId === undefined) return { now, command: null, withinMs };
    const known = this.commands.look(commandId, now, isFreshCommand);
    if (known.kind === 'new') return { now, command: { id: commandId, ms: known.ms }, withinMs };
    if (known.kind === 'expired') return { outcome: this.#told<T>({ kind: 'expired' }, withinMs) };
    const { revision, value } = known;
    return { outcome: this.#told<T>(() => this.#committed('already-done', value as T, revision), withinMs) };
  }

  /** Everything from here to the group happens in one step; the transaction is over then. */
  #finish<T>(ran: Ran<T>, ended: Ended): { readonly promise: Promise<TransactOutcome<T>> } | Conflict {
    try {
      return this.#finished(ran, ended);
    } finally {
      ended.run.end();
    }
  }

  #finished<T>(ran: Ran<T>, ended: Ended): { readonly promise: Promise<TransactOutcome<T>> } | Conflict {
    const { view, run, reads } = ended;
    const { command, withinMs } = ended.admitted;
    const { replica } = this.#setup;
    const revision = replica.revision + 1;
    if (ran.kind === 'returned' && command !== null)
      this.commands.remember(run, command.id, command.ms, revision, storable(ran.value));
    const conflict = reads === null ? null : conflictOfReads(replica.tree, view.revision, reads);
    if (conflict !== null) return conflict;
    if (ran.kind === 'refused') return { promise: Promise.resolve(ran) };
    if (ran.kind === 'threw') {
      const { error } = ran;
      const tell = (): never => {
        throw error;
      };
      return { promise: this.#told<T>(tell, withinMs) };
    }
    if (ran.kind === 'rejected') return { promise: this.#told<T>(ran.rejection as TransactOutcome<T>, withinMs) };
    const { value } = ran;
    if (view.writes.count === 0)
      return { promise: this.#told<T>(() => this.#committed('committed', value, revision - 1), withinMs) };
    const member = new Outcome(this.#setup.key, true, () => this.#committed('committed', value, revision));
    if (!this.#write(ended, revision, member))
      return { promise: Promise.resolve({ kind: 'refused', reason: 'too-large' }) };
    if (command !== null) this.commands.applied(command.ms);
    if (withinMs !== undefined) member.within(this.#setup.ports.timers, withinMs);
    return { promise: member.promise };
  }

  #run<T>(fn: (tx: Transaction) => Synchronous<T>, run: TransactionRun): Ran<T> {
    this.#isRunning = true;
    try {
      const value = fn(run) as T;
      if (isPromise(value)) {
        value.then(undefined, () => {}); // it is answered with the misuse below, whatever becomes of it
        throw new LockstepError('misuse', 'a transaction is synchronous, and its function returned a promise', {
          advice: ['await before the transaction, and give it what came of that', 'or use transactAsync'],
        });
      }
      return ranOf(value, run);
    } catch (error) {
      if (run.refusal !== null) return run.refusal;
      return { kind: 'threw', error };
    } finally {
      this.#isRunning = false;
    }
  }

  /** Applies it, and puts it into the group that gathers. False when it is larger than the log takes; nothing is done then. */
  #write({ view, run, admitted: { now } }: Ended, revision: number, member: Member): boolean {
    const { replica, settings } = this.#setup;
    const { writes } = view;
    const images = this.#setup.images.of(writes);
    if (images === 'too-large') return false;
    const bytes = bytesOfTransaction(writes.byteLength + markBytesMax, images?.length);
    if (!fitsAlone(bytes, settings.limits.payloadBytesMax)) return false;
    const group = this.commit.groupFor(bytes);
    const isFirst = group.payload === null;
    if (isFirst) this.#putMark(writes, now);
    const batch = writes.view();
    replica.apply(revision, batch);
    if (isFirst) replica.noteGroup(revision, replica.place.position);
    group.add(revision, now, { batch, images }, replica);
    group.commits.push({ commit: { revision, at: now, place: run.place }, notes: run.notes });
    this.commit.join(group, member, bytes);
    return true;
  }

  /** An outcome that wrote nothing waits for its turn too. */
  #told<T>(
    outcome: TransactOutcome<T> | (() => TransactOutcome<T>),
    withinMs: number | undefined,
  ): Promise<TransactOutcome<T>> {
    const tell = typeof outcome === 'function' ? outcome : (): TransactOutcome<T> => outcome;
    const member = new Outcome(this.#setup.key, false, tell);
    this.commit.join(this.commit.groupFor(0), member, 0);
    if (withinMs !== undefined) member.within(this.#setup.ports.timers, withinMs);
    return member.promise;
  }

  #committed<T>(kind: 'committed' | 'already-done', value: T, revision: number): TransactOutcome<T> {
    const token = this.#setup.replica.tokenAt(revision);
    return { kind, value: value as Exclude<T, Rejection>, token, revision };
  }

  #putMark(writes: WriteBatch, time: HybridTimestamp): void {
    const { position, chain = chainBeforeFirst } = this.#setup.replica.place;
    const { encoder, value } = this.#shared;
    value.clear();
    encoder.write(value, encodeMark({ position, chain, time }, this.#mark));
    writes.putRange(markKey, markKey.length, value.buffer, value.length);
  }

  #refusal(): NotLeader | Refused | null {
    // Who steps down leads no more, whatever it still has to end: that this node is closing, its partition says.
    if (this.commit.end !== null || this.#isStopping) return { kind: 'not-leader', leader: null };
    return this.commit.isFull ? { kind: 'refused', reason: 'full' } : null;
  }

  /**
   * Null: this node's clock is too far behind. When it has jumped ahead, time goes on without the jump. With a clock that
   * is off either way this node waits for a while, and stops leading then.
   */
  #now(): HybridTimestamp | null {
    const now = this.clock.now();
    const isGiven = typeof now === 'number';
    if (!isGiven || this.#setup.wall.jumpMs > 0) this.#waitForClock();
    else this.#endOfClockWait?.();
    return isGiven ? now : null;
  }

  #waitForClock(): void {
    if (this.#endOfClockWait !== null) return;
    const { ports, settings, wall, waits, key } = this.#setup;
    const { clockWaitMsMax: withinMs, driftMsMax } = settings;
    const { jumpMs } = wall;
    const off =
      jumpMs > 0 ? `jumped ahead by ${Math.round(jumpMs)}` : `is behind by ${Math.round(this.clock.aheadMs())}`;
    const waitsFor = `this node's clock to be right, which ${off} ms; then it stops leading`;
    const wait = waits?.enterIfRoom({ what: 'lead', key, waitsFor, withinMs });
    const timer = ports.timers.after(withinMs, () => {
      this.#endOfClockWait?.();
      if (this.clock.aheadMs() <= driftMsMax && wall.jumpMs === 0) return;
      const failed = (error: unknown): void => this.commit.finish({ kind: 'failed', error: asError(error) });
      this.release({ kind: 'clock' }).catch(failed);
    });
    this.#endOfClockWait = () => {
      this.#endOfClockWait = null;
      timer.cancel();
      wait?.leave();
    };
  }
}

const storable = (value: unknown): StoredValue | undefined => value as StoredValue | undefined; // the codec checks it
