/** What the storage rows ask of a store: each peer in the way that serves it best. Bytes given stay as they are until it resolves. */
export interface OpenStore {
  /** All of them, in one go, as durable as the store was opened for. */
  putAll(keys: readonly Buffer[], values: readonly Buffer[]): Promise<unknown> | void;
  put(key: Buffer, value: Buffer): Promise<unknown> | void;
  get(key: Buffer): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** So many entries from this key on; of their values the numbers, summed up. */
  scan(from: Buffer, count: number): number | Promise<number>;
  /** Reads all keys and writes the first ones anew, as one transaction; of what was read the numbers, summed up. */
  readonly transact?: TransactsStore;
  /** The same, in the other way that the store offers. */
  readonly transactOtherwise?: TransactsStore;
  /** Brings what is in memory into files, as far as the store can be asked to. */
  settle(): Promise<unknown> | void;
  close(): Promise<unknown> | void;
}

/** As many of the keys are written as there are values. */
export type TransactsStore = (keys: readonly Buffer[], values: readonly Buffer[]) => number | Promise<number>;

/** `process`: no sync before an answer. `machine`: synced. */
export type StoreDurability = 'process' | 'machine';

export type OpensStore = (folder: string, durability: StoreDurability) => Promise<OpenStore>;

type PutAll = (keys: readonly Buffer[], values: readonly Buffer[]) => Promise<unknown> | void;

/**
 * Puts of callers that come while one group is written make the next group; those of one turn go together. What a
 * server in front of the peer would do.
 */
export class PutGroups {
  readonly #putAll: PutAll;
  #keys: Buffer[] = [];
  #values: Buffer[] = [];
  #done = Promise.withResolvers<void>();
  #isBusy = false;

  constructor(putAll: PutAll) {
    this.#putAll = putAll;
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    if (this.#keys.push(key) === 1 && !this.#isBusy) process.nextTick(() => void this.#write());
    this.#values.push(value);
    return this.#done.promise;
  }

  async #write(): Promise<void> {
    this.#isBusy = true;
    while (this.#keys.length > 0) {
      const [keys, values, { resolve, reject }] = [this.#keys, this.#values, this.#done];
      [this.#keys, this.#values, this.#done] = [[], [], Promise.withResolvers()];
      try {
        await this.#putAll(keys, values);
        resolve();
      } catch (error) {
        reject(error);
      }
      await new Promise<void>((next) => process.nextTick(next)); // those who were answered come again
    }
    this.#isBusy = false;
  }
}
