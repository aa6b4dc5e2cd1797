/**
 * What captured keys were before a transaction, read by whoever leads when its function has ended, and kept in the log
 * beside its writes: as the batch that would put them back. So they are told long after the versions themselves are gone.
 * Where nothing is captured nothing is looked at.
 */
import { compareBytes, compareRanges } from '../../bytes/compare.ts';
import { OwnWrites } from '../../storage/transaction/own-writes.ts';
import { applyBatch, type BatchSink, type WriteBatch } from '../../storage/write-batch.ts';
import { meaningOf, type KeyBounds } from '../key-space.ts';
import type { Replica } from '../replica.ts';
import type { EpochService, Leading } from '../transaction.ts';
import { TreeReader } from '../tree-reader.ts';
import { captures, captureTopic, type CapturedRange } from './capture.ts';

/** Of one transaction: reading more would keep all others waiting. */
const imagesMax = 10_000;
/** For so many places it is known which of their keys are captured; then that is found anew. */
const recentPlacesMax = 8_192;

export class BeforeImages {
  readonly #replica: Replica;
  readonly #bytesMax: number;
  #ranges: readonly CapturedRange[] = [];
  readonly #boundsByPlace = new Map<string | null, readonly KeyBounds[]>();
  /** Of the transaction that is looked at. */
  readonly #images = new OwnWrites();
  #count = 0;
  readonly #sink: BatchSink = {
    put: (bytes, start, end) => this.#addKey(bytes, start, end),
    delete: (bytes, start, end) => this.#addKey(bytes, start, end),
    deleteRange: (start, end) => this.#addRange(start, end),
  };

  /** Of one transaction they have at most so many bytes. */
  constructor(replica: Replica, bytesMax: number) {
    this.#replica = replica;
    this.#bytesMax = bytesMax;
    this.load();
  }

  /** What is captured from here on, as the durable state says. */
  load(): void {
    const replica = this.#replica;
    const { revision, held } = replica.holdDurable();
    const reader = new TreeReader(replica.tree, { revision: () => revision, walking: (walk) => walk.release });
    this.#ranges = captures(reader).flatMap(({ ranges }) => ranges);
    this.#boundsByPlace.clear();
    held.release();
  }

  /**
   * Of a transaction's writes, which are not applied yet; good until the next call. Null: nothing of it is captured.
   * @throws as reading the tree.
   */
  of(writes: WriteBatch): Uint8Array | 'too-large' | null {
    if (this.#ranges.length === 0) return null;
    this.#images.clear();
    this.#count = 0;
    applyBatch(writes.view(), this.#sink);
    if (this.#isTooLarge) return 'too-large';
    return this.#count === 0 ? null : this.#images.batch.view();
  }

  get #isTooLarge(): boolean {
    return this.#count > imagesMax || this.#images.batch.byteLength > this.#bytesMax;
  }

  #addKey(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isTooLarge) return;
    const { place, system } = meaningOf(bytes, start, end);
    if (system !== null || !this.#boundsOf(place).some((bounds) => lies(bounds, bytes, start, end))) return;
    const key = bytes.slice(start, end);
    if (this.#images.find(key, key.length) !== undefined) return;
    const found = this.#replica.tree.find(key, 0, key.length, this.#replica.revision);
    this.#add(key, found === null ? null : found.bytes.subarray(found.start, found.end));
  }

  /** All that it deletes. A range lies in one space. */
  #addRange(start: Uint8Array, end: Uint8Array): void {
    const { place, system } = meaningOf(start);
    if (system !== null) return;
    for (const bounds of this.#boundsOf(place)) {
      const from = compareBytes(bounds.from, start) < 0 ? start : bounds.from;
      const to = compareBytes(bounds.to, end) > 0 ? end : bounds.to;
      if (compareBytes(from, to) < 0) this.#addWithin({ from, to });
    }
  }

  #addWithin(bounds: Pick<KeyBounds, 'from' | 'to'>): void {
    const { cursor, release } = this.#replica.tree.walk(this.#replica.revision, bounds);
    try {
      for (cursor.first(); cursor.valid && !this.#isTooLarge; cursor.next()) {
        const key = cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd);
        const value = cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd);
        if (this.#images.find(key, key.length) === undefined) this.#add(key, value);
      }
    } finally {
      release();
    }
  }

  /** Null: there was nothing. */
  #add(key: Uint8Array, value: Uint8Array | null): void {
    const { batch } = this.#images;
    this.#count++;
    if (value === null) batch.delete(key);
    else if (batch.byteLength + value.length <= this.#bytesMax) batch.put(key, value);
    else this.#count = Infinity;
  }

  #boundsOf(place: string | null): readonly KeyBounds[] {
    const known = this.#boundsByPlace.get(place);
    if (known !== undefined) return known;
    const { spaces } = this.#replica;
    const space = place === null ? spaces.local : spaces.ofPlace(place);
    const isOf = (range: CapturedRange): boolean =>
      range.place === undefined ? place !== null : range.place === place;
    const bounds = this.#ranges.filter(isOf).flatMap(({ prefix }) => space.bounds({ prefix }) ?? []);
    if (this.#boundsByPlace.size >= recentPlacesMax) this.#boundsByPlace.clear();
    this.#boundsByPlace.set(place, bounds);
    return bounds;
  }
}

/** Captures what is set to be captured, as soon as that is durable. */
export class CaptureService implements EpochService {
  readonly #images: BeforeImages;

  constructor(images: BeforeImages) {
    this.#images = images;
  }

  start(leading: Leading): void {
    leading.onNote(captureTopic, () => this.#images.load());
  }

  async stop(): Promise<void> {}
}

const lies = ({ from, to }: KeyBounds, bytes: Uint8Array, start: number, end: number): boolean =>
  compareRanges(bytes, start, end, from, 0, from.length) >= 0 && compareRanges(bytes, start, end, to, 0, to.length) < 0;
