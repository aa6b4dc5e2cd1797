/** One log in one stream. Positions are the stream's sequences; all that moves them otherwise is off (`settings.ts`). */
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import type { Timer } from '../../env/timers.ts';
import { nextPosition, position } from '../coordinates.ts';
import type { LogId, Position } from '../port.ts';
import type { RecordStore, StoredBytes, StoreRead } from '../store.ts';
import { pause, within, type LogPorts } from '../within.ts';
import { parsed, refused, type Refusal } from './connection.ts';
import { Cursor } from './cursor.ts';
import { Growth } from './growth.ts';
import type { Streams, StreamSight } from './stream.ts';

export interface NatsStoreContext {
  readonly ports: LogPorts;
  readonly streams: Streams;
  readonly stream: string;
  readonly id: LogId;
  /** The largest message of the server. */
  readonly maxPayload: number;
  readonly onClose: () => void;
}

/** Readers at different places have a cursor each; the one that was used longest ago goes. */
const cursorsMax = 8;
/** A cursor holds about so much for its reader, so that the next batch is there when one was taken. */
const cursorBytesMax = 4_194_304;
/** What is known to be there arrives within this, or the reader takes another way. */
const arrivalMsMax = 500;
/** Whoever waits without a cursor hears of growth by a word from the writer; this is how long a lost word is missed. */
const lookMs = 3_000;
/** The word is said at most so often: one for each append would cost a quarter of its time. */
const tellMs = 10;
/** A stream that is not found is gone if it is not found again after this. */
const secondLookMs = 200;
const wrongLastSequence: readonly number[] = [10_071, 10_164];

export class NatsStore implements RecordStore {
  readonly id: LogId;
  readonly #context: NatsStoreContext;
  readonly #subject: string;
  readonly #growth = new Growth();
  #cursors: Cursor[] = [];
  /** The first position that was kept at the last look. */
  #first: Position = position(1);
  #unsubscribe: (() => void) | null = null;
  #looking: Timer | null = null;
  #telling: Timer | null = null;
  #closed = false;
  readonly #offReconnect: () => void;

  constructor(context: NatsStoreContext) {
    this.id = context.id;
    this.#context = context;
    this.#subject = context.streams.names.subject(context.id);
    this.#offReconnect = context.streams.connection.onReconnect(() => this.#restart());
  }

