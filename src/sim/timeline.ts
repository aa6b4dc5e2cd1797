import { assert } from '../kernel/assert.ts';
import { DueEvent, EventQueue } from './event-queue.ts';
import { Fingerprint } from './fingerprint.ts';
import { Trace, type TraceKind } from './trace.ts';

/** Time goes by in steps of just under a microsecond; a power of two, so that sums and differences of times are exact. */
const ticksPerMs = 1_024;

/**
 * The world's time: a queue of due events, the moment that has come, and the record of what was done. Reading time
 * never moves it; only `step` does, one due event at a time.
 */
export class Timeline {
  readonly fingerprint: Fingerprint = new Fingerprint();
  readonly trace: Trace;
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #sequence = 0;
  #performedCount = 0;
  #messages = 0;
  #outsideCount = 0;
  #movedCount = 0;

  constructor(traceCountMax: number) {
    this.trace = new Trace(traceCountMax);
  }

  /** Milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events performed so far. */
  get performedCount(): number {
    return this.#performedCount;
  }

  after(delayMs: number, run: () => void): DueEvent {
    assert(delayMs >= 0 && delayMs < Infinity, 'what is due has a time, and not in the past');
    const event = new DueEvent(this.#nowMs + Math.ceil(delayMs * ticksPerMs) / ticksPerMs, ++this.#sequence, run);
    this.#queue.push(event);
    return event;
  }

  /** Performs the next due event; false when nothing is due any more. */
  step(): boolean {
    const event = this.#queue.pop();
    if (event === undefined) return false;
    assert(event.dueMs >= this.#nowMs, 'time never runs back');
    this.#nowMs = event.dueMs;
    this.#performedCount++;
    this.fingerprint.number(event.dueMs);
    this.fingerprint.word(event.sequence);
    event.run();
    return true;
  }

  /**
   * Work of the host that may take more than one turn (reading the body of a request). Time stands still until it is
   * done, so that how long it takes in fact decides nothing.
   */
  async outside<T>(work: Promise<T>): Promise<T> {
    this.#outsideCount++;
    try {
      return await work;
    } finally {
      this.#outsideCount--;
    }
  }

  /** Grows whenever a frame arrives, a disk changes, a job runs: while it stands still, nothing moves. */
  get movedCount(): number {
    return this.#movedCount;
  }

  /** Whether the world must wait for its host before it goes on. */
  get stands(): boolean {
    return this.#outsideCount > 0;
  }

  /** A number that pairs a message's sending with its arrival in the trace. */
  nextMessage(): number {
    return ++this.#messages;
  }

  record(kind: TraceKind, node: string, text: string, peer: string | null = null, message: number | null = null): void {
    this.fingerprint.text(kind);
    this.fingerprint.text(node);
    if (peer !== null) this.fingerprint.text(peer);
    this.fingerprint.text(text);
    if (kind === 'deliver' || kind === 'disk' || kind === 'job') this.#movedCount++;
    this.trace.add({ atMs: this.#nowMs, sequence: this.trace.count + 1, kind, node, peer, message, text });
  }
}
