/**
 * The world's time as the host's own: what is due happens when that much time has gone by in fact. For one machine in
 * memory that is used for real, not for runs that are to be repeated: nothing is recorded.
 */
import { DueEvent, EventQueue } from './event-queue.ts';
import { Timeline } from './timeline.ts';
import { hostTurn, type Turn } from './turn.ts';

const hostNowMs = (): number => performance.now(); // tidy: globals: its time is the host's, which no env gives here
/** The longest that hosts wait at a time; what is later is looked at again then. */
const partMsMax = 2_147_483_647;

export class LiveTimeline extends Timeline {
  readonly #beganMs: number = hostNowMs();
  readonly #turn: Turn = hostTurn();
  readonly #due = new EventQueue();
  #count = 0;
  /** When the host looks next. */
  #looksAtMs = Infinity;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;

  constructor() {
    super(1);
  }

  override get nowMs(): number {
    return hostNowMs() - this.#beganMs;
  }

  override after(delayMs: number, run: () => void): DueEvent {
    const event = new DueEvent(this.nowMs + delayMs, ++this.#count, run);
    this.#due.push(event);
    this.#lookAt(event.dueMs);
    return event;
  }

  override record(): void {}

  /** Nothing that is due happens any more, and the host waits for nothing. */
  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timeout); // tidy: globals: of the host's wait, below
  }

  #lookAt(dueMs: number): void {
    if (this.#hasEnded || dueMs >= this.#looksAtMs) return;
    this.#looksAtMs = dueMs;
    clearTimeout(this.#timeout); // tidy: globals: of the wait below
    const leftMs = Math.ceil(dueMs - this.nowMs);
    if (leftMs <= 0) this.#turn(() => this.#look());
    else this.#timeout = setTimeout(() => this.#look(), Math.min(leftMs, partMsMax)); // tidy: globals: the host's own wait
  }

  /** One at a time, so that all that it lets go on has run before the next. */
  #look(): void {
    if (this.#hasEnded) return;
    this.#looksAtMs = Infinity;
    const event = this.#due.pop();
    if (event === undefined) return;
    if (event.dueMs > this.nowMs) {
      this.#due.push(event);
      return this.#lookAt(event.dueMs);
    }
    const next = this.#due.pop();
    if (next !== undefined) {
      this.#due.push(next);
      this.#lookAt(next.dueMs);
    }
    event.run();
  }
}
