/**
 * The newest events of a machine or an instance, read once and made into bytes once for all streams that have come so far:
 * what a stream costs there is what it takes to write to it. The tail holds a bounded part; whoever falls behind it reads by
 * itself until it is back. A stream goes over only where the tail is known to have whatever comes behind the stream's last
 * event, and is given no more than that: so nothing is missed, and nothing comes twice.
 */
import { joined } from '../checkpoint/content.ts';
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import { atMost } from '../log/within.ts';
import type { Recorded } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { revisionOf } from '../machine/event-reader.ts';
import { tokensIn } from '../partition/token.ts';
import { PositionCounter, type Position } from './position.ts';

type Event = Recorded<AnyMachine>;
type Bytes = Uint8Array<ArrayBuffer>;

/** What a tail reads. */
export interface TailSource {
  /** Of one instance: that which the first of them comes after. */
  readonly version: number | null;
  readonly events: AsyncIterable<Event>;
}

export interface TailSetup {
  readonly timers: Timers;
  /** What it holds at most, and one event. */
  readonly bytesMax: number;
  readonly open: (signal: AbortSignal) => Promise<TailSource>;
  readonly frameOf: (event: Event, position: string) => string;
  /** Called once: when its source has ended, or the last stream has left. */
  readonly onEnd: () => void;
}

/** What has come behind a place: the same bytes for all who were there. */
export interface TailBatch {
  readonly bytes: Bytes;
  /** The place behind it. */
  readonly place: number;
  /** What a stream goes on from after it. */
  readonly position: string;
}

interface Frame {
  readonly event: Event;
  readonly position: string;
  readonly bytes: Bytes;
}

/** A write costs more than what is written: the more streams there are, the longer events gather for one. */
const streamsPerGapMs = 40;
const gapMsMax = 50;

export class EventTail implements Disposable {
  /** Resolves when it is known where it begins, or that it does not. */
  readonly begun: Promise<void>;
  readonly #setup: TailSetup;
  readonly #ending = new AbortController();
  /** Places count events. Those of an instance are its versions; of a machine they begin with what came first. */
  #isByVersion = false;
  #frames: Frame[] = [];
  #bytes = 0;
  /** The place before the first frame that it holds. */
  #first = 0;
  /** The place behind those that streams were told of. */
  #told = 0;
  #untoldBytes = 0;
  #waiting = new Set<() => void>();
  #batch: (TailBatch & { readonly from: number }) | null = null;
  #isGathering = false;
  #isEnded = false;
  #streams = 0;

