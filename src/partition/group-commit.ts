/**
 * Makes groups durable, one after the other, one append in flight, while the next one gathers; a group in which nobody
 * wrote is confirmed instead. Then, and in order, its members are told. When this writer is finished everything behind
 * is taken back and whoever waits is told so: of the append that was in flight nobody may know, of all behind it it is
 * certain that it did not happen, since one append is in flight at a time.
 */
import { ByteWriter } from '../bytes/byte-writer.ts';
import type { Ports } from '../env/env.ts';
import type { Timer } from '../env/timers.ts';
import { asError, isLockstepError, LockstepError } from '../kernel/errors.ts';
import { elapsedMs, type Instant } from '../kernel/time.ts';
import type { LogEntry, LogWriter } from '../log/port.ts';
import type { Waits } from '../observe/waits.ts';
import { Group, type Member, type NotedCommit } from './group.ts';
import type { Replica } from './replica.ts';

type AppendOutcome = Awaited<ReturnType<LogWriter['append']>>;

export type EpochEnd =
  /** Another leads, or this one gave up leading. */
  | { readonly kind: 'fenced' | 'released' }
  /** This node's clock was too far off for too long: behind the log's time, or ahead of its own monotonic clock. */
  | { readonly kind: 'clock' }
  /** An append is in doubt: the log will tell. */
  | { readonly kind: 'unknown'; readonly error: Error }
  /** This node cannot go on. */
  | { readonly kind: 'failed'; readonly error: Error };

export interface GroupCommitLimits {
  /** The largest payload that the log takes. */
  readonly payloadBytesMax: number;
  /** A group is closed at about this size. */
  readonly groupBytesMax: number;
  /** What was run and is not told yet, at most: in bytes of writes, and in transactions and reads. */
  readonly waitingBytesMax: number;
  readonly waitingCountMax: number;
  /** Whoever has waited for so long in a group is told that nobody knows. */
  readonly withinMs: number;
}

export interface GroupCommitSetup {
  readonly ports: Pick<Ports, 'clock' | 'timers'>;
  readonly waits: Waits | null;
  readonly key: string;
  readonly writer: LogWriter;
  readonly replica: Replica;
  readonly limits: GroupCommitLimits;
  readonly onCommits: (commits: readonly NotedCommit[]) => void;
  /** Once; everybody was told, and the state is as durable as it is. */
  readonly onEnd: (end: EpochEnd) => void;
}

const payloadBytesAtFirst = 1_024;
/** One is appended while the next one gathers. */
const sparesMax = 2;
/** A group gathers for so long at most, so that none of its members is told much before its time that it waited too long. */
const gatherMsMax = 1_000;
/** So many members join between looks at the clock. */
const lookEvery = 16;
/**
 * So many members are told in one turn of the event loop. Those who are told often come again at once: were all of a large
 * group told in one turn, nothing else would have its turn until all of them ran.
 */
const toldAtOnce = 32;

/** How long an append that the log had no room for is tried again. */
const overloadedMsMax = 10_000;
const overloadedPauseMs = 50;

export class GroupCommit {
  readonly #setup: GroupCommitSetup;
  /** The last one gathers. */
  readonly #groups: Group[] = [];
  /** Of payloads that are in the log: for those to come. */
  readonly #spares: ByteWriter[] = [];
  /** It is appended or confirmed now. */
  #committing: Group | null = null;
  /** One for all groups, which looks again: a timer for each would cost as much as a quarter of what a lone transaction does. */
  #deadline: Timer | null = null;
  #running = false;
  /** It will run when what runs now is over; since when. */
  #scheduledAt: Instant | null = null;
  /** How long the last append took. */
  #appendMs = Infinity;
  #isAppending = false;
  #waitingBytes = 0;
  #waitingCount = 0;
  /** Members of what is durable, in order, who have their turn soon. */
  readonly #untold: Member[] = [];
  #end: EpochEnd | null = null;
  #idle: PromiseWithResolvers<void> | null = null;
  #ledAt: Instant | null = null;

