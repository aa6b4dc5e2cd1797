/**
 * Many streams over one journal, so that they share its syncs: Raft groups, trees. Each stream has its own dense
 * indexes from 1. A segment goes when every stream has let go of what it holds.
 *
 * What is asked for takes effect in the index when the journal has acknowledged it, in the journal's order: exactly as
 * when the journal is read again at the next opening.
 */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { openJournal, type Journal } from './journal.ts';
import { journalLimits, type JournalOptions, type JournalPorts, type JournalRecovery } from './journal-options.ts';
import { journalPosition } from './position.ts';
import { StreamIndex } from './stream-index.ts';
import { decodeRecord, encodeRecord, type StreamBounds, type WalRecord } from './wal-records.ts';

/** How many streams there can be, if a record of all of them fits a group: 24 bytes each. */
const streamCountMax = 10_000;
const streamBytesMax = 24;
const readBytes = 1024 * 1024;
/** A gap of so many entries of other streams is read over rather than looked up. */
const entriesReadOver = 1_024;

export type WalOptions = Omit<JournalOptions, 'firstPosition' | 'confirm'>;

export type WalAppendOutcome =
  | { readonly kind: 'appended'; readonly first: number; readonly last: number }
  /** Nothing was taken: too much waits. Wait for `room`. */
  | { readonly kind: 'full' };

export type WalBatch =
  | { readonly kind: 'entries'; readonly first: number; readonly entries: readonly Uint8Array[] }
  | { readonly kind: 'end' }
  /** What was asked for was let go; `first` is the first index that is kept, or the next one. */
  | { readonly kind: 'trimmed'; readonly first: number };

/**
 * Opens it, or makes it with `create`; null when there is none and it is not to be made.
 * @throws LockstepError as `openJournal`; `corrupt` also for records that contradict each other.
 */
export async function openWal(ports: JournalPorts, options: WalOptions): Promise<Wal | null> {
  const journal = await openJournal(ports, options);
  if (journal === null) return null;
  const streams = new Map<number, StreamIndex>();
  const reader = journal.reader(journal.first);
  for (let batch = await reader.next(readBytes); batch.kind === 'entries'; batch = await reader.next(readBytes)) {
    for (let at = 0; at < batch.entries.length; at++)
      apply(streams, decodeRecord(batch.entries.at(at)), batch.first + at);
  }
  const groupBytesMax = options.limits?.groupBytesMax ?? journalLimits.groupBytesMax;
  return new Wal(journal, streams, Math.min(streamCountMax, Math.floor((groupBytesMax - 32) / streamBytesMax)));
}

export class Wal {
  readonly #journal: Journal;
  /** As acknowledged. */
  readonly #streams: Map<number, StreamIndex>;
  /** As asked for: ahead of what is acknowledged. */
  readonly #asked = new Map<number, { first: number; next: number }>();
  readonly #streamCountMax: number;
  #compacting: Promise<void> | null = null;
  #compactingFailure: Error | null = null;

  /** For the room's own use: `openWal` makes it. */
  constructor(journal: Journal, streams: Map<number, StreamIndex>, countMax: number) {
    this.#journal = journal;
    this.#streamCountMax = countMax;
    this.#streams = streams;
    for (const [stream, { first, next }] of streams) this.#asked.set(stream, { first, next });
  }

  get recovered(): JournalRecovery {
    return this.#journal.recovered;
  }

  /** What is acknowledged of a stream; one that was never used begins at 1. */
  bounds(stream: number): StreamBounds {
    const index = this.#streams.get(stream);
    return { stream, first: index?.first ?? 1, next: index?.next ?? 1 };
  }

