/**
 * What a writer was told, held against what is in the log: who is acknowledged is there, where it was said, once; who
 * is fenced or refused is not; who is in doubt is there once at most.
 */
import { isLockstepError } from '../../src/kernel/errors.ts';
import type { Log, LogRecord, LogWriter, Position } from '../../src/log/port.ts';
import { position } from '../../src/log/coordinates.ts';

export interface Tally {
  readonly acknowledged: number;
  readonly doubts: number;
  readonly refusals: number;
}

/** Appends numbers, one after another, and stands again whenever its turn has ended. */
export class TallyWriter {
  readonly #log: Log;
  readonly #owner: string;
  readonly #told = new Map<string, number | 'doubt' | 'refused'>();
  #count = 0;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  constructor(log: Log, owner: string) {
    this.#log = log;
    this.#owner = owner;
  }

  start(): this {
    this.#done = this.#run();
    return this;
  }

  /** Resolves once so many more were acknowledged. */
  acknowledged(more: number): Promise<void> {
    const count = this.#acknowledgedCount + more;
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** Reads the log from its beginning up to a claim made now, and compares. Throws where it is not as was told. */
  async compare(log: Log = this.#log): Promise<Tally> {
    const places = new Map<string, number>();
    const end = await this.#end(log);
    for (const record of await recordsUpTo(log, end)) {
      if (record.sequence === 0) continue;
      const text = new TextDecoder().decode(record.payload);
      if (!text.startsWith(`${this.#owner} `)) continue;
      if (places.has(text)) throw new Error(`${text} is there twice`);
      places.set(text, record.position);
    }
    for (const [text, told] of this.#told) {
      const place = places.get(text);
      if (typeof told === 'number' && place !== told)
        throw new Error(`${text} was acknowledged at ${told}, and is ${place === undefined ? 'lost' : `at ${place}`}`);
      if (told === 'refused' && place !== undefined) throw new Error(`${text} was refused, and is at ${place}`);
    }
    const counted = [...this.#told.values()];
    return {
      acknowledged: counted.filter((told) => typeof told === 'number').length,
      doubts: counted.filter((told) => told === 'doubt').length,
      refusals: counted.filter((told) => told === 'refused').length,
    };
  }

  #acknowledgedCount = 0;

  async #run(): Promise<void> {
    let writer: LogWriter | null = null;
    while (!this.#stopped) {
      writer ??= await this.#lead();
      if (writer === null) continue;
      const text = `${this.#owner} ${++this.#count}`;
      const payload = new TextEncoder().encode(text);
      try {
        const outcome = await writer.append({ payload, firstRevision: this.#count, revisionCount: 1 });
        this.#told.set(text, outcome.kind === 'appended' ? outcome.position : 'refused');
        if (outcome.kind === 'appended') this.#acknowledge();
        else writer = null;
      } catch (error) {
        if (!isLockstepError(error)) throw error;
        this.#told.set(text, error.happened === 'no' ? 'refused' : 'doubt');
        writer = null;
      }
    }
    await writer?.release();
  }

  async #lead(log: Log = this.#log): Promise<LogWriter | null> {
    try {
      return await log.acquire({ owner: this.#owner });
    } catch (error) {
      if (isLockstepError(error, 'unknown') || isLockstepError(error, 'unavailable')) return null;
      throw error;
    }
  }

  /** Where the log ends for certain: what `tail` says may be old, and what is behind it would be taken for lost. */
  async #end(log: Log): Promise<Position> {
    for (;;) {
      const writer = await this.#lead(log);
      if (writer === null) continue;
      await writer.release();
      return writer.start;
    }
  }

  #acknowledge(): void {
    this.#acknowledgedCount++;
    for (const one of [...this.#waiting]) {
      if (one.count > this.#acknowledgedCount) continue;
      this.#waiting.splice(this.#waiting.indexOf(one), 1);
      one.resolve();
    }
  }
}

/** All up to there; reads on from where it stopped while the engine is away. */
async function recordsUpTo(log: Log, end: Position): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for (;;) {
    try {
      for await (const batch of log.read(position(records.length), { chain: records.at(-1)?.chain })) {
        if (batch.kind !== 'records') throw new Error(`the log ends with ${JSON.stringify(batch)}`);
        records.push(...batch.records);
        if (records.length >= end) return records;
      }
    } catch (error) {
      if (!isLockstepError(error, 'unavailable')) throw error;
    }
  }
}