  constructor(setup: GroupCommitSetup) {
    this.#setup = setup;
    const { lost } = setup.writer;
    const onLost = (): void => {
      if (!this.#isAppending) this.finish({ kind: 'fenced' }); // an append says itself what became of it
    };
    if (lost.aborted) setup.ports.timers.after(0, onLost);
    else lost.addEventListener('abort', onLost, { once: true });
  }

  get end(): EpochEnd | null {
    return this.#end;
  }

  get isFull(): boolean {
    const { waitingBytesMax, waitingCountMax } = this.#setup.limits;
    return this.#waitingBytes >= waitingBytesMax || this.#waitingCount >= waitingCountMax;
  }

  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** This was the leader at some moment after this one; null: nothing was asked of the log yet. */
  get ledAt(): Instant | null {
    return this.#ledAt;
  }

  /** The group that gathers, if so many bytes more have room in it, or else a new one behind it. */
  groupFor(bytes: number): Group {
    const { limits, ports } = this.#setup;
    const last = this.#groups.at(-1);
    const now = ports.clock.now();
    if (last !== undefined && elapsedMs(last.since, now) < gatherMsMax)
      if (last.bytes === 0 || last.bytes + bytes <= limits.groupBytesMax) return last;
    const writer = this.#spares.pop() ?? new ByteWriter(limits.payloadBytesMax, payloadBytesAtFirst);
    const group = new Group(writer, now);
    this.#groups.push(group);
    this.#deadline ??= ports.timers.after(limits.withinMs, () => this.#lookForLate());
    return group;
  }

  /** It is told with this group, after all that joined before. */
  join(group: Group, member: Member, bytes: number): void {
    group.members.push(member);
    this.#waitingCount++;
    this.#waitingBytes += bytes;
    group.countedBytes += bytes;
    if (this.#scheduledAt !== null && group.members.length % lookEvery === 0) this.#runEarly(group, this.#scheduledAt);
    if (this.#running) return;
    this.#running = true;
    this.#scheduledAt = this.#setup.ports.clock.now();
    // Behind what runs now, so that all that was asked for in one go becomes durable in one go.
    void Promise.resolve().then(() => (this.#scheduledAt === null ? undefined : this.#run()));
  }

  /**
   * What is asked for in one go takes longer than an append: then what is there already is appended while the rest runs.
   * Those who come again when they were told then come in two halves, one of which runs while the other is appended.
   */
  #runEarly(group: Group, since: Instant): void {
    if (group.payload === null || elapsedMs(since, this.#setup.ports.clock.now()) <= this.#appendMs) return;
    void this.#run();
  }

  /** Resolves when nothing waits. */
  async drained(): Promise<void> {
    if (!this.#running && this.#untold.length === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** This epoch is over: what is not durable is taken back, and everybody is told. */
  finish(end: EpochEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    for (const member of this.#untold.splice(0)) member.release();
    this.#setup.replica.cut();
    for (const group of this.#groups.splice(0)) this.#settle(group, (member) => member.deny());
    if (this.#committing === null) this.#deadline?.cancel();
    this.#setup.onEnd(end);
  }

  async #run(): Promise<void> {
    this.#scheduledAt = null;
    try {
      for (let [group] = this.#groups; group !== undefined && this.#end === null; [group] = this.#groups) {
        const room = this.#setup.replica.pressure.room();
        if (room !== null) await room;
        if (this.#end !== null) break;
        this.#groups.shift();
        this.#committing = group;
        await this.#commit(group);
        this.#committing = null;
      }
    } catch (error) {
      const failed = asError(error);
      if (this.#committing !== null) this.#settle(this.#committing, (member) => member.fail(failed));
      this.finish({ kind: 'failed', error: failed });
    }
    this.#running = false;
    if (this.#end !== null) this.#deadline?.cancel();
    this.#whenIdle();
  }

  async #commit(group: Group): Promise<void> {
    const { waits, key, limits } = this.#setup;
    const about = { what: 'transact', key, withinMs: limits.withinMs };
    const waitsFor = group.payload === null ? 'a confirmation that this node leads' : 'an append to the log';
    const wait = waits?.enterIfRoom({ ...about, waitsFor: `${waitsFor}, of ${group.members.length}` });
    try {
      if (group.payload === null) await this.#confirm(group);
      else await this.#append(group, group.payload.view());
    } finally {
      wait?.leave();
    }
  }

  async #append(group: Group, payload: Uint8Array): Promise<void> {
    const { ports, writer, replica } = this.#setup;
    const { firstRevision, lastRevision, lastTime } = group;
    const begunAt = ports.clock.now();
    this.#isAppending = true;
    try {
      const entry = { payload, firstRevision, revisionCount: lastRevision - firstRevision + 1 };
      let outcome: AppendOutcome;
      try {
        outcome = await writer.append(entry);
      } catch (error) {
        outcome = await this.#appendAgain(entry, begunAt, error);
      }
      if (outcome.kind === 'fenced') return this.#giveUp(group, (member) => member.deny(), { kind: 'fenced' });
      this.#ledAt = begunAt;
      this.#appendMs = elapsedMs(begunAt, ports.clock.now());
      replica.advance({ position: outcome.position, chain: writer.chain }, lastRevision, lastTime);
      this.#spare(group);
      this.#release(group);
      this.#setup.onCommits(group.commits.splice(0));
      if (writer.lost.aborted) this.finish({ kind: 'fenced' });
    } catch (error) {
      this.#fail(group, asError(error));
    } finally {
      this.#isAppending = false;
    }
  }

  /** The first time ended with this error: while that is that the log has no room, it may have room in a moment. */
  async #appendAgain(entry: LogEntry, since: Instant, first: unknown): Promise<AppendOutcome> {
    const { ports, writer } = this.#setup;
    for (let error = first; ;) {
      const isPassing = isLockstepError(error, 'overloaded');
      if (!isPassing || elapsedMs(since, ports.clock.now()) > overloadedMsMax) throw error;
      await new Promise<void>((resolve) => void ports.timers.after(overloadedPauseMs, resolve));
      try {
        return await writer.append(entry);
      } catch (again) {
        error = again;
      }
    }
  }

  /** An append threw. */
  #fail(group: Group, error: Error): void {
    if (isLockstepError(error, 'unknown'))
      return this.#giveUp(group, (member) => member.fail(error), { kind: 'unknown', error });
    const isCertain = isLockstepError(error, 'unavailable') || isLockstepError(error, 'overloaded');
    if (isCertain) return this.#giveUp(group, (member) => member.deny(), { kind: 'unknown', error });
    this.#giveUp(group, (member) => member.fail(error), { kind: 'failed', error });
  }

  #giveUp(group: Group, tell: (member: Member) => void, end: EpochEnd): void {
    this.#settle(group, tell);
    this.finish(end);
  }

  async #confirm(group: Group): Promise<void> {
    const { ports, writer } = this.#setup;
    const begunAt = ports.clock.now();
    try {
      if ((await writer.confirm()) === 'lost')
        return this.#giveUp(group, (member) => member.deny(), { kind: 'fenced' });
      this.#ledAt = begunAt;
      this.#spare(group);
      this.#release(group);
    } catch (error) {
      const { kind = null, happened = 'unknown' } = isLockstepError(error) ? error : {};
      if (kind !== 'unavailable' && kind !== 'unknown')
        return this.#giveUp(group, (member) => member.fail(asError(error)), { kind: 'failed', error: asError(error) });
      // Nobody here wrote, so nothing happened; whether this node still leads, the next round will tell.
      const cause = new LockstepError('unavailable', 'it could not be learned in time whether this node still leads', {
        values: { key: this.#setup.key, happened },
        cause: error,
      });
      this.#settle(group, (member) => member.fail(cause));
    }
  }

  /** Nobody uses its payload any more. */
  #spare({ writer }: Group): void {
    if (this.#spares.length === sparesMax) return;
    writer.clear();
    this.#spares.push(writer);
  }

  /** It is durable, and this leader still led: its members have their turn behind those before. */
  #release(group: Group): void {
    const areBefore = this.#untold.length > 0;
    for (const member of group.members) this.#untold.push(member);
    this.#forget(group);
    if (!areBefore) this.#tellSome();
  }

  #tellSome(): void {
    for (const member of this.#untold.splice(0, toldAtOnce)) member.release();
    if (this.#untold.length > 0) this.#setup.ports.timers.after(0, () => this.#tellSome());
    else this.#whenIdle();
  }

  #whenIdle(): void {
    if (this.#running || this.#untold.length > 0) return;
    this.#idle?.resolve();
    this.#idle = null;
  }

  #settle(group: Group, tell: (member: Member) => void): void {
    for (const member of this.#untold.splice(0)) member.release();
    for (const member of group.members) tell(member);
    this.#forget(group);
  }

  /** Whatever still refers to the group keeps none of its members. */
  #forget(group: Group): void {
    this.#waitingCount -= group.members.length;
    this.#waitingBytes -= group.countedBytes;
    group.members.length = 0;
  }

  /** Tells those who have waited for too long, and comes again when the next ones will have. */
  #lookForLate(): void {
    const { ports, limits } = this.#setup;
    const now = ports.clock.now();
    this.#deadline = null;
    for (const group of [this.#committing, ...this.#groups]) {
      if (group === null || group.isLate) continue;
      const leftMs = limits.withinMs - elapsedMs(group.since, now);
      if (leftMs <= 0) {
        this.#tellLate(group);
      } else {
        this.#deadline = ports.timers.after(leftMs, () => this.#lookForLate());
        return;
      }
    }
  }

  #tellLate(group: Group): void {
    const { key, limits } = this.#setup;
    group.isLate = true;
    const error = new LockstepError('unknown', 'the deadline came before this was durable; it may still become so', {
      values: { key, withinMs: limits.withinMs },
      advice: ['send it again with the same command id: it runs once at most'],
    });
    for (const member of group.members) member.fail(error);
  }
}
