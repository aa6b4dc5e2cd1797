/**
 * One log in its directory, as this process has it: the epochs that make it up, who leads, who waits for it to grow.
 * All handles on the log share one. Which rules keep it safe: docs/log.md and test/sim/claim-protocol.test.ts.
 */
import type { Disk } from '../env/disk.ts';
import { assert } from '../kernel/assert.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { Waits } from '../observe/waits.ts';
import { openJournal, type Journal } from '../wal/journal.ts';
import type { JournalLimits, JournalPorts } from '../wal/journal-options.ts';
import type { Entries } from '../wal/entries.ts';
import type { JournalReader } from '../wal/journal-reader.ts';
import { journalPosition } from '../wal/position.ts';
import type { JournalCut } from '../wal/recovery.ts';
import { chainBeforeFirst } from './chain.ts';
import type { LogConfig } from './config.ts';
import { beforeFirst, epoch, position } from './coordinates.ts';
import { Claims } from './file-claims.ts';
import { endOf, loadParts, originOf, viewEpoch, type Part } from './file-epochs.ts';
import { encodeOrigin, epochFiles, join, listOpenLog, type Origin } from './file-format.ts';
import { Holds } from './holds.ts';
import type { Epoch, LogId, Position } from './port.ts';
import type { RecordCodec, StoredRecord } from './record.ts';
import { pause } from './within.ts';

/** What the file engine needs of a world. */
export type FilePorts = JournalPorts;

export interface CoreContext {
  readonly ports: FilePorts;
  readonly config: LogConfig;
  readonly limits: Partial<JournalLimits>;
  readonly codec: RecordCodec;
  readonly waits: Waits | null;
  /** Hears of a torn end that was left out. */
  readonly onCut: ((cut: JournalCut) => void) | null;
  /** Asked before every claim; throws when this process has lost the directory. */
  readonly mayClaim: (() => void) | null;
  readonly name: string;
  readonly directory: string;
  readonly id: LogId;
}

/** An epoch of this process without records yet. Its segment is there: whoever claims later goes on from it. */
interface Seat {
  readonly epoch: Epoch;
  readonly journal: Journal;
}

/** The newest record as far as its successor must know it. */
export interface Head {
  readonly position: Position;
  readonly chain: string;
  readonly nextRevision: number;
}

/** An epoch of this process that leads. */
export interface Led {
  readonly epoch: Epoch;
  readonly journal: Journal;
  readonly claim: Head;
}

export type CoreRead =
  | { readonly kind: 'records'; readonly first: Position; readonly count: number; readonly entries: Entries }
  | { readonly kind: 'trimmed'; readonly earliest: Position }
  | { readonly kind: 'end'; readonly last: Position }
  | { readonly kind: 'gone' };

/** A reader's place, so that it goes on where it stopped. */
export interface Cursor {
  part: Part;
  reader: JournalReader;
}

export class FileCore {
  readonly context: CoreContext;
  readonly claims: Claims;
  readonly holds: Holds = new Holds();
  readonly #disk: Disk;
  #parts: Part[] = [];
  /** The newest epoch that this process claimed. */
  newest: Epoch = epoch(0);
  /** The same while all of the log up to it is known here, otherwise 0. */
  #known: Epoch = epoch(0);
  #seat: Seat | null = null;
  #onDeposed: (() => void) | null = null;
  #gone = false;
  #turn: Promise<unknown> = Promise.resolve();
  #growth: PromiseWithResolvers<void> | null = null;

  constructor(context: CoreContext) {
    this.context = context;
    this.#disk = context.ports.disk;
    this.claims = new Claims(this.#disk, context.directory, context.mayClaim);
  }

  /** Claims an epoch, which fences whoever wrote before, and learns what the log holds. */
  async open(): Promise<void> {
    await this.#inTurn(async () => {
      this.#seat = await this.#takeSeat();
    });
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /** Otherwise there may be records, acknowledged ones too, that are not known here. */
  get knowsAll(): boolean {
    return this.#known > 0 && this.claims.leads(this.#known);
  }

