/** What records of the log changed, key by key: whole transactions, in order, without the product's own state. */
import { corrupt } from '../bytes/byte-reader.ts';
import { compareBytes, compareRanges } from '../bytes/compare.ts';
import type { Tuple } from '../bytes/tuple.ts';
import { ValueDecoder } from '../bytes/value-decode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import { isLockstepError } from '../kernel/errors.ts';
import type { LogRecord } from '../log/port.ts';
import { applyBatch } from '../storage/write-batch.ts';
import { decodeGroup, type PayloadTransaction } from './group-payload.ts';
import { meaningOf } from './key-space.ts';

interface ChangeOf {
  readonly revision: number;
  readonly at: HybridTimestamp;
  /** Null: it has no place. */
  readonly place: string | null;
  readonly key: Tuple;
}

/** What the key was before the transaction; null: it is not captured (`setCapture`). */
export interface BeforeImage {
  /** Undefined: there was none. */
  readonly value: StoredValue | undefined;
}

export type Change =
  | (ChangeOf & { readonly kind: 'set'; readonly value: StoredValue; readonly before: BeforeImage | null })
  | (ChangeOf & { readonly kind: 'delete'; readonly before: BeforeImage | null })
  /**
   * From `key` on, up to `to`; with `withPrefix` all that begins with `to` as well, else before it. Captured keys that it
   * deletes are told as a `delete` each before it.
   */
  | (ChangeOf & { readonly kind: 'delete-range'; readonly to: Tuple; readonly withPrefix: boolean });

const afterAllTuples = 0xff;
const none = new Uint8Array(0);

export class ChangeReader {
  /** The revision that comes next. */
  next: number;
  readonly #levelMax: number;
  readonly #decoder = new ValueDecoder();

  /** `levelMax`: the newest level of records that are read. */
  constructor(next: number, levelMax: number) {
    this.next = next;
    this.#levelMax = levelMax;
  }

  /** Null: what comes next is not there. @throws as `decodeGroup`. */
  read(records: readonly LogRecord[]): readonly Change[] | null {
    const changes: Change[] = [];
    for (const { payload, firstRevision, revisionCount } of records) {
      if (revisionCount === 0 || firstRevision + revisionCount <= this.next) continue;
      if (firstRevision > this.next) return null;
      for (const [index, one] of decodeGroup(payload, revisionCount, this.#levelMax).transactions.entries())
        if (firstRevision + index >= this.next) this.#add(changes, firstRevision + index, one);
      this.next = firstRevision + revisionCount;
    }
    return changes;
  }

  #add(changes: Change[], revision: number, { time: at, batch, images }: PayloadTransaction): void {
    const before = new Images(images ?? none, this.#decoder);
    /** Null: it is the product's own state. */
    const changeOf = (bytes: Uint8Array, start: number, end: number): ChangeOf | null => {
      const { place, system, key } = meaningOf(bytes, start, end);
      return system === null ? { revision, at, place, key } : null;
    };
    applyBatch(batch, {
      put: (bytes, keyStart, keyEnd, valueStart, valueEnd) => {
        const change = changeOf(bytes, keyStart, keyEnd);
        if (change === null) return;
        const value = this.#decoder.decode(bytes, valueStart, valueEnd);
        changes.push({ ...change, kind: 'set', value, before: before.of(bytes, keyStart, keyEnd) });
      },
      delete: (bytes, start, end) => {
        const change = changeOf(bytes, start, end);
        if (change !== null) changes.push({ ...change, kind: 'delete', before: before.of(bytes, start, end) });
      },
      deleteRange: (start, end) => {
        const change = changeOf(start, 0, start.length);
        if (change === null) return;
        for (const { key, image } of before.within(start, end))
          changes.push({ ...change, kind: 'delete', key: meaningOf(key).key, before: image });
        changes.push({ ...change, kind: 'delete-range', ...endOf(end) });
      },
    });
  }
}

interface ImageOfKey {
  readonly key: Uint8Array;
  readonly image: BeforeImage;
}

/** The before-images of a transaction, in the order of keys. */
class Images {
  readonly #sorted: readonly ImageOfKey[];

  constructor(batch: Uint8Array, decoder: ValueDecoder) {
    const images: ImageOfKey[] = [];
    applyBatch(batch, {
      put: (bytes, start, end, valueStart, valueEnd) =>
        images.push({ key: bytes.subarray(start, end), image: { value: decoder.decode(bytes, valueStart, valueEnd) } }),
      delete: (bytes, start, end) => images.push({ key: bytes.subarray(start, end), image: { value: undefined } }),
      deleteRange: (start) => {
        throw corrupt('a before-image is of one key', start.byteOffset);
      },
    });
    this.#sorted = images.toSorted((a, b) => compareBytes(a.key, b.key));
  }

  of(bytes: Uint8Array, start: number, end: number): BeforeImage | null {
    const one = this.#sorted[this.#placeOf(bytes, start, end)];
    if (one === undefined || compareRanges(one.key, 0, one.key.length, bytes, start, end) !== 0) return null;
    return one.image;
  }

  /** Of keys that had a value. */
  within(start: Uint8Array, end: Uint8Array): readonly ImageOfKey[] {
    const from = this.#placeOf(start, 0, start.length);
    const lies = this.#sorted.slice(from, this.#placeOf(end, 0, end.length));
    return lies.filter(({ image }) => image.value !== undefined);
  }

  /** Of the first that is not before this key. */
  #placeOf(bytes: Uint8Array, start: number, end: number): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { key } = this.#sorted[middle] as ImageOfKey;
      if (compareRanges(key, 0, key.length, bytes, start, end) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A key, or one with a byte behind it that no part begins with: of the two only one can be read. */
function endOf(end: Uint8Array): { readonly to: Tuple; readonly withPrefix: boolean } {
  try {
    return { to: meaningOf(end).key, withPrefix: false };
  } catch (error) {
    if (!isLockstepError(error, 'corrupt') || end.at(-1) !== afterAllTuples) throw error;
    return { to: meaningOf(end, 0, end.length - 1).key, withPrefix: true };
  }
}
