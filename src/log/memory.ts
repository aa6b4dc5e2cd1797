/**
 * Logs in memory, shared by all who hold the engine: for tests, for trying things out, and as the store behind a simulated
 * service. They survive nothing. Not a cache of anything: what is over the limit is refused, never dropped.
 */
import { copyOf } from '../bytes/byte-reader.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { position } from './coordinates.ts';
import type { Guarantees, LogEngine, LogId, Position } from './port.ts';
import { storeEngine, type StoreEngineOptions } from './store-engine.ts';
import type { RecordStore, RecordStores, StoredBytes, StoreRead } from './store.ts';
import type { LogPorts } from './within.ts';

export const memoryGuarantees: Guarantees = Object.freeze({
  survives: 'nothing',
  failoverKeepsAcknowledged: null,
  payloadBytesMax: 8 * 1024 * 1024,
  because: 'an array in the memory of one process',
});

export interface MemoryEngineOptions extends StoreEngineOptions {
  /** All logs together hold so many bytes; an append beyond is `overloaded` until some are trimmed. Default 256 MiB. */
  readonly bytesMax?: number | undefined;
}

/** An engine whose logs live as long as it does. */
export function memoryEngine(env: LogPorts, options: MemoryEngineOptions = {}): LogEngine {
  return storeEngine(env, new MemoryStores({ bytesMax: options.bytesMax }), options);
}

export interface MemoryStoresOptions {
  readonly bytesMax?: number | undefined;
}

/** The stores alone. Every call takes effect at once, when it is made; nothing here waits for time. */
export class MemoryStores implements RecordStores {
  readonly name = 'memory';
  readonly guarantees: Guarantees = memoryGuarantees;
  readonly reads = 'linearizable';
  readonly #logs = new Map<string, MemoryLog>();
  readonly #budget: { bytesLeft: number };

  constructor(options: MemoryStoresOptions = {}) {
    this.#budget = { bytesLeft: options.bytesMax ?? 256 * 1024 * 1024 };
  }

  async open(name: string, create: LogId | null): Promise<RecordStore | null> {
    const there = this.#logs.get(name);
    if (there !== undefined || create === null) return there ?? null;
    const log = new MemoryLog(create, this.#budget);
    this.#logs.set(name, log);
    return log;
  }

  async list(): Promise<readonly string[]> {
    return [...this.#logs.keys()].toSorted();
  }

  async remove(name: string): Promise<'removed' | 'absent'> {
    const log = this.#logs.get(name);
    this.#logs.delete(name);
    log?.remove();
    return log === undefined ? 'absent' : 'removed';
  }

  async close(): Promise<void> {}
}

/** What a record costs besides its bytes: the array's header and its place. */
const bytesPerRecord = 128;
/** How many removed places are kept until the rest is moved together. */
const emptyPlacesMax = 1_024;

class MemoryLog implements RecordStore {
  readonly id: LogId;
  readonly #budget: { bytesLeft: number };
  /** The record at position p is at `p - #offset - 1`; places before `#first` are empty. */
  #places: (Uint8Array | undefined)[] = [];
  #offset = 0;
  #first = 1;
  #gone = false;
  readonly #waiting = new Set<() => void>();

  constructor(id: LogId, budget: { bytesLeft: number }) {
    this.id = id;
    this.#budget = budget;
  }

  get #last(): number {
    return this.#offset + this.#places.length;
  }

  async append(after: Position, bytes: Uint8Array): Promise<'appended' | 'conflict' | 'gone'> {
    if (this.#gone) return 'gone';
    if (after !== this.#last) return 'conflict';
    const cost = bytes.length + bytesPerRecord;
    if (cost > this.#budget.bytesLeft)
      throw new LockstepError('overloaded', 'the memory for logs is used up', {
        values: { bytesLeft: this.#budget.bytesLeft, bytes: bytes.length },
      });
    this.#budget.bytesLeft -= cost;
    this.#places.push(copyOf(bytes, 0, bytes.length));
    this.#wake();
    return 'appended';
  }

  async read(after: Position, bytesMax: number): Promise<StoreRead> {
    if (this.#gone) return { kind: 'gone' };
    const records: StoredBytes[] = [];
    if (after + 1 >= this.#first) {
      let bytesLeft = bytesMax;
      for (let at = after + 1; at <= this.#last; at++) {
        const bytes = this.#places[at - this.#offset - 1];
        assert(bytes !== undefined, 'every position that is kept has a record');
        bytesLeft -= bytes.length;
        if (bytesLeft < 0 && records.length > 0) break;
        records.push({ position: position(at), bytes });
      }
    }
    return { kind: 'records', records, first: position(this.#first), last: position(this.#last) };
  }

  grown(after: Position, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#gone || this.#last > after) return resolve();
      const onAbort = (): void => {
        this.#waiting.delete(wake);
        reject(signal.reason);
      };
      const wake = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  async trim(before: Position): Promise<void> {
    while (!this.#gone && this.#first < before && this.#first <= this.#last) {
      const at = this.#first++ - this.#offset - 1;
      this.#budget.bytesLeft += (this.#places[at]?.length ?? 0) + bytesPerRecord;
      this.#places[at] = undefined;
    }
    const empty = this.#first - this.#offset - 1;
    if (empty <= emptyPlacesMax) return;
    this.#places = this.#places.slice(empty);
    this.#offset += empty;
  }

  async close(): Promise<void> {}

  remove(): void {
    for (const bytes of this.#places) if (bytes !== undefined) this.#budget.bytesLeft += bytes.length + bytesPerRecord;
    this.#gone = true;
    this.#places = [];
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
