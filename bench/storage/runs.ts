/** What is timed: each kind of run over an open store, the same operations in the same order for every side. */
import type { OpenStore } from './store.ts';
import { Choices, keyBytes, numberIn, putKey, putValue, valueBytes, Zipfian } from './workload.ts';

export type RunKind = 'load' | 'read' | 'scan' | 'put' | 'transaction' | 'transaction-otherwise' | `ycsb-${Mix}`;
export type Mix = 'a' | 'b' | 'c' | 'd' | 'e' | 'f';

export interface RunOptions {
  readonly kind: RunKind;
  /** Keys that are there. */
  readonly keys: number;
  readonly operations: number;
  /** Callers, each of which waits for its answer. */
  readonly inFlight: number;
}

export interface RunResult {
  readonly checksum: number;
  readonly latenciesMs: Float64Array | null;
}

const batchCount = 1_000;
const scanCount = 100;
const readsPerTransaction = 4;
const writesPerTransaction = 2;
/** Who only computes looks after the event loop so often, as a server would between requests. */
const operationsPerTurn = 256;

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** In random order, as keys have nothing to do with their numbers. */
export async function load(store: OpenStore, keys: number): Promise<RunResult> {
  const count = Math.min(batchCount, keys);
  const keyPool = Array.from({ length: count }, () => Buffer.alloc(keyBytes));
  const valuePool = Array.from({ length: count }, () => Buffer.alloc(valueBytes));
  for (let from = 0; from < keys; from += count) {
    for (let at = 0; at < count; at++) {
      putKey(keyPool[at] as Buffer, from + at);
      putValue(valuePool[at] as Buffer, from + at);
    }
    const written = store.putAll(keyPool, valuePool);
    if (written instanceof Promise) await written;
    else await turn();
  }
  return { checksum: keys, latenciesMs: null };
}

/** Runs of one store, one after the other. */
export class Runs {
  readonly #store: OpenStore;
  readonly #options: RunOptions;
  /** Of the key that is inserted next. */
  #nextKey: number;

  readonly #zeta: number;

  constructor(store: OpenStore, options: RunOptions) {
    this.#store = store;
    this.#zeta = Zipfian.zetaOf(options.keys);
    this.#options = options;
    this.#nextKey = options.keys;
  }

  async run(): Promise<RunResult> {
    const { kind, operations, inFlight } = this.#options;
    const latenciesMs = kind === 'put' ? new Float64Array(operations) : null;
    const single = this.#operation();
    const choices = this.#zipfian();
    const perTurn = kind === 'scan' || kind === 'ycsb-e' ? 16 : operationsPerTurn;
    const kept = kind === 'transaction' || kind === 'transaction-otherwise';
    let [next, checksum, sinceTurn] = [0, 0, 0];
    let turning: Promise<null> | null = null; // all callers wait for it
    const call = async (): Promise<void> => {
      const [key, value] = [Buffer.alloc(keyBytes), Buffer.alloc(valueBytes)];
      const operation = kept ? this.#transaction(choices) : single;
      while (next < operations) {
        const index = next++;
        const startedAt = latenciesMs === null ? 0 : performance.now();
        let done = operation(key, value);
        if (done instanceof Promise) done = await done; // before the sum is looked at: others add to it meanwhile
        checksum += done;
        if (latenciesMs !== null) latenciesMs[index] = performance.now() - startedAt;
        if (++sinceTurn >= perTurn) {
          sinceTurn = 0;
          turning = turn().then(() => (turning = null));
        }
        if (turning !== null) await turning;
      }
    };
    await Promise.all(Array.from({ length: Math.min(inFlight, operations) }, call));
    return { checksum, latenciesMs };
  }

  /** The same choices in every run. */
  #zipfian(): Zipfian {
    return new Zipfian(new Choices(43), this.#options.keys, this.#zeta);
  }