  /** Streams that were ever used, in the order of their first use that is still told. */
  get streams(): readonly number[] {
    return [...this.#streams.keys()];
  }

  /**
   * Appends to one stream, all or nothing.
   * @throws LockstepError as `Journal.append`; `overloaded` for one stream too many; `misuse` for a stream that is no
   * whole number.
   */
  async append(stream: number, entries: readonly Uint8Array[]): Promise<WalAppendOutcome> {
    const asked = this.#ask(stream);
    const first = asked.next;
    const records = entries.map((entry, at): WalRecord => ({ kind: 'entry', stream, index: first + at, entry }));
    // The journal takes it or refuses it before anything else can be asked: its answer comes later, its order is now.
    const before = this.#journal.appended;
    const outcome = this.#perform(records);
    if (this.#journal.appended > before) asked.next = first + entries.length;
    if ((await outcome) === 'full') return { kind: 'full' };
    return { kind: 'appended', first, last: first + entries.length - 1 };
  }

  /** Resolves when `append` may take entries again. */
  room(): Promise<void> {
    return this.#journal.room();
  }

  /**
   * Makes the stream's entries after this index void, durably; the next one takes the place behind it.
   * @throws LockstepError `misuse` for an index that is not there; as `append`.
   */
  async truncateAfter(stream: number, index: number): Promise<'truncated' | 'full'> {
    const asked = this.#ask(stream);
    if (!Number.isSafeInteger(index) || index < asked.first - 1 || index >= asked.next) {
      throw outOfBounds(stream, index, asked);
    }
    const before = this.#journal.appended;
    const outcome = this.#perform([{ kind: 'truncate-after', stream, index }]);
    if (this.#journal.appended > before) asked.next = index + 1;
    return (await outcome) === 'full' ? 'full' : 'truncated';
  }

  /**
   * Lets go of the stream's entries before this index, durably. It may lie ahead of all there is: the stream goes on
   * from there (a follower that got a snapshot). Segments that nobody needs go, in the background.
   * @throws LockstepError `misuse` for an index that was let go already; as `append`.
   */
  async truncateBefore(stream: number, index: number): Promise<'truncated' | 'full'> {
    const asked = this.#ask(stream);
    if (!Number.isSafeInteger(index) || index < asked.first) throw outOfBounds(stream, index, asked);
    const before = this.#journal.appended;
    const outcome = this.#perform([{ kind: 'truncate-before', stream, index }]);
    if (this.#journal.appended > before) {
      asked.first = index;
      asked.next = Math.max(asked.next, index);
    }
    if ((await outcome) === 'full') return 'full';
    this.#compact();
    return 'truncated';
  }

  /**
   * The stream's acknowledged entries from this index on: up to `bytesMax`, one at least.
   * @throws LockstepError `corrupt`, `disk-failed`, with path and offset.
   */
  async read(stream: number, from: number, bytesMax: number): Promise<WalBatch> {
    const index = this.#streams.get(stream);
    if (index === undefined || from >= index.next) return { kind: 'end' };
    if (from < index.first) return { kind: 'trimmed', first: index.first };
    const entries: Uint8Array[] = [];
    let reader = this.#journal.reader(journalPosition(index.positionOf(from)));
    let room = bytesMax;
    for (;;) {
      const batch = await reader.next(Math.max(sectorsOf(room), 65_536));
      // While it was read, it may have been cut or let go.
      if (from < index.first) return { kind: 'trimmed', first: index.first };
      if (batch.kind !== 'entries') break;
      for (let at = 0; at < batch.entries.length; at++) {
        const wanted = from + entries.length;
        if (wanted >= index.next) break;
        if (index.positionOf(wanted) !== batch.first + at) continue;
        const record = decodeRecord(batch.entries.at(at));
        if (record.kind !== 'entry' || record.stream !== stream || record.index !== wanted) throw contradiction(record);
        if (entries.length > 0 && record.entry.length > room) return { kind: 'entries', first: from, entries };
        entries.push(record.entry);
        room -= record.entry.length;
      }
      const wanted = from + entries.length;
      if (room <= 0 || wanted >= index.next) break;
      const position = index.positionOf(wanted);
      if (position < reader.position || position > reader.position + entriesReadOver) {
        reader = this.#journal.reader(journalPosition(position));
      }
    }
    return entries.length > 0 ? { kind: 'entries', first: from, entries } : { kind: 'end' };
  }

  /** Waits for what was appended, then closes the journal. */
  async close(): Promise<void> {
    await this.#compacting;
    await this.#journal.close();
    if (this.#compactingFailure !== null) throw this.#compactingFailure;
  }

  async #perform(records: readonly WalRecord[]): Promise<'done' | 'full'> {
    const outcome = await this.#journal.append(records.map(encodeRecord));
    if (outcome.kind === 'full') return 'full';
    if (outcome.kind === 'refused') throw new LockstepError('stopped', 'the journal takes no more');
    for (const [at, record] of records.entries()) apply(this.#streams, record, outcome.first + at);
    return 'done';
  }

  /** Synchronous up to the journal, so that what was asked for is in the order of the calls. */
  #ask(stream: number): { first: number; next: number } {
    const known = this.#asked.get(stream);
    if (known !== undefined) return known;
    if (!(Number.isSafeInteger(stream) && stream >= 0)) {
      throw new LockstepError('misuse', 'a stream is a whole number of at least 0', { values: { stream } });
    }
    if (this.#asked.size >= this.#streamCountMax) {
      throw new LockstepError('overloaded', 'there are as many streams as there can be', {
        values: { stream, streamCountMax: this.#streamCountMax },
      });
    }
    const asked = { first: 1, next: 1 };
    this.#asked.set(stream, asked);
    return asked;
  }

  /** Tells the streams anew, then gives up the segments that hold nothing but what was let go and is told again. */
  #compact(): void {
    if (this.#compacting !== null || !this.#journal.trims(journalPosition(this.#needed()))) return;
    const compact = async (): Promise<void> => {
      const streams = [...this.#asked].map(([stream, { first, next }]) => ({ stream, first, next }));
      const told = this.#journal.append([encodeRecord({ kind: 'streams', streams })]);
      const outcome = await told;
      if (outcome.kind !== 'appended') return; // there is another time
      await this.#journal.trimBefore(journalPosition(Math.min(this.#needed(), outcome.first)));
    };
    this.#compacting = compact()
      .catch((error: unknown) => {
        // What the disk did finished the journal, which says so to whoever appends; anything else is our bug.
        if (!isLockstepError(error) && error instanceof Error) this.#compactingFailure = error;
      })
      .finally(() => {
        this.#compacting = null;
      });
  }

  /** The first position of the journal that some stream needs. */
  #needed(): number {
    let needed: number = this.#journal.next;
    for (const index of this.#streams.values()) needed = Math.min(needed, index.oldest ?? needed);
    return needed;
  }
}

/** One record's effect, while running and when the journal is read again. A stream that older segments told of begins where it is met. */
function apply(streams: Map<number, StreamIndex>, record: WalRecord, position: number): void {
  if (record.kind === 'streams') {
    for (const { stream, first, next } of record.streams) applyBounds(streams, stream, first, next);
    return;
  }
  let index = streams.get(record.stream);
  if (index === undefined) {
    index = new StreamIndex(record.kind === 'truncate-after' ? record.index + 1 : record.index);
    streams.set(record.stream, index);
  }
  if (record.kind === 'truncate-after') index.truncateAfter(record.index);
  else if (record.kind === 'truncate-before') index.truncateBefore(record.index);
  else {
    if (index.empty && record.index > index.next) index.moveTo(record.index);
    if (record.index !== index.next) throw contradiction(record);
    index.add(record.index, position);
  }
}

function applyBounds(streams: Map<number, StreamIndex>, stream: number, first: number, next: number): void {
  const index = streams.get(stream) ?? new StreamIndex(next);
  streams.set(stream, index);
  if (index.empty && next > index.next) index.moveTo(next);
  if (index.next !== next) {
    throw new LockstepError('corrupt', 'a stream is not where a record says', {
      values: { stream, next: index.next, told: next },
    });
  }
  index.truncateBefore(first);
}

/** Readers take no less than a sector. */
const sectorsOf = (bytes: number): number => Math.max(512, bytes);

const outOfBounds = (stream: number, index: number, asked: { first: number; next: number }): LockstepError =>
  new LockstepError('misuse', 'a stream is truncated within what it holds', { values: { stream, index, ...asked } });

const contradiction = (record: WalRecord): LockstepError =>
  new LockstepError('corrupt', 'a record does not go on where its stream ended', {
    values: record.kind === 'streams' ? {} : { stream: record.stream, index: record.index },
  });