  get isLed(): boolean {
    return this.#onDeposed !== null;
  }

  get tail(): Position {
    const last = this.#parts.at(-1);
    return last === undefined ? beforeFirst : endOf(last);
  }

  /** The first position that is kept; one past the last when none is. */
  get first(): Position {
    const [oldest] = this.#parts;
    return position(oldest === undefined ? 1 : Math.max(oldest.after + 1, oldest.source.first));
  }

  /**
   * Leads from here on, with this claim in the log. Null: somebody else claimed meanwhile. `onDeposed` is called, once,
   * when this process knows of a newer claim.
   */
  lead(payload: Uint8Array, onDeposed: () => void): Promise<Led | null> {
    return this.#inTurn(async () => {
      if (this.#gone) throw goneLog(this.context.id);
      const reserved = this.#seat;
      this.#seat = null;
      const seat = reserved !== null && this.claims.leads(reserved.epoch) ? reserved : await this.#takeSeat();
      const led = await this.#claim(seat, payload);
      if (led !== null && !this.#gone) this.#onDeposed = onDeposed;
      return led;
    });
  }

  /** What its holder says when it stops; the claim of another has said so before. */
  resigned(led: Led): void {
    if (this.#parts.at(-1)?.source === led.journal) this.#onDeposed = null;
  }

  /** Records after a position. `cursor` is the one of the last call. */
  async read(after: Position, cursor: { at: Cursor | null }, bytesMax: number): Promise<CoreRead> {
    for (let tries = 0; ; tries++) {
      assert(tries < 1_000, 'what removes what is read comes to an end');
      if (this.#gone) return { kind: 'gone' };
      if (after + 1 < this.first) return { kind: 'trimmed', earliest: this.first };
      if (after >= this.tail) return { kind: 'end', last: this.tail };
      const part = this.#partOf(position(after + 1));
      const from = journalPosition(after + 1);
      if (cursor.at?.part !== part || cursor.at.reader.position !== from)
        cursor.at = { part, reader: part.source.reader(from) };
      const batch = await cursor.at.reader.next(bytesMax).catch(async (error: unknown) => {
        // What is removed while it is read is not damaged.
        if (this.#gone || after + 1 < this.first) return null;
        if (this.#known === 0) throw this.overtaken(error);
        if (this.claims.leads(this.newest) && (await this.#sawTrim())) return null;
        return this.#rethrow(error);
      });
      if (batch === null || (batch.kind === 'trimmed' && after + 1 < this.first)) continue;
      assert(batch.kind === 'entries', 'what is before the end of an epoch is in it');
      const count = Math.min(batch.entries.length, endOf(part) - after);
      assert(count > 0, 'what is before the end of an epoch is in it');
      return { kind: 'records', first: position(after + 1), count, entries: batch.entries };
    }
  }

  /** Resolves once there is something after a position, or the log is gone; too early is allowed. */
  async grown(after: Position): Promise<void> {
    if (this.#gone || this.tail > after) return;
    this.#growth ??= Promise.withResolvers();
    await this.#growth.promise;
  }

  /** To be called when records were acknowledged. */
  grew(): void {
    this.#growth?.resolve();
    this.#growth = null;
  }

  trim(before: Position): Promise<Position> {
    return this.#inTurn(async () => {
      if (this.#gone) throw goneLog(this.context.id);
      // The last one stays: what comes next continues its chain.
      const wanted = position(Math.min(this.holds.limit(before), this.tail));
      if (wanted <= this.first) return this.first;
      for (let [oldest] = this.#parts; this.#parts.length > 1 && oldest !== undefined; [oldest] = this.#parts) {
        if (endOf(oldest) >= wanted) break;
        this.#parts.shift();
      }
      const [oldest, next] = this.#parts;
      if (oldest === undefined) return this.first;
      await this.#removeEpochsBefore(oldest.epoch);
      if (next === undefined && 'trimBefore' in oldest.source && oldest.upTo === null)
        await oldest.source.trimBefore(journalPosition(wanted));
      return this.first;
    });
  }

  /**
   * What became of a record that a claim overtook before it was acknowledged. Told by the newest claim's segment, once
   * that is there for good: it says where this epoch ends.
   * @throws LockstepError `unknown` when that is not known in time.
   */
  async settle(of: Epoch, at: Position): Promise<'appended' | 'fenced'> {
    const { ports, config } = this.context;
    const deadline = ports.clock.now() + config.settleMsMax;
    let cause: unknown = undefined;
    for (let pauseMs = 1; ; pauseMs = Math.min(100, pauseMs * 2)) {
      try {
        const verdict = this.#gone ? null : await this.#verdict(of, at);
        if (verdict !== null) return verdict;
      } catch (error) {
        if (!isLockstepError(error)) throw error;
        cause = error;
      }
      if (this.#gone || ports.clock.now() >= deadline)
        throw new LockstepError(
          'unknown',
          'another claimed the log during an append, and has not told where it goes on',
          {
            values: { log: this.context.name, epoch: of, position: at },
            cause,
          },
        );
      await pause(ports.timers, pauseMs);
    }
  }

  /** The log was removed: whoever reads or writes it is told. */
  vanish(): void {
    this.#gone = true;
    this.#depose();
    this.grew();
  }

  async close(): Promise<void> {
    this.#depose();
    await this.#inTurn(async () => {
      const last = this.#parts.at(-1);
      if (last !== undefined && 'close' in last.source && last.upTo === null) await last.source.close();
    });
  }

  /** The newest record, which the next one continues. */
  async #head(): Promise<Head> {
    const { tail } = this;
    if (tail === 0) return { position: beforeFirst, chain: chainBeforeFirst, nextRevision: 0 };
    const read = await this.read(position(tail - 1), { at: null }, 1);
    assert(read.kind === 'records' && read.count === 1, 'the last record is kept');
    const record: StoredRecord = this.context.codec.decode(tail, read.entries.at(0));
    return { position: tail, chain: record.chain, nextRevision: record.firstRevision + record.revisionCount };
  }

  async #takeSeat(): Promise<Seat> {
    const known = this.#known;
    this.#known = epoch(0);
    const claimed = await this.claims.claim((mine) => {
      this.newest = mine;
      this.#depose();
      this.#freeze();
    });
    // If nobody else claimed since, all that was acknowledged is known here, and nothing else will be.
    const follows = known > 0 && claimed === known + 1;
    try {
      const parts = follows ? this.#parts : await loadParts(this.context);
      const journal = await this.#begin(claimed, parts.at(-1));
      // Nothing of what was loaded is given out before this: a claim that came between might go on from an earlier place.
      this.#parts = [...parts, { epoch: claimed, after: position(journal.next - 1), source: journal, upTo: null }];
      this.#known = claimed;
      return { epoch: claimed, journal };
    } catch (error) {
      return this.#rethrow(error);
    }
  }

  /** The epoch's first segment, and with it the place from which it goes on. */
  async #begin(of: Epoch, before: Part | undefined): Promise<Journal> {
    const { ports, limits, id, directory } = this.context;
    const upTo = before === undefined ? beforeFirst : endOf(before);
    const end = before === undefined ? { segment: 0, offset: 0 } : before.source.end;
    const journal = await openJournal(ports, {
      ...epochFiles(directory, of),
      create: true,
      origin: encodeOrigin({ id, before: before?.epoch ?? epoch(0), end, upTo }),
      firstPosition: upTo + 1,
      confirm: () => this.claims.leads(of),
      limits,
    });
    assert(journal !== null, 'a journal is made where there is none');
    if (this.claims.leads(of)) return journal;
    await journal.close();
    throw this.overtaken(undefined);
  }

  /** Whether the process that had the log before was still trimming when this one took it over, and removed what was found here. */
  async #sawTrim(): Promise<boolean> {
    const { epochs } = listOpenLog(this.#disk, this.context.directory);
    const kept = this.#parts.findIndex((part) => epochs.includes(part.epoch));
    const oldest = this.#parts[kept];
    if (oldest === undefined || oldest.upTo === null) return false;
    const { first, end } = oldest.source;
    const view = await viewEpoch(this.#disk, this.context.directory, oldest.epoch, end);
    if (view === null || this.#parts[kept] !== oldest || (kept === 0 && view.first === first)) return false;
    this.#parts = [{ ...oldest, source: view }, ...this.#parts.slice(kept + 1)];
    return true;
  }

  /** Of a log that another process has, files go and change: that is no damage. */
  #rethrow(error: unknown): never {
    throw this.claims.leads(this.newest) ? error : this.overtaken(error);
  }

  overtaken(cause: unknown): LockstepError {
    return new LockstepError('unavailable', 'another process has taken this log over', {
      values: { log: this.context.name, epoch: this.newest },
      advice: ['ask that process, or stand for leadership here'],
      cause,
    });
  }

  /** What was acknowledged in the epoch that led is all that there will be of it. */
  #freeze(): void {
    const last = this.#parts.at(-1);
    if (last === undefined || last.upTo !== null) return;
    last.upTo = endOf(last);
    // Its append that is under way ends by itself, refused; what fails there concerns nobody but its writer, who is told.
    if ('close' in last.source) last.source.close().catch(() => {});
  }

  async #claim({ epoch, journal }: Seat, payload: Uint8Array): Promise<Led | null> {
    const { codec, id } = this.context;
    const { chain: chainBefore, nextRevision } = await this.#head();
    const turn = { epoch, sequence: 0, firstRevision: nextRevision, revisionCount: 0 };
    const { bytes, chain } = codec.encode({ id, chainBefore, payload, ...turn });
    const outcome = await journal.append([bytes]);
    if (outcome.kind !== 'appended') return null;
    this.grew();
    return { epoch, journal, claim: { position: position(outcome.last), chain, nextRevision } };
  }

  async #verdict(of: Epoch, at: Position): Promise<'appended' | 'fenced' | null> {
    const { directory } = this.context;
    const newest = this.claims.newest();
    if (newest <= of) return null;
    const origins: Origin[] = [];
    for (let next = newest; next > of;) {
      const origin = originOf(this.#disk, directory, next);
      if (origin === null) return null;
      origins.push(origin);
      next = origin.before;
    }
    // From here on its name is there for good; its header was before it had one.
    await this.#disk.syncDirectory(directory);
    if (!this.claims.leads(newest)) return null;
    const successor = origins.at(-1);
    return successor?.before === of && at <= successor.upTo ? 'appended' : 'fenced';
  }

  /** Whole epochs, oldest first, each name durably gone before the next: a crash leaves no gap. */
  async #removeEpochsBefore(kept: Epoch): Promise<void> {
    const { directory } = this.context;
    for (const { name, epoch: of } of listOpenLog(this.#disk, directory).files) {
      if (of === 0 || of >= kept) continue;
      if (!this.claims.leads(this.newest)) throw this.overtaken(undefined);
      await this.#disk.remove(join(directory, name));
      await this.#disk.syncDirectory(directory);
    }
  }

  #partOf(at: Position): Part {
    const part = this.#parts.findLast(({ after }) => after < at);
    assert(part !== undefined, 'what is kept is in an epoch');
    return part;
  }

  #depose(): void {
    const onDeposed = this.#onDeposed;
    this.#onDeposed = null;
    onDeposed?.();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

export const goneLog = (id: LogId): LockstepError =>
  new LockstepError('unavailable', 'the log was removed, or made anew under its name', { values: { id } });
