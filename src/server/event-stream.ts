/**
 * A stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). It reads ahead by a
 * bounded part, so that many events at once are one write and whoever does not read holds no more than that; in silence it
 * says that it is alive.
 */
import type { Timers } from '../env/timers.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { atMost } from '../log/within.ts';
import type { HandlerLimits } from './limits.ts';
import { problemOf, refusalOf } from './problem.ts';
import { base64Of, encodeBody, jsonOf, type BodyFormat } from './wire.ts';

export interface EventStreamSetup {
  readonly limits: Pick<HandlerLimits, 'heartbeatMs' | 'streamBytesMax'>;
  readonly timers: Timers;
  /** Where kinds of errors are explained. */
  readonly base: string;
  /** Begins to read: what `frameOf` makes. */
  readonly open: (signal: AbortSignal) => AsyncIterable<string>;
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

export function eventStream(setup: EventStreamSetup): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pump = new EventPump(setup);
  const utf8 = new TextEncoder();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start: () => pump.start(),
      async pull(controller) {
        const text = await pump.take();
        if (text === null) controller.close();
        else controller.enqueue(utf8.encode(text));
      },
      cancel: () => pump.stop(),
    },
    { highWaterMark: 0 }, // what is read ahead lies in the pump alone
  );
}

class EventPump {
  readonly #setup: EventStreamSetup;
  readonly #ending = new AbortController();
  /** Begins with a sign of life, so that the headers go out at once. */
  #text = alive;
  #isEnded = false;
  /** Resolves when there is something to take, or it has ended. */
  #more = Promise.withResolvers<void>();
  /** Resolves when there is room again. */
  #room = Promise.withResolvers<void>();

  constructor(setup: EventStreamSetup) {
    this.#setup = setup;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#ending.abort(new LockstepError('stopped', 'nobody reads this stream any more'));
    this.#room.resolve();
  }

  /** What has gathered, at least a sign of life; null at the end. */
  async take(): Promise<string | null> {
    const { timers, limits } = this.#setup;
    if (this.#text === '' && !this.#isEnded) {
      const waited = await atMost(timers, limits.heartbeatMs, [], () => this.#more.promise);
      if (waited.kind === 'late') return alive;
    }
    const text = this.#text;
    if (text === '') return null;
    this.#text = '';
    this.#room.resolve();
    if (!this.#isEnded) this.#more = Promise.withResolvers();
    return text;
  }

  async #run(): Promise<void> {
    const { open, onEnd, base } = this.#setup;
    const { signal } = this.#ending;
    let failure: unknown = null;
    try {
      await this.#gather(open(signal));
    } catch (error) {
      if (!isLockstepError(error)) failure = error;
      const told = isLockstepError(error) ? error : new LockstepError('stopped', 'this stream failed on the server');
      this.#text += `event: problem\ndata: ${jsonOf(problemOf(refusalOf(told), base))}\n\n`;
    }
    this.#isEnded = true;
    this.#more.resolve();
    onEnd(signal.aborted ? null : failure);
  }

  async #gather(frames: AsyncIterable<string>): Promise<void> {
    const { streamBytesMax } = this.#setup.limits;
    const { signal } = this.#ending;
    for await (const frame of frames) {
      signal.throwIfAborted();
      this.#text += frame;
      this.#more.resolve();
      if (this.#text.length < streamBytesMax) continue;
      this.#room = Promise.withResolvers();
      await this.#room.promise;
      signal.throwIfAborted();
    }
  }
}