  #operation(): (key: Buffer, value: Buffer) => number | Promise<number> {
    const { kind, keys } = this.#options;
    const choices = new Choices(42);
    if (kind === 'read') return (key) => this.#read(choices.below(keys), key);
    if (kind === 'scan') return (key) => this.#scan(choices.below(keys), key, scanCount);
    if (kind === 'put') return (key, value) => this.#put(choices.below(keys), key, value);
    const zipfian = this.#zipfian();
    const some = (): number => zipfian.number();
    switch (kind) {
      case 'ycsb-a':
        return (key, value) => (choices.next() < 0.5 ? this.#read(some(), key) : this.#put(some(), key, value));
      case 'ycsb-b':
        return (key, value) => (choices.next() < 0.95 ? this.#read(some(), key) : this.#put(some(), key, value));
      case 'ycsb-d':
        return (key, value) =>
          choices.next() < 0.95 ? this.#readLatest(zipfian.rank(), key) : this.#put(this.#nextKey++, key, value);
      case 'ycsb-e':
        return (key, value) =>
          choices.next() < 0.95
            ? this.#scanLoosely(some(), key, 1 + choices.below(scanCount))
            : this.#put(this.#nextKey++, key, value);
      case 'ycsb-f':
        return (key, value) => (choices.next() < 0.5 ? this.#read(some(), key) : this.#change(some(), key, value));
      default:
        return (key) => this.#read(some(), key);
    }
  }

  /** Four different keys are read, two of them are written. Each caller has keys and values of its own. */
  #transaction(zipfian: Zipfian): () => number | Promise<number> {
    const { transact, transactOtherwise } = this.#store;
    const change = this.#options.kind === 'transaction' ? transact : transactOtherwise;
    if (change === undefined) throw new Error('this store is not asked for transactions');
    const keys = Array.from({ length: readsPerTransaction }, () => Buffer.alloc(keyBytes));
    const values = Array.from({ length: writesPerTransaction }, () => Buffer.alloc(valueBytes));
    const numbers: number[] = [];
    return () => {
      let expected = 0;
      numbers.length = 0;
      for (const key of keys) {
        let number = zipfian.number();
        while (numbers.includes(number)) number = zipfian.number();
        numbers.push(number);
        expected += number;
        putKey(key, number);
      }
      for (const [at, value] of values.entries()) putValue(value, numbers[at] as number);
      const sum = change(keys, values);
      const judged = (found: number): number => {
        if (found !== expected) throw new Error('a transaction has read what was not put');
        return found % 1_000;
      };
      return sum instanceof Promise ? sum.then(judged) : judged(sum);
    };
  }

  #read(number: number, key: Buffer): number | Promise<number> {
    putKey(key, number);
    const found = this.#store.get(key);
    return found instanceof Promise ? found.then((value) => checked(value, number)) : checked(found, number);
  }

  /** Of those that were certainly inserted. */
  #readLatest(rank: number, key: Buffer): number | Promise<number> {
    const number = Math.max(0, this.#nextKey - 1 - this.#options.inFlight - rank);
    const found = this.#read(number, key);
    return found instanceof Promise ? found.then(() => 1) : 1;
  }

  #scan(number: number, key: Buffer, count: number): number | Promise<number> {
    putKey(key, number);
    return this.#store.scan(key, count);
  }

  /** Among keys that are inserted meanwhile. */
  #scanLoosely(number: number, key: Buffer, count: number): number | Promise<number> {
    const sum = this.#scan(number, key, count);
    return sum instanceof Promise ? sum.then(() => 1) : 1;
  }

  #put(number: number, key: Buffer, value: Buffer): number | Promise<number> {
    putKey(key, number);
    putValue(value, number);
    const written = this.#store.put(key, value);
    return written instanceof Promise ? written.then(() => 1) : 1;
  }

  async #change(number: number, key: Buffer, value: Buffer): Promise<number> {
    const found = this.#read(number, key);
    return (found instanceof Promise ? await found : found) + (await this.#put(number, key, value));
  }
}

function checked(value: Uint8Array | undefined, number: number): number {
  if (value === undefined || numberIn(value) !== number) throw new Error(`key ${number} is not what was put`);
  return number % 1_000;
}
