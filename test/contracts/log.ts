/**
 * The contract of logs (`src/log/contract.ts`) as vitest tests, and the faults for engines that are made of stores: a
 * store between engine and storage whose answers get lost, whose appends come late or twice, and that goes back in time.
 */
import { describe, test } from 'vitest';
import { position } from '../../src/log/coordinates.ts';
import { logContract, type LogFaults, type LogHarness } from '../../src/log/contract.ts';
import type { Guarantees, LogId, Position } from '../../src/log/port.ts';
import type { RecordStore, RecordStores, StoreRead } from '../../src/log/store.ts';
import { LockstepError } from '../../src/kernel/errors.ts';

export function logContractOf(engine: string, harness: LogHarness): void {
  describe(`${engine} keeps the contract of logs`, () => {
    for (const { name, needs, run } of logContract) {
      const reason = needs === null ? undefined : harness.reasons[needs];
      test.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${reason})`, () => harness.run(run));
    }
  });
}

const lost = (): LockstepError => new LockstepError('unknown', 'the answer was lost');

/** What goes wrong between an engine and its stores, each once and when asked for. */
export class FaultyStores implements RecordStores {
  readonly name: string;
  readonly guarantees: Guarantees;
  readonly reads: 'linearizable' | 'recent';
  readonly #stores: RecordStores;
  #losesAnswer = false;
  #sendsTwice = false;
  #delay: { readonly arrived: () => void; readonly released: Promise<void> } | null = null;

  constructor(stores: RecordStores, reads: 'linearizable' | 'recent' = stores.reads) {
    this.name = stores.name;
    this.guarantees = stores.guarantees;
    this.reads = reads;
    this.#stores = stores;
  }

  readonly faults: LogFaults = {
    loseAnswer: () => {
      this.#losesAnswer = true;
    },
    resendAppend: () => {
      this.#sendsTwice = true;
    },
    delayAppend: () => {
      const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      this.#delay = { arrived: arrived.resolve, released: released.promise };
      return { arrived: arrived.promise, release: released.resolve };
    },
    rollBack: (name, to) => this.#rollBack(name, to),
    stopWriter: null,
  };

  async open(name: string, create: LogId | null): Promise<RecordStore | null> {
    const store = await this.#stores.open(name, create);
    return store === null ? null : this.#between(name, store.id);
  }

  list(): Promise<readonly string[]> {
    return this.#stores.list();
  }

  remove(name: string): Promise<'removed' | 'absent'> {
    return this.#stores.remove(name);
  }

  async close(): Promise<void> {}

  /** Finds the log anew at each call, by its name: it may have been rolled back, or made anew. */
  #between(name: string, id: LogId): RecordStore {
    const now = async (): Promise<RecordStore | null> => {
      const store = await this.#stores.open(name, null);
      return store?.id === id ? store : null;
    };
    return {
      id,
      append: async (after, bytes) => {
        const delay = this.#delay;
        this.#delay = null;
        delay?.arrived();
        await delay?.released;
        const store = await now();
        if (store === null) return 'gone';
        if (this.#sendsTwice) await store.append(after, bytes);
        this.#sendsTwice = false;
        const answer = await store.append(after, bytes);
        if (this.#losesAnswer) {
          this.#losesAnswer = false;
          throw lost();
        }
        return answer;
      },
      read: async (after, bytesMax): Promise<StoreRead> => (await now())?.read(after, bytesMax) ?? { kind: 'gone' },
      grown: async (after, signal) => (await now())?.grown(after, signal),
      trim: async (before) => (await now())?.trim(before),
      close: async () => {},
    };
  }

  async #rollBack(name: string, to: Position): Promise<void> {
    const store = await this.#stores.open(name, null);
    const read = await store?.read(position(0), Infinity);
    if (store === null || read?.kind !== 'records') throw new Error(`there is no log ${name}`);
    await this.#stores.remove(name);
    const older = await this.#stores.open(name, store.id);
    for (const { position: at, bytes } of read.records) if (at <= to) await older?.append(position(at - 1), bytes);
  }
}
