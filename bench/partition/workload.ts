/**
 * The work of the partition's rows, the same for all sides: callers that each wait for one transaction to be told before
 * they begin the next. A transaction reads two keys of one place and writes three, 100 B each, different ones every time.
 */
import type { WorkDone } from '../harness.ts';
import { type Load, runLoad } from '../log/load.ts';

export const valueBytes = 100;
export const keysAtPlace = 16;

export interface Work {
  readonly callers: number;
  readonly transactions: number;
  /** So many lie there when it begins: a multiple of `keysAtPlace`. */
  readonly keys: number;
}

/** One transaction: which keys, by number, and what is written to them. `value` is another one once it was told. */
export interface Step {
  readonly place: number;
  readonly keys: readonly [number, number, number];
  readonly value: Uint8Array;
}

/** Runs one and resolves when it is told. The bytes are taken before it returns. */
export type Transact = (step: Step) => Promise<unknown>;

const never = 4_294_967_296;

export class Workload {
  readonly #load: Load;
  readonly #places: number;
  #begun = 0;

  constructor({ callers, transactions, keys }: Work) {
    this.#load = { callers, entries: transactions, entryBytes: valueBytes };
    this.#places = keys / keysAtPlace;
  }

  /** `onTold` hears how many were told so far. */
  async run(transact: Transact, onTold?: (count: number) => void): Promise<WorkDone> {
    let told = 0;
    const done = await runLoad(this.#load, async (value) => {
      await transact(this.#next(value));
      onTold?.(++told);
    });
    return { ...done, bytes: this.#load.entries * 3 * valueBytes };
  }

  #next(value: Uint8Array): Step {
    const number = this.#begun++ % never;
    for (let at = 0; at < 4; at++) value[4 + at] = number >>> (8 * at); // behind the number that the load counts by
    const place = (Math.imul(number, 0x9e3779b1) >>> 0) % this.#places;
    const first = number % keysAtPlace;
    return { place, keys: [first, (first + 5) % keysAtPlace, (first + 11) % keysAtPlace], value };
  }
}

/** What is there at first: all keys of a place are written at once, a number of places at a time. */
export async function fillPlaces(
  keys: number,
  callers: number,
  fill: (place: number, value: Uint8Array) => Promise<unknown>,
): Promise<void> {
  const load: Load = { callers, entries: keys / keysAtPlace, entryBytes: valueBytes };
  await runLoad(load, (value) => fill(new DataView(value.buffer).getUint32(0, true), value));
}