  constructor(setup: TailSetup) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun = promise;
    this.#setup = setup;
    void this.#run(resolve);
  }

  /** One stream more, which leaves by `using`. */
  enter(): this {
    this.#streams++;
    return this;
  }

  [Symbol.dispose](): void {
    if (--this.#streams === 0) this.#end();
  }

  /** The place of a stream that has what this says and no more; null: it is not known, or not here. */
  placeAt({ after, taken: [last] }: Position): number | null {
    if (!this.#isByVersion || this.#isEnded) return null;
    const place = last?.version ?? (after === 'start' ? 0 : null);
    return place !== null && place >= this.#first && place <= this.#last ? place : null;
  }

  /** Whether all that comes behind this event is here, or will be. */
  reaches({ version, token }: Event): boolean {
    if (this.#isEnded) return false;
    if (this.#isByVersion) return version >= this.#first;
    const [first] = this.#frames;
    return first !== undefined && revisionOf(token) >= revisionOf(first.event.token);
  }

  /** The place behind an event that it reaches, once it has come here; null: it has gone. @throws the signal's reason. */
  async placeBehind(event: Event, signal: AbortSignal): Promise<number | null> {
    for (;;) {
      if (!this.reaches(event)) return null;
      const place = this.#isByVersion ? event.version : this.#placeOf(event.id);
      if (place !== null && place <= this.#last) return place;
      const newest = this.#frames.at(-1)?.event;
      if (newest !== undefined && revisionOf(newest.token) > revisionOf(event.token)) return null;
      await this.#further(signal);
    }
  }

  /** Goes on from a place, until the signal aborts. */
  readerAt(place: number, signal: AbortSignal): TailReader {
    return new TailReader(this, place, signal);
  }

  /** What streams were told of behind this place. `none`: nothing yet; `gone`: not all of it is here. */
  behind(place: number): TailBatch | 'none' | 'gone' {
    if (this.#isEnded || place < this.#first) return 'gone';
    if (place >= this.#told) return 'none';
    if (this.#batch?.from !== place || this.#batch.place !== this.#told) this.#batch = this.#batchFrom(place);
    return this.#batch;
  }

  /** Called once, when there is more or it has ended. */
  onceMore(onMore: () => void): void {
    this.#waiting.add(onMore);
  }

  offMore(onMore: () => void): void {
    this.#waiting.delete(onMore);
  }

  get #last(): number {
    return this.#first + this.#frames.length;
  }

  #placeOf(id: string): number | null {
    const at = this.#frames.findLastIndex(({ event }) => event.id === id);
    return at < 0 ? null : this.#first + at + 1;
  }

  #batchFrom(from: number): TailBatch & { readonly from: number } {
    const frames = this.#frames.slice(from - this.#first, this.#told - this.#first);
    const last = frames.at(-1) as Frame; // it was told of more than what is before this place
    return { from, place: this.#told, position: last.position, bytes: bytesOf(frames) };
  }

  #further(signal: AbortSignal): Promise<unknown> {
    const more = () => new Promise<void>((resolve) => this.onceMore(resolve));
    return atMost(this.#setup.timers, Infinity, [signal], more);
  }

  async #run(onBegun: () => void): Promise<void> {
    const { open } = this.#setup;
    try {
      const { version, events } = await open(this.#ending.signal);
      this.#isByVersion = version !== null;
      this.#first = this.#told = version ?? 0;
      onBegun();
      const counter = new PositionCounter([]);
      for await (const event of events) {
        // Events of several partitions come to each reader in an order of its own.
        if (tokensIn(event.token).length > 1) break;
        if (this.#isByVersion && event.version !== this.#last + 1) break;
        const position = counter.take(event);
        if (position !== null) this.#add(event, position);
      }
    } catch {
      // Its streams read on by themselves, and are told what is wrong by their own readers.
    }
    onBegun();
    this.#end();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#ending.abort(new LockstepError('stopped', 'nobody follows these events any more'));
    this.#wake();
    this.#setup.onEnd();
  }

  #add(event: Event, position: string): void {
    const { timers, bytesMax, frameOf } = this.#setup;
    const bytes = new TextEncoder().encode(frameOf(event, position));
    this.#frames.push({ event, position, bytes });
    this.#bytes += bytes.length;
    this.#untoldBytes += bytes.length;
    while (this.#bytes > bytesMax && this.#frames.length > 1) this.#forget();
    if (this.#untoldBytes > bytesMax / 2) return this.#tell();
    if (this.#isGathering) return;
    this.#isGathering = true;
    timers.after(Math.min(gapMsMax, 1 + this.#streams / streamsPerGapMs), () => this.#tell());
  }

  #forget(): void {
    this.#bytes -= this.#frames.shift()?.bytes.length ?? 0;
    this.#first++;
  }

  #tell(): void {
    this.#isGathering = false;
    this.#untoldBytes = 0;
    this.#told = this.#last;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const onMore of waiting) onMore();
  }
}

/** One stream's way along a tail. It is told of more without a signal and a timer of its own each time. */
export class TailReader implements Disposable {
  readonly #tail: EventTail;
  readonly #signal: AbortSignal;
  #place: number;
  #onMore: () => void = () => {};
  readonly #onAbort = (): void => {
    this.#tail.offMore(this.#onMore);
    this.#onMore();
  };

  /** Use `EventTail.readerAt`. */
  constructor(tail: EventTail, place: number, signal: AbortSignal) {
    this.#tail = tail;
    this.#place = place;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** What has come since, once there is some; null: it has fallen behind, or the tail has ended. @throws the signal's reason. */
  async next(): Promise<TailBatch | null> {
    for (;;) {
      this.#signal.throwIfAborted();
      const batch = this.#tail.behind(this.#place);
      if (batch === 'gone') return null;
      if (batch !== 'none') {
        this.#place = batch.place;
        return batch;
      }
      await new Promise<void>((resolve) => {
        this.#onMore = resolve;
        this.#tail.onceMore(resolve);
      });
    }
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

function bytesOf(frames: readonly Frame[]): Bytes {
  const [only] = frames;
  if (only !== undefined && frames.length === 1) return only.bytes;
  const parts = frames.map(({ bytes }) => bytes);
  return joined(
    parts,
    parts.reduce((count, { length }) => count + length, 0),
  );
}
