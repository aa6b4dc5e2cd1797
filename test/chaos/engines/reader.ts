/**
 * A reader under chaos: follows the log from its first record, or from where it stopped when something passing came
 * between, and keeps in its journal how far it saw and what chain stood there. Ends when it is told `diverged`.
 */
import { beforeFirst } from '../../../src/log/coordinates.ts';
import type { Log } from '../../../src/log/port.ts';
import { isPassing } from '../../../src/log/within.ts';
import type { Journal } from './journal.ts';
import { openChaosLog, orderGiven, runJournaled, sleep } from './log-process.ts';

const order = orderGiven();

class Reader {
  readonly #log: Log;
  readonly #journal: Journal;
  readonly #end: AbortSignal;
  #position = beforeFirst;
  #chain: string | undefined;

  constructor(log: Log, journal: Journal, end: AbortSignal) {
    this.#log = log;
    this.#journal = journal;
    this.#end = end;
  }

  async follow(): Promise<'interrupted' | 'diverged'> {
    try {
      return await this.#follow();
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#journal.write({ kind: 'interrupted', message: error.message });
      return 'interrupted';
    }
  }

  async #follow(): Promise<'diverged'> {
    for await (const batch of this.#log.read(this.#position, { chain: this.#chain, signal: this.#end })) {
      if (batch.kind === 'diverged') {
        this.#journal.write(batch);
        return 'diverged';
      }
      if (batch.kind === 'trimmed') throw new Error(`nobody trimmed, and it begins at ${batch.earliest}`);
      for (const { position, chain } of batch.records) {
        if (position !== this.#position + 1) throw new Error(`${position} was read after ${this.#position}`);
        [this.#position, this.#chain] = [position, chain];
      }
      this.#journal.write({ kind: 'saw', position: this.#position, chain: this.#chain ?? '' });
    }
    throw new Error('reading ended and did not say why');
  }
}

await runJournaled(order, async (journal, end) => {
  const { log } = await openChaosLog(order, end);
  const reader = new Reader(log, journal, end);
  while ((await reader.follow()) === 'interrupted') await sleep(100);
});
