/**
 * The events that a stream gives: by a reader of its own up to where the tail of these events begins, then with all others
 * from the tail, and by a reader of its own again where it fell behind. There is one tail for each machine or instance and
 * format, as long as somebody follows.
 */
import type { Timers } from '../env/timers.ts';
import type { Duration } from '../kernel/time.ts';
import { atMost } from '../log/within.ts';
import type { Connection, Recorded } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { frameOf } from './event-stream.ts';
import { EventTail, type TailBatch, type TailSource } from './event-tail.ts';
import { parsePosition, PositionCounter, tokenToRead, type Position } from './position.ts';
import type { BodyFormat } from './wire.ts';

/** Which events, and as what. */
export interface Followed {
  readonly machine: AnyMachine;
  /** Null: of all instances. */
  readonly key: string | null;
  readonly format: BodyFormat;
}

export interface FeedSetup {
  readonly connection: Connection;
  readonly timers: Timers;
  /** What a tail holds at most, and one event. */
  readonly bytesMax: number;
}

/** Where a stream is once it has caught up: at a place of the tail. */
interface Joined {
  readonly place: number;
  /** What it goes on from there. */
  readonly from: Position;
}

/** Whatever this node has will do: state and events of one snapshot fit each other. */
const anyAge: Duration = '36500d';

/** Whether it says where a stream of these events is: a version is one of its own instance. */
const isOf = ({ key }: Followed, { taken }: Position): boolean => taken.every((one) => one.key === key);

export class EventFeeds {
  readonly #setup: FeedSetup;
  readonly #tails = new Map<string, EventTail>();

  constructor(setup: FeedSetup) {
    this.#setup = setup;
  }

  /** Frames of server-sent events, one by one or many in the same bytes that others get. @throws as `Connection.events`. */
  async *follow(
    followed: Followed,
    start: Position,
    signal: AbortSignal,
  ): AsyncGenerator<string | Uint8Array<ArrayBuffer>, void, undefined> {
    const { timers } = this.#setup;
    for (let from = start; ;) {
      using tail = this.#tailOf(followed);
      await atMost(timers, Infinity, [signal], () => tail.begun);
      const at = isOf(followed, from) ? tail.placeAt(from) : null;
      const joined = at === null ? yield* this.#catchUp(followed, from, tail, signal) : { place: at, from };
      if (joined === null) return;
      using reader = tail.readerAt(joined.place, signal);
      let last: TailBatch | null = null;
      for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
        yield batch.bytes;
        last = batch;
      }
      from = last === null ? joined.from : parsePosition(last.position);
    }
  }

  /** By a reader of its own, up to where the tail has all that comes. Null: there are no more events. */
  async *#catchUp(
    followed: Followed,
    from: Position,
    tail: EventTail,
    signal: AbortSignal,
  ): AsyncGenerator<string, Joined | null, undefined> {
    const { format } = followed;
    const counter = new PositionCounter(from.taken);
    const after = await tokenToRead(this.#setup.connection, from, followed.key, signal);
    for await (const event of this.#open(followed, after, signal)) {
      const position = counter.take(event);
      if (position !== null) yield frameOf(event.type, position, event, format);
      if (position === null || !tail.reaches(event)) continue;
      const place = await tail.placeBehind(event, signal);
      if (place !== null) return { place, from: parsePosition(position) };
    }
    return null;
  }

  #open(
    { machine, key }: Followed,
    after: Position['after'],
    signal: AbortSignal,
  ): AsyncIterable<Recorded<AnyMachine>> {
    return this.#setup.connection.events(machine, { key: key ?? undefined, after, signal });
  }

  #tailOf(followed: Followed): EventTail {
    const { timers, bytesMax } = this.#setup;
    const { machine, key, format } = followed;
    const id = JSON.stringify([machine.name, key, format]);
    const known = this.#tails.get(id);
    if (known !== undefined) return known.enter();
    const tail = new EventTail({
      timers,
      bytesMax,
      open: (signal) => this.#source(followed, signal),
      frameOf: (event, position) => frameOf(event.type, position, event, format),
      onEnd: () => this.#tails.delete(id),
    });
    this.#tails.set(id, tail);
    return tail.enter();
  }

  /** From now on. Where an instance is, is its version, so that streams that have all up to it need no reader of their own. */
  async #source(followed: Followed, signal: AbortSignal): Promise<TailSource> {
    const { machine, key } = followed;
    if (key === null) return { version: null, events: this.#open(followed, 'now', signal) };
    const { version, token } = await this.#setup.connection.read(machine, key, { maxAge: anyAge });
    return { version, events: this.#open(followed, version === 0 ? 'start' : token, signal) };
  }
}
