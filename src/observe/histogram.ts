/**
 * A histogram of fixed memory (6.4 kB) with log-linear buckets, as in HdrHistogram: each power of two from 2^-10 to
 * 2^40 is cut into 16 equal parts, so that a percentile is off by at most 1/32 of the true value. Recording reads the
 * bucket off the bits of the number: no logarithm, no allocation. Not for values below zero.
 */
import { LockstepError } from '../kernel/errors.ts';

const partBits = 4;
const exponentMin = -10;
const exponentMax = 40;
/** The upper 16 bits of the smallest number that has a bucket of its own: sign, exponent and four bits of mantissa. */
const firstBits = (1023 + exponentMin) << partBits;
/** One below for everything smaller, one above for everything larger. */
const bucketCount = ((exponentMax - exponentMin) << partBits) + 2;
const tooLarge = bucketCount - 1;

/** Values from `atLeast`, included, to `below`, excluded. */
export interface HistogramBucket {
  readonly atLeast: number;
  /** Null for the last one, which has no end: JSON has no infinity. */
  readonly below: number | null;
  readonly count: number;
}

/** Plain data: what exporters print, what another node sends to be merged. */
export interface HistogramSnapshot {
  readonly count: number;
  /** At most the largest number there is. */
  readonly sum: number;
  /** Exact; null when nothing was recorded. */
  readonly min: number | null;
  /** Exact; null when nothing was recorded. */
  readonly max: number | null;
  /** Ascending; only those that hold something. */
  readonly buckets: readonly HistogramBucket[];
}

/** The largest error of a percentile, as a part of the true value, for values from 2^-10 (0.00098) to 2^40. */
export const histogramErrorMax: number = 1 / 2 ** (partBits + 1);

/**
 * Any unit, as long as it is always the same: milliseconds, bytes, items. What lies below 2^-10 is told apart no
 * further and counts as anything from 0 to there; above 2^40 a percentile answers with the largest value recorded.
 */
export class Histogram {
  readonly #counts = new Float64Array(bucketCount);
  readonly #scratch = new DataView(new ArrayBuffer(8));
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** @throws LockstepError `misuse` for anything but a finite number of at least 0. */
  record(value: number): void {
    if (!(value >= 0 && value < Infinity)) throw notRecordable(value);
    const bucket = this.#bucketOf(value);
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#count++;
    this.#sum = Math.min(this.#sum + value, Number.MAX_VALUE);
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * The value that `percent` percent of the recorded ones do not exceed (nearest rank), with an error of at most
   * `histogramErrorMax`; 0 and 100 are exact. Null when nothing was recorded.
   * @throws LockstepError `misuse` unless 0 <= percent <= 100.
   */
  percentile(percent: number): number | null {
    if (!(percent >= 0 && percent <= 100))
      throw new LockstepError('misuse', 'a percentile lies between 0 and 100', { values: { percent } });
    if (this.#count === 0) return null;
    if (percent === 0) return this.#min;
    if (percent === 100) return this.#max;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return this.#middleOf(bucket);
    }
    return this.#max;
  }

  /**
   * Adds what another histogram recorded, here or elsewhere: the result is that of recording everything in one.
   * @throws LockstepError `invalid` when it is not a snapshot of such a histogram; then nothing was added.
   */
  merge(other: HistogramSnapshot): void {
    const places = other.buckets.map((bucket) => this.#placeOf(bucket));
    const counted = other.buckets.reduce((sum, bucket) => sum + bucket.count, 0);
    const { min, max } = other;
    const bounded =
      other.count === 0 ? min === null && max === null : min !== null && max !== null && 0 <= min && min <= max;
    if (counted !== other.count || !(other.sum >= 0 && other.sum < Infinity) || !bounded)
      throw new LockstepError('invalid', 'the counts of this histogram do not add up', {
        values: { count: other.count, counted },
      });
    for (const [index, place] of places.entries())
      this.#counts[place] = this.#counts[place]! + other.buckets[index]!.count;
    this.#count += other.count;
    this.#sum = Math.min(this.#sum + other.sum, Number.MAX_VALUE);
    if (min !== null && max !== null) {
      this.#min = Math.min(this.#min, min);
      this.#max = Math.max(this.#max, max);
    }
  }

  snapshot(): HistogramSnapshot {
    const buckets: HistogramBucket[] = [];
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const count = this.#counts[bucket]!;
      if (count > 0) buckets.push({ atLeast: boundOf(bucket), below: endOf(bucket), count });
    }
    const empty = this.#count === 0;
    return {
      count: this.#count,
      sum: this.#sum,
      min: empty ? null : this.#min,
      max: empty ? null : this.#max,
      buckets,
    };
  }

  #bucketOf(value: number): number {
    this.#scratch.setFloat64(0, value);
    const bucket = (this.#scratch.getUint32(0) >>> 16) - firstBits + 1;
    return bucket < 0 ? 0 : bucket > tooLarge ? tooLarge : bucket;
  }

  #placeOf(bucket: HistogramBucket): number {
    const known = Number.isFinite(bucket.atLeast) && bucket.atLeast >= 0 ? this.#bucketOf(bucket.atLeast) : -1;
    const fits = known >= 0 && boundOf(known) === bucket.atLeast && endOf(known) === bucket.below;
    if (!fits || !Number.isSafeInteger(bucket.count) || bucket.count < 0)
      throw new LockstepError('invalid', 'this bucket is none of a histogram', {
        values: { atLeast: bucket.atLeast, below: bucket.below, count: bucket.count },
      });
    return known;
  }

  #middleOf(bucket: number): number {
    if (bucket === tooLarge) return this.#max;
    const middle = (boundOf(bucket) + boundOf(bucket + 1)) / 2;
    return Math.min(Math.max(middle, this.#min), this.#max);
  }
}

/** The smallest value of a bucket. */
function boundOf(bucket: number): number {
  if (bucket === 0) return 0;
  const exponent = exponentMin + ((bucket - 1) >> partBits);
  const part = (bucket - 1) & ((1 << partBits) - 1);
  return 2 ** exponent * (1 + part / (1 << partBits));
}

const endOf = (bucket: number): number | null => (bucket === tooLarge ? null : boundOf(bucket + 1));

const notRecordable = (value: number): LockstepError =>
  new LockstepError('misuse', 'a histogram records finite numbers of at least 0', { values: { value } });
