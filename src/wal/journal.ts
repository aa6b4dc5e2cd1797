/**
 * One writer's journal: entries in rolling segment files, several of them durable with one sync. While a group is
 * written and synced the next one gathers; one write and one sync are under way at a time. Where writing is enough for
 * an answer the sync comes behind. Format and promises: docs/wal.md.
 *
 * A failure is final: after it nothing is written, everything that waits is told, and only opening anew goes on.
 */
import { varintBytes } from '../bytes/varint.ts';
import { LockstepError } from '../kernel/errors.ts';
import { elapsedMs, type Instant } from '../kernel/time.ts';
import type { Timer } from '../env/timers.ts';
import { FormingGroups, payloadBytesOf, type FormingGroup, type WriteEntry } from './forming-groups.ts';
import type { GroupKind } from './group.ts';
import {
  checkOptions,
  type AppendOutcome,
  type JournalDurability,
  type JournalLimits,
  type JournalOptions,
  type JournalPorts,
  type JournalRecovery,
} from './journal-options.ts';
import { endError, finishedBy, unknownOf, type JournalEnd } from './journal-end.ts';
import { JournalReader } from './journal-reader.ts';
import { JournalStore } from './journal-store.ts';
import { journalPosition, type JournalPosition } from './position.ts';
import { recover, type JournalPlace } from './recovery.ts';

/** Microtasks between an acknowledgement and the next write: whoever was acknowledged appends again in the same group. */
const turnsToGather = 8;
/** With durability `process`: so long at most before whatever else is due has its turn. */
const turnMsMax = 2;

/**
 * Opens the journal, or makes it with `create`; null when there is none and it is not to be made.
 * @throws LockstepError `corrupt`: damage before a mark, or a segment is missing; nothing was changed. `invalid`: another
 * version of the format, or segments of two journals. `disk-failed`, `disk-full`. All with path and offset. `misuse`.
 */
export async function openJournal(ports: JournalPorts, options: JournalOptions): Promise<Journal | null> {
  const limits = checkOptions(options);
  const recovered = await recover(ports.disk, options, { reading: options.reading });
  if (recovered === null) {
    if (!options.create) return null;
    const store = await JournalStore.create(ports, options, limits);
    return new Journal(ports, options, limits, store, { created: true, cut: null }, false);
  }
  const store = await JournalStore.resume(ports, options, limits, recovered);
  const unmarked = recovered.lastGroup !== null && recovered.lastGroup.kind !== 'mark';
  return new Journal(ports, options, limits, store, { created: false, cut: recovered.cut }, unmarked);
}

export class Journal {
  readonly recovered: JournalRecovery;
  readonly #ports: JournalPorts;
  readonly #limits: JournalLimits;
  readonly #confirm: (() => boolean) | null;
  readonly #store: JournalStore;
  readonly #groups: FormingGroups;
  /** Of the entry that is appended next, ahead of what is durable. */
  #nextPosition: number;
  #ended: JournalEnd | null = null;
  #closing = false;
  #running: Promise<void> | null = null;
  #trimming: Promise<void> = Promise.resolve();
  #mark: Timer | null = null;
  readonly #durability: JournalDurability;
  #onDurable: () => void = () => {};
  #syncTimer: Timer | null = null;
  #unmarked = false;
  #groupAt: Instant;
  /** When the event loop was last seen to turn. */
  #turnAt: Instant;
  #advanced: PromiseWithResolvers<void> | null = null;
  #room: PromiseWithResolvers<void> | null = null;

  /** For the room's own use: `openJournal` makes it. */
  constructor(
    ports: JournalPorts,
    options: JournalOptions,
    limits: JournalLimits,
    store: JournalStore,
    recovered: JournalRecovery,
    unmarked: boolean,
  ) {
    this.#ports = ports;
    this.#limits = limits;
    this.#confirm = options.confirm ?? null;
    this.#durability = options.durability ?? 'machine';
    this.#store = store;
    this.#groups = new FormingGroups(limits.groupBytesMax);
    this.#nextPosition = store.map.nextPosition;
    this.#groupAt = ports.clock.now();
    this.#turnAt = this.#groupAt;
    this.recovered = recovered;
    if (unmarked) this.#markLater();
  }

