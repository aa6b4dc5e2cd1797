/**
 * Reads a stream from one position on and then live: an ephemeral consumer that lives in the server's memory, asked for
 * more while there is room here. What arrives must be the next position of this log; anything else, a missing heartbeat
 * or an error breaks the cursor, and its reader begins anew after a look at the stream (what NATS calls an ordered
 * consumer). Nothing is acknowledged, and nothing of it needs to survive.
 */
import { isLockstepError } from '../../kernel/errors.ts';
import type { Timer, Timers } from '../../env/timers.ts';
import { nextPosition, position } from '../coordinates.ts';
import type { Position } from '../port.ts';
import type { StoredBytes } from '../store.ts';
import type { NatsMessage } from './connection.ts';
import type { Growth } from './growth.ts';
import type { Streams } from './stream.ts';

/** The server shows life so often while it has nothing. */
const heartbeatMs = 5_000;
/** One request for more stays open so long. */
const pullMs = 60_000;
const recordsPerPull = 2_000;
/** What a message has besides its bytes, at most: subject, reply, header. */
const messageExtraBytes = 1_024;
/** A cursor that nobody reads or waits at for so long is closed. */
const idleMsMax = 30_000;
const nsPerMs = 1_000_000;

export interface CursorContext {
  readonly streams: Streams;
  readonly stream: string;
  readonly subject: string;
  readonly timers: Timers;
  readonly growth: Growth;
  /** About so many bytes are kept for the reader; no less than the largest message. */
  readonly bytesMax: number;
}

export class Cursor {
  readonly #context: CursorContext;
  readonly #inbox: string;
  #records: StoredBytes[] = [];
  #taken = 0;
  #bytes = 0;
  #last: Position;
  #given: Position;
  #consumer: string | null = null;
  #pull = { underWay: false, recordsLeft: 0, received: 0 };
  #alive = true;
  #idleMs = 0;
  #readers = 0;
  #closed = false;
  #watch: Timer | null = null;
  /** There while somebody waits for records. */
  #arrival: PromiseWithResolvers<void> | null = null;
  readonly #unsubscribe: () => void;

  constructor(context: CursorContext, after: Position) {
    this.#context = context;
    this.#last = after;
    this.#given = after;
    const { connection } = context.streams;
    this.#inbox = connection.inbox();
    this.#unsubscribe = connection.subscribe(
      this.#inbox,
      (message) => this.#onMessage(message),
      () => this.close(),
    );
    this.#rewatch();
    void this.#start();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Where its reader stands: what it was given last. */
  get at(): Position {
    return this.#given;
  }

  /** Resolves when records are there, or it is closed. */
  get arrival(): Promise<void> {
    if (this.#taken < this.#records.length || this.#closed) return Promise.resolve();
    this.#arrival ??= Promise.withResolvers();
    return this.#arrival.promise;
  }

  /** Somebody waits here, until the call that this gives. */
  enter(): () => void {
    this.#readers++;
    return () => {
      this.#readers--;
      this.#idleMs = 0;
    };
  }

  /** What has arrived, up to so many bytes, at least one record if there is any. */
  take(bytesMax: number): readonly StoredBytes[] {
    this.#idleMs = 0;
    let [end, bytes] = [this.#taken, 0];
    for (; end < this.#records.length; end++) {
      const size = (this.#records[end] as StoredBytes).bytes.length;
      if (bytes + size > bytesMax && end > this.#taken) break;
      bytes += size;
    }
    const given = this.#records.slice(this.#taken, end);
    this.#taken = end;
    this.#bytes -= bytes;
    this.#given = given.at(-1)?.position ?? this.#given;
    if (this.#taken === this.#records.length) [this.#records, this.#taken] = [[], 0];
    this.#more();
    return given;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.cancel();
    this.#unsubscribe();
    const { streams, stream, growth } = this.#context;
    if (this.#consumer !== null) streams.connection.tell(`CONSUMER.DELETE.${stream}.${this.#consumer}`, '');
    this.#arrival?.resolve();
    growth.wake(); // whoever waits for it looks, and gets another
  }

  async #start(): Promise<void> {
    const { streams, stream } = this.#context;
    const config = {
      deliver_policy: 'by_start_sequence',
      opt_start_seq: nextPosition(this.#last),
      ack_policy: 'none',
      replay_policy: 'instant',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: idleMsMax * nsPerMs,
    };
    try {
      const path = `CONSUMER.CREATE.${stream}`;
      const body = { stream_name: stream, config };
      const answer = await streams.connection.call<{ readonly name: string }>(path, body, 'unavailable');
      if (answer.kind === 'done') this.#consumer = answer.value.name;
    } catch (error) {
      if (!isLockstepError(error)) throw error; // the reader reads otherwise, and meets what is wrong
    }
    if (this.#consumer === null) return this.close();
    if (this.#closed) streams.connection.tell(`CONSUMER.DELETE.${stream}.${this.#consumer}`, '');
    else this.#more();
  }

  /** Asks for more when nothing is under way and half of the room is free. */
  #more(): void {
    if (this.#closed || this.#consumer === null || this.#pull.underWay) return;
    const { streams, stream, bytesMax } = this.#context;
    if (this.#bytes > bytesMax / 2) return;
    this.#pull = { underWay: true, recordsLeft: recordsPerPull, received: 0 };
    const body = JSON.stringify({
      batch: recordsPerPull,
      max_bytes: bytesMax + messageExtraBytes,
      expires: pullMs * nsPerMs,
      idle_heartbeat: heartbeatMs * nsPerMs,
    });
    streams.connection.tell(`CONSUMER.MSG.NEXT.${stream}.${this.#consumer}`, body, this.#inbox);
  }

  #onMessage(message: NatsMessage): void {
    if (this.#closed) return;
    this.#alive = true;
    if (message.data.length === 0) return this.#onStatus(message);
    const at = sequenceOf(message.reply ?? '');
    if (message.subject !== this.#context.subject || at !== this.#last + 1) return this.close();
    this.#last = position(at);
    this.#records.push({ position: this.#last, bytes: message.data });
    this.#bytes += message.data.length;
    this.#pull.received++;
    if (--this.#pull.recordsLeft === 0) this.#pull.underWay = false;
    this.#arrival?.resolve();
    this.#arrival = null;
    this.#context.growth.saw(at);
    this.#more();
  }

  #onStatus({ headers }: NatsMessage): void {
    const code = headers?.code ?? 0;
    if (code === 100) return; // a heartbeat
    this.#pull.underWay = false;
    const full = code === 409 && /exceeds maxbytes|batch completed/i.test(headers?.description ?? '');
    if (code === 408 || (full && this.#pull.received > 0)) this.#more();
    else this.close();
  }

  /** Twice without a sign of life: the consumer, its server or the request is gone. */
  #rewatch(): void {
    const everyMs = heartbeatMs + heartbeatMs / 2;
    this.#watch = this.#context.timers.after(everyMs, () => {
      this.#idleMs = this.#readers > 0 ? 0 : this.#idleMs + everyMs;
      if ((this.#pull.underWay && !this.#alive) || this.#idleMs >= idleMsMax) return this.close();
      this.#alive = false;
      this.#rewatch();
    });
  }
}

/**
 * The stream's sequence in the subject to which a message would be acknowledged: `$JS.ACK.` then stream, consumer,
 * deliveries, sequence and three more; newer servers may put a domain and an account in front, and a token behind.
 */
export function sequenceOf(reply: string): number {
  const tokens = reply.split('.');
  return Number(tokens[tokens.length === 9 ? 5 : 7] ?? NaN);
}
