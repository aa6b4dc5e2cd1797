/**
 * A writer under chaos: takes the log again and again, appends numbered records while it leads, and keeps in its
 * journal what it was told. Between it confirms, releases, falls silent until another takes its place and then goes on
 * writing as if nothing had been, or opens everything anew. Each number is tried once.
 */
import { isLockstepError } from '../../../src/kernel/errors.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import type { Log, LogWriter } from '../../../src/log/port.ts';
import { isPassing } from '../../../src/log/within.ts';
import { encodePayload, type Journal, microseconds } from './journal.ts';
import { openChaosLog, orderGiven, runJournaled, sleep } from './log-process.ts';
import { chaosConfig } from './sources.ts';

const order = orderGiven();
const random = new SeededRandom(order.seed);
const smallBytesMax = 600;
const largeBytes = 64 * 1_024;

class Leader {
  readonly #journal: Journal;
  readonly #end: AbortSignal;
  #number = 0;

  constructor(journal: Journal, end: AbortSignal) {
    this.#journal = journal;
    this.#end = end;
  }

  /** Null when it could not be settled whether it leads: then it stands again. */
  async lead(log: Log): Promise<LogWriter | null> {
    const from = microseconds();
    try {
      const writer = await log.acquire({ owner: order.name, signal: this.#end });
      const { epoch, start: position } = writer;
      this.#journal.write({ kind: 'leads', epoch, position, from, at: microseconds() });
      return writer;
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#journal.write({ kind: 'interrupted', message: error.message });
      return null;
    }
  }

  /** Until it is deposed, or has had enough: then it gives up its place, or just stops, for others to take it. */
  async reign(writer: LogWriter): Promise<void> {
    if (!(await this.#writeFor(writer, random.between(100, 4_000)))) return;
    if (random.chance(0.5)) {
      const { silenceMs, pauseMsMax } = chaosConfig;
      await sleep(random.between(0.8, 1.5) * (silenceMs + pauseMsMax));
      if (!(await this.#writeFor(writer, 200))) return;
    }
    if (random.chance(0.7)) await this.#release(writer);
    this.#end.throwIfAborted();
    await sleep(random.between(0, 500));
  }

  /** Whether it may go on after that. */
  async #writeFor(writer: LogWriter, ms: number): Promise<boolean> {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs && !this.#end.aborted) {
      if (random.chance(0.02) && !(await this.#confirm(writer))) return false;
      if (!(await this.#append(writer))) return false;
      if (random.chance(0.2)) await sleep(random.between(0, 4));
    }
    return true;
  }

  /** Whether it may go on. */
  async #append(writer: LogWriter): Promise<boolean> {
    const number = ++this.#number;
    const bytes = random.chance(0.002) ? largeBytes : random.between(20, smallBytesMax);
    const payload = encodePayload(order.name, number, bytes);
    this.#journal.write({ kind: 'tries', number, epoch: writer.epoch, at: microseconds() });
    try {
      const outcome = await writer.append({ payload, firstRevision: 0, revisionCount: 0 });
      const at = microseconds();
      if (outcome.kind === 'appended') {
        this.#journal.write({ kind: 'acknowledged', number, position: outcome.position, at });
        return true;
      }
      this.#journal.write({ kind: 'denied', number, because: 'fenced', at });
    } catch (error) {
      if (!isPassing(error)) throw error;
      const at = microseconds();
      if (isLockstepError(error, 'unknown')) this.#journal.write({ kind: 'unknown', number, at });
      else this.#journal.write({ kind: 'denied', number, because: 'unavailable', at });
    }
    return false;
  }

  /** Whether it leads, as far as it was told. */
  async #confirm(writer: LogWriter): Promise<boolean> {
    const from = microseconds();
    try {
      if ((await writer.confirm()) === 'lost') return false;
      this.#journal.write({ kind: 'held', epoch: writer.epoch, from, at: microseconds() });
      return true;
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#journal.write({ kind: 'interrupted', message: error.message });
      return true; // the next append meets it
    }
  }

  async #release(writer: LogWriter): Promise<void> {
    try {
      await writer.release();
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#journal.write({ kind: 'interrupted', message: error.message });
    }
  }
}

await runJournaled(order, async (journal, end) => {
  const leader = new Leader(journal, end);
  for (;;) {
    const { log, engine } = await openChaosLog(order, end);
    const terms = random.between(1, 5);
    for (let term = 0; term < terms; term++) {
      const writer = await leader.lead(log);
      if (writer !== null) await leader.reign(writer);
    }
    await engine.close();
  }
});
