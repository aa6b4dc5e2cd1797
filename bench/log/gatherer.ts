/**
 * What a partition does with callers that come at once: a writer takes one append at a time, so entries that arrive
 * while one is under way are gathered into the payload of the next, each behind its length. Those who come in one turn
 * go together too.
 */
import { ByteReader } from '../../src/bytes/byte-reader.ts';
import { putVarint, readVarint, varintBytesMax } from '../../src/bytes/varint.ts';
import type { LogWriter } from '../../src/log/port.ts';

export class Gatherer {
  readonly #writer: LogWriter;
  /** Two buffers in turn, kept for good: making room anew for every group costs more than the disk. */
  #next: Uint8Array;
  #spare: Uint8Array;
  #nextBytes = 0;
  #gathered: Gathered = newGathered();
  #busy = false;
  #revision = 0;

  constructor(writer: LogWriter, payloadBytesMax: number) {
    this.#writer = writer;
    this.#next = new Uint8Array(payloadBytesMax);
    this.#spare = new Uint8Array(payloadBytesMax);
  }

  /** Resolves once the entry is as durable as the log makes it. Takes a copy. */
  append(entry: Uint8Array): Promise<void> {
    if (this.#nextBytes + varintBytesMax + entry.length > this.#next.length) return this.#whenRoom(entry);
    const at = putVarint(this.#next, this.#nextBytes, entry.length);
    this.#next.set(entry, at);
    this.#nextBytes = at + entry.length;
    if (this.#gathered.count++ === 0 && !this.#busy) queueMicrotask(() => void this.#flush());
    return this.#gathered.appended;
  }

  async #whenRoom(entry: Uint8Array): Promise<void> {
    await this.#gathered.taken;
    return this.append(entry);
  }

  async #flush(): Promise<void> {
    this.#busy = true;
    while (this.#gathered.count > 0) {
      const [gathered, buffer] = [this.#gathered, this.#next];
      const payload = buffer.subarray(0, this.#nextBytes);
      [this.#next, this.#spare] = [this.#spare, buffer];
      this.#nextBytes = 0;
      this.#gathered = newGathered();
      gathered.onTaken();
      await this.#append(payload, gathered);
    }
    this.#busy = false;
  }

  async #append(payload: Uint8Array, { count, onAppended, onFailed }: Gathered): Promise<void> {
    const firstRevision = this.#revision + 1;
    try {
      const answer = await this.#writer.append({ payload, firstRevision, revisionCount: count });
      if (answer.kind === 'fenced') throw new Error('somebody else leads the log of a benchmark');
      this.#revision += count;
      onAppended();
    } catch (error) {
      onFailed(error);
    }
  }
}

interface Gathered {
  count: number;
  readonly taken: Promise<void>;
  readonly onTaken: () => void;
  readonly appended: Promise<void>;
  readonly onAppended: () => void;
  readonly onFailed: (error: unknown) => void;
}

function newGathered(): Gathered {
  const [taken, appended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  return {
    count: 0,
    taken: taken.promise,
    onTaken: taken.resolve,
    appended: appended.promise,
    onAppended: appended.resolve,
    onFailed: appended.reject,
  };
}

/** Of every entry that was gathered into `payload` the first four bytes, summed up; and how many there were. */
export function readGathered(payload: Uint8Array): { readonly entries: number; readonly sum: number } {
  const reader = new ByteReader(payload);
  let [entries, sum] = [0, 0];
  while (reader.remaining > 0) {
    const end = readVarint(reader) + reader.at;
    sum += reader.readUint32();
    reader.take(end - reader.at);
    entries++;
  }
  return { entries, sum };
}