  /** 16 random bytes, made when the journal was created. */
  get id(): Uint8Array {
    return this.#store.map.last.header.journalId.slice();
  }

  /** What the owner stored when the journal was created. */
  get origin(): Uint8Array {
    return this.#store.map.last.header.origin.slice();
  }

  /** The first position that is kept; `next` when none is. */
  get first(): JournalPosition {
    return journalPosition(this.#store.map.first);
  }

  /** The position after the last acknowledged entry. */
  get next(): JournalPosition {
    return journalPosition(this.#store.map.nextPosition);
  }

  /** The position after the last entry that was taken, acknowledged or not. */
  get appended(): JournalPosition {
    return journalPosition(this.#nextPosition);
  }

  /** The position after the last entry that survives a loss of power. Behind `next` only with durability `process`. */
  get durable(): JournalPosition {
    return journalPosition(this.#store.syncedPosition + 1);
  }

  /** Calls its one listener when `durable` has grown without an acknowledgement: with durability `process`. */
  whenDurable(listener: () => void): void {
    this.#onDurable = listener;
  }

  /** Where the acknowledged groups end, for an owner whose successor must know. */
  get end(): JournalPlace {
    const { header, end } = this.#store.map.last;
    return { segment: header.number, offset: end };
  }

  /** Entries that wait for their acknowledgement, in bytes. */
  get waitingBytes(): number {
    return this.#groups.bytes;
  }

  /**
   * Appends the entries, in the order of the calls, all in one group: all of them or none survive. Their bytes are copied.
   * @throws LockstepError `misuse` for no entries or more than a group holds; `stopped` after `close`. `unknown`: they
   * may be there when it is opened again. Certainly not: `unavailable` when space ran out before, `disk-failed` and
   * `disk-full` when an earlier group failed.
   */
  append(entries: readonly Uint8Array[]): Promise<AppendOutcome> {
    const payloadBytes = payloadBytesOf(entries);
    return this.#take(entries.length, payloadBytes, (group) => group.add(entries, payloadBytes));
  }

  /**
   * Appends one entry of `bytes`, which `write` puts where it goes: for who would make it only to have it copied.
   * `write` is called at once, or not at all. @throws as `append`.
   */
  appendWritten(bytes: number, write: WriteEntry): Promise<AppendOutcome> {
    return this.#take(1, varintBytes(bytes) + bytes, (group) => group.addWritten(bytes, write));
  }

  /** Makes all that was acknowledged durable. @throws as `append`: the journal is finished then. */
  async sync(): Promise<void> {
    if (this.#ended !== null) throw endError(this.#ended);
    const before = this.#store.syncedPosition;
    try {
      await this.#store.sync();
    } catch (error) {
      this.#fail(error);
      throw endError(this.#ended);
    }
    if (this.#store.syncedPosition !== before) this.#onDurable();
  }

  /**
   * Gives up all there is before this position: begins a new segment, so that the one that is written to can go too.
   * @throws as `append` and `trimBefore`.
   */
  async trimAllBefore(position: JournalPosition): Promise<void> {
    if (this.#ended !== null || this.#closing) throw endError(this.#ended);
    const next = this.#nextPosition;
    if (this.#store.beginSegment()) await this.#wait(this.#groups.push('mark', next), next, next - 1);
    await this.trimBefore(position);
  }

  /** Resolves when `append` may take entries again, or has another answer than `full`. */
  async room(): Promise<void> {
    if (this.#ended !== null || this.#groups.bytes <= this.#limits.waitingBytesMax / 2) return;
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  /**
   * Makes all entries after this position void, durably; entries appended from now on take their places. They never
   * come back: the cut is a group of its own, and there or not there as any other. Counts in the order of the appends.
   * @throws as `append`; `misuse` for a position that is not there.
   */
  async cutAfter(position: JournalPosition): Promise<'cut' | 'refused'> {
    if (this.#ended?.kind === 'refused') return 'refused';
    if (this.#ended !== null || this.#closing) throw endError(this.#ended);
    if (position < this.first - 1 || position >= this.#nextPosition) {
      throw new LockstepError('misuse', 'a cut is within what is kept', {
        values: { position, first: this.first, next: this.#nextPosition },
      });
    }
    this.#nextPosition = position + 1;
    const outcome = await this.#wait(this.#groups.push('cut', position + 1), position, position);
    return outcome.kind === 'refused' ? 'refused' : 'cut';
  }

  /** Whether `trimBefore` of this position would give up a segment. */
  trims(position: JournalPosition): boolean {
    return this.#store.map.removable(position) !== null;
  }

  /**
   * Gives up whole segments that hold only entries before this position; the one that is written to stays.
   * @throws LockstepError `disk-failed`: the journal is finished.
   */
  trimBefore(position: JournalPosition): Promise<void> {
    const trim = async (): Promise<void> => {
      if (this.#ended !== null) return;
      try {
        await this.#store.trimBefore(position);
      } catch (error) {
        this.#fail(error);
        throw endError(this.#ended);
      }
    };
    const trimmed = this.#trimming.then(trim);
    this.#trimming = trimmed.catch(() => {});
    return trimmed;
  }

  /** Reads acknowledged entries from this position on. After a cut a reader that was past it goes on at its own position. */
  reader(from: JournalPosition): JournalReader {
    return new JournalReader(this.#ports.disk, this.#store.map, from);
  }

  /**
   * Resolves once the entry at this position is acknowledged, or the journal has ended: `ended`.
   * Who waits holds one promise, shared by all who do.
   */
  async reached(position: JournalPosition): Promise<'reached' | 'ended'> {
    while (this.#store.map.nextPosition <= position) {
      if (this.#ended !== null) return 'ended';
      this.#advanced ??= Promise.withResolvers();
      await this.#advanced.promise;
    }
    return 'reached';
  }

  /** Waits for what was appended, adds the mark, closes the files. After a failure only the latter. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#mark?.cancel();
    this.#syncTimer?.cancel();
    if (this.#ended === null && this.#unmarked && this.#groups.count === 0) this.#pushMark();
    while (this.#running !== null) await this.#running;
    await this.#trimming;
    this.#end({ kind: 'closed' });
    await this.#store.close();
  }

  #take(entryCount: number, payloadBytes: number, add: (group: FormingGroup) => void): Promise<AppendOutcome> {
    const ended = this.#ended;
    if (ended?.kind === 'refused') return Promise.resolve({ kind: 'refused' });
    if (ended !== null || this.#closing) return Promise.reject(endError(ended));
    if (entryCount === 0 || payloadBytes > this.#limits.groupBytesMax) {
      const { groupBytesMax } = this.#limits;
      const values = { entryCount, payloadBytes, groupBytesMax };
      return Promise.reject(new LockstepError('misuse', 'an append has entries, and a group holds them', { values }));
    }
    if (this.#groups.bytes + payloadBytes > this.#limits.waitingBytesMax) return Promise.resolve({ kind: 'full' });
    const first = this.#nextPosition;
    const group = this.#groups.forEntries(payloadBytes, first);
    add(group);
    this.#groups.bytes += payloadBytes;
    this.#nextPosition += entryCount;
    return this.#wait(group, first, this.#nextPosition - 1);
  }

  #wait(group: FormingGroup, first: number, last: number): Promise<AppendOutcome> {
    const { promise: outcome, resolve, reject } = Promise.withResolvers<AppendOutcome>();
    group.waiters.push({ first, last, resolve, reject });
    this.#run();
    return outcome;
  }

  #run(): void {
    this.#running ??= this.#writeGroups().then(() => {
      this.#running = null;
      if (this.#groups.count > 0 && this.#ended === null) this.#run(); // what came between the last look and now
    });
  }

  async #writeGroups(): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < turnsToGather; turn++) await Promise.resolve();
      if (this.#ended !== null) return;
      const group = this.#groups.shift();
      if (group === undefined) return;
      await this.#writeGroup(group);
      if (this.#durability === 'process') await this.#letOthers();
    }
  }

  /** Where nothing waits for a disk, the event loop would not come to anything else while appends come. */
  #letOthers(): Promise<void> | null {
    const now = this.#ports.clock.now();
    if (elapsedMs(this.#turnAt, now) < turnMsMax) return null;
    this.#turnAt = now;
    return new Promise((resolve) => void this.#ports.timers.after(0, resolve));
  }

  async #writeGroup(group: FormingGroup): Promise<void> {
    try {
      const header = await this.#store.write(group);
      if (this.#ended !== null) throw endError(this.#ended);
      if (group.kind !== 'mark' && this.#confirm !== null && !this.#confirm()) {
        for (const { resolve } of group.waiters) resolve({ kind: 'refused' });
        return this.#end({ kind: 'refused' });
      }
      this.#store.map.addGroup(header);
    } catch (error) {
      const unknown = unknownOf(error, this.end, this.#store.path);
      for (const { reject } of group.waiters) reject(unknown);
      return this.#fail(error);
    }
    this.#groups.done(group);
    this.#groupAt = this.#ports.clock.now();
    this.#unmarked = group.kind !== 'mark';
    if (this.#unmarked) this.#markLater();
    if (this.#durability === 'process') this.#syncBehind(group.kind);
    for (const { first, last, resolve } of group.waiters) {
      resolve({ kind: 'appended', first: journalPosition(first), last: journalPosition(last) });
    }
    this.#tell();
  }

  #tell(): void {
    const [advanced, room] = [this.#advanced, this.#room];
    this.#advanced = null;
    advanced?.resolve();
    if (this.#ended === null && this.#groups.bytes > this.#limits.waitingBytesMax / 2) return;
    this.#room = null;
    room?.resolve();
  }

  #fail(error: unknown): void {
    this.#end({ kind: 'failed', error: finishedBy(error, this.end, this.#store.path) });
  }

  /** The first end is the one that counts, but for closing. */
  #end(ended: JournalEnd): void {
    if (this.#ended === null || ended.kind === 'closed') this.#ended = ended;
    this.#mark?.cancel();
    for (let group = this.#groups.shift(); group !== undefined; group = this.#groups.shift()) {
      for (const { resolve, reject } of group.waiters) {
        if (ended.kind === 'refused') resolve({ kind: 'refused' });
        else reject(endError(ended));
      }
    }
    this.#tell();
  }

  /** A group was written: its sync comes within bounds, and nobody waits for it. */
  #syncBehind(written: GroupKind): void {
    if (written === 'mark') return this.#onDurable();
    if (this.#closing) return;
    if (this.#store.unsyncedBytes >= this.#limits.syncBehindBytes) this.#syncNow();
    this.#syncTimer ??= this.#ports.timers.after(this.#limits.syncBehindMs, () => this.#syncNow());
  }

  #syncNow(): void {
    this.#syncTimer?.cancel();
    this.#syncTimer = null;
    if (this.#ended === null) this.sync().catch(() => {}); // whoever waits and whoever appends is told
  }

  /** One timer, that looks again when groups came meanwhile: starting one for each group would cost more than the mark. */
  #markLater(delayMs: number = this.#limits.markAfterMs): void {
    this.#unmarked = true;
    if (this.#mark !== null) return;
    this.#mark = this.#ports.timers.after(delayMs, () => {
      this.#mark = null;
      if (this.#ended !== null || !this.#unmarked) return;
      const restMs = this.#limits.markAfterMs - elapsedMs(this.#groupAt, this.#ports.clock.now());
      if (this.#running !== null || restMs > 0) this.#markLater(Math.max(restMs, 1));
      else this.#pushMark();
    });
  }

  #pushMark(): void {
    this.#groups.push('mark', this.#nextPosition);
    this.#run();
  }
}
