/**
 * A stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). It reads ahead by a
 * bounded part, so that many events at once are one write and whoever does not read holds no more than that; in silence it
 * says that it is alive.
 */
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import { atMost } from '../log/within.ts';
import type { Flow } from './exchange.ts';
import type { HandlerLimits } from './limits.ts';
import { isOwnError, problemOf, refusalOf } from './problem.ts';
import { base64Of, encodeBody, jsonOf, type BodyFormat } from './wire.ts';

export interface EventStreamSetup {
  readonly limits: Pick<HandlerLimits, 'heartbeatMs' | 'streamBytesMax'>;
  readonly timers: Timers;
  /** Where kinds of errors are explained. */
  readonly base: string;
  /** Begins to read: what `frameOf` makes, or the bytes of many of them, which others may have too. */
  readonly open: (signal: AbortSignal) => AsyncIterable<string | Uint8Array<ArrayBuffer>>;
  /** What is told of what was thrown, when that was none of our errors. */
  readonly toldOf: (failure: unknown) => LockstepError;
  /** Called once, however it ends; with what was thrown, when that was none of our errors. */
  readonly onEnd: (failure: unknown) => void;
}

/** One event of a stream. A line of `data` has no end of line within: JSON and base64 have none. */
export function frameOf(type: string, id: string | null, value: unknown, format: BodyFormat): string {
  const body = encodeBody(value, format);
  const data = typeof body === 'string' ? body : base64Of(body);
  return `${id === null ? '' : `id: ${id}\n`}event: ${type}\ndata: ${data}\n\n`;
}

const alive = ':\n\n';

export function eventStream(setup: EventStreamSetup): Flow {
  const stream = new EventStream(setup);
  void stream.run();
  return stream;
}

class EventStream implements Flow {
  readonly #setup: EventStreamSetup;
  readonly #ending = new AbortController();
  /** Begins with a sign of life, so that the headers go out at once. */
  #text = alive;
  /** Comes behind the text. */
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #isEnded = false;
  /** Resolves when there is something to take, or it has ended. */
  #more = Promise.withResolvers<void>();
  /** Resolves when there is room again. */
  #room = Promise.withResolvers<void>();

  constructor(setup: EventStreamSetup) {
    this.#setup = setup;
  }

  stop(): void {
    this.#ending.abort(new LockstepError('stopped', 'nobody reads this stream any more'));
    this.#room.resolve();
    this.#more.resolve();
  }

  /** What has gathered, at least a sign of life. */
  async take(): Promise<Uint8Array<ArrayBuffer> | null> {
    const { timers, limits } = this.#setup;
    if (this.#isEmpty && !this.#isEnded) {
      this.#more = Promise.withResolvers();
      const waited = await atMost(timers, limits.heartbeatMs, [], () => this.#more.promise);
      if (waited.kind === 'late') return new TextEncoder().encode(alive);
    }
    if (this.#ending.signal.aborted) return null;
    const part = this.#text === '' ? this.#bytes : new TextEncoder().encode(this.#text);
    if (this.#text === '') this.#bytes = null;
    this.#text = '';
    if (this.#isEmpty) this.#room.resolve();
    return part;
  }

  async run(): Promise<void> {
    const { open, toldOf, onEnd, base } = this.#setup;
    const { signal } = this.#ending;
    let failure: unknown = null;
    try {
      await this.#gather(open(signal));
    } catch (error) {
      if (!isOwnError(error)) failure = error;
      const told = isOwnError(error) ? error : toldOf(error);
      this.#text += `event: problem\ndata: ${jsonOf(problemOf(refusalOf(told), base))}\n\n`;
    }
    this.#isEnded = true;
    this.#more.resolve();
    onEnd(signal.aborted ? null : failure);
  }

  get #isEmpty(): boolean {
    return this.#text === '' && this.#bytes === null;
  }

  async #gather(parts: AsyncIterable<string | Uint8Array<ArrayBuffer>>): Promise<void> {
    const { streamBytesMax } = this.#setup.limits;
    const { signal } = this.#ending;
    for await (const part of parts) {
      signal.throwIfAborted();
      if (typeof part === 'string') this.#text += part;
      else this.#bytes = part;
      this.#more.resolve();
      if (this.#bytes === null && this.#text.length < streamBytesMax) continue;
      this.#room = Promise.withResolvers();
      await this.#room.promise;
      signal.throwIfAborted();
    }
  }
}