  async append(after: Position, bytes: Uint8Array): Promise<'appended' | 'conflict' | 'gone'> {
    const { connection } = this.#context.streams;
    const data = await connection.append(this.#subject, after, bytes);
    if (data === null) {
      if ((await this.#look()) === null) return 'gone';
      throw new LockstepError('unavailable', 'the stream has no leader', { values: { stream: this.#context.stream } });
    }
    const answer = parsed(data) as { readonly error?: Refusal; readonly stream?: string; readonly seq?: number };
    if (answer.error !== undefined) {
      if (wrongLastSequence.includes(answer.error.err_code ?? 0)) return 'conflict';
      throw refused(answer.error, 'an append');
    }
    const at = nextPosition(after);
    if (answer.stream !== this.#context.stream || answer.seq !== at)
      throw new LockstepError('unknown', 'an append was acknowledged for another place', {
        values: { expected: at, found: answer.seq ?? null, stream: answer.stream ?? null },
      });
    this.#growth.saw(at);
    this.#telling ??= this.#context.ports.timers.after(tellMs, () => this.#tell());
    return 'appended';
  }

  async read(after: Position, bytesMax: number): Promise<StoreRead> {
    if (bytesMax <= 1) return this.#one(after);
    let cursor = this.#cursorAt(after);
    if (cursor === null) {
      const sight = await this.#look();
      if (sight === null) return { kind: 'gone' };
      if (sight.first > after + 1) return kept([], sight);
      cursor = this.#newCursor(after);
    }
    const { growth, timers } = { growth: this.#growth, timers: this.#context.ports.timers };
    let records = cursor.take(bytesMax);
    if (records.length === 0 && growth.known > after) {
      await within(timers, arrivalMsMax, [], () => cursor.arrival);
      records = cursor.take(bytesMax);
    }
    if (records.length > 0 || (!cursor.closed && growth.known <= after))
      return kept(records, {
        first: this.#first,
        last: position(Math.max(growth.known, records.at(-1)?.position ?? 0)),
      });
    // It is there and does not come: the consumer is behind, or was lost.
    cursor.close();
    return this.#one(after);
  }

  async grown(after: Position, signal: AbortSignal): Promise<void> {
    const leave = this.#cursorAt(after)?.enter();
    if (leave === undefined) this.#watch();
    try {
      await this.#growth.wait(after, signal);
    } finally {
      leave?.();
    }
  }

  async trim(before: Position): Promise<void> {
    const { streams, stream } = this.#context;
    if ((await this.#look()) !== null) await streams.purge(stream, before);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#offReconnect();
    if (this.#telling !== null) this.#tell();
    this.#looking?.cancel();
    this.#unsubscribe?.();
    for (const cursor of this.#cursors) cursor.close();
    this.#growth.wake();
    this.#context.onClose();
  }

  /** One record, from the stream's leader. */
  async #one(after: Position): Promise<StoreRead> {
    const { streams, stream } = this.#context;
    const found =
      after >= Number.MAX_SAFE_INTEGER - 1 ? 'none' : await streams.message(stream, this.#subject, nextPosition(after));
    if (typeof found !== 'string') {
      this.#growth.saw(found.position);
      return kept([found], { first: this.#first, last: position(Math.max(this.#growth.known, found.position)) });
    }
    const sight = await this.#look();
    return sight === null ? { kind: 'gone' } : kept([], sight);
  }

  /** Null when the log is gone: its stream is not there, or keeps another. */
  async #look(): Promise<StreamSight | null> {
    const { streams, stream, ports } = this.#context;
    let sight = await streams.look(stream);
    if (sight === null) {
      await pause(ports.timers, secondLookMs);
      sight = await streams.look(stream);
    }
    if (sight === null || sight.id !== this.id) {
      this.#growth.wake();
      return null;
    }
    this.#first = sight.first;
    this.#growth.sawEnd(sight.last);
    return sight;
  }

  #cursorAt(after: Position): Cursor | null {
    this.#cursors = this.#cursors.filter((cursor) => !cursor.closed);
    return this.#cursors.find((cursor) => cursor.at === after) ?? null;
  }

  #newCursor(after: Position): Cursor {
    if (this.#closed) throw new LockstepError('stopped', 'the log is closed');
    const { ports, streams, stream, maxPayload } = this.#context;
    const bytesMax = Math.max(maxPayload, cursorBytesMax);
    const context = { streams, stream, subject: this.#subject, timers: ports.timers, growth: this.#growth, bytesMax };
    const cursor = new Cursor(context, after);
    if (this.#cursors.length === cursorsMax) this.#cursors.shift()?.close();
    this.#cursors.push(cursor);
    return cursor;
  }

  /** After the client has found a server again: requests of before are forgotten there. */
  #restart(): void {
    for (const cursor of this.#cursors) cursor.close();
    this.#growth.wake();
  }

  /** To those who wait elsewhere without a cursor: who was deposed, and who wants to lead. Nothing rests on it. */
  #tell(): void {
    this.#telling?.cancel();
    this.#telling = null;
    const { connection, names } = this.#context.streams;
    connection.publish(names.grown(this.id), String(this.#growth.known));
  }

  /** Listens for the writers' word, and looks by itself now and then while somebody waits. */
  #watch(): void {
    if (this.#closed) return;
    const { connection, names } = this.#context.streams;
    this.#unsubscribe ??= connection.subscribe(
      names.grown(this.id),
      ({ data }) => this.#growth.wake(Number(new TextDecoder().decode(data)) || 0),
      () => {}, // not allowed to listen: the looks remain
    );
    const { timers, randomness } = this.#context.ports;
    this.#looking ??= timers.after(lookMs * (0.5 + randomness.float()), () => {
      this.#looking = null;
      if (this.#growth.waitingCount > 0) void this.#lookAgain();
    });
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      if (!isLockstepError(error)) throw error;
      this.#growth.wake(); // whoever waits looks for itself, and meets it
    }
    if (this.#growth.waitingCount > 0) this.#watch();
  }
}

const kept = (
  records: readonly StoredBytes[],
  { first, last }: { readonly first: Position; readonly last: Position },
): StoreRead => ({ kind: 'records', records, first, last });
