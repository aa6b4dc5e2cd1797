/**
 * Jump consistent hash: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014. Buckets are numbered
 * 0 to n - 1 and can be added or removed at the end alone: for shards that have numbers, not for nodes that come and go.
 * No memory, even to what chance allows, and growing from n to n + 1 moves exactly the keys that go to the new one.
 */
import { LockstepError } from '../kernel/errors.ts';
import { textHash } from './text-hash.ts';

/** The paper's multiplier, 2862933555777941757, in two halves; the lower in two quarters. */
const multiplierHigh = 0x27bb2ee6;
const multiplierLow = 0x87b0b0fd;
const quarterHigh = 0x87b0;
const quarterLow = 0xb0fd;

/** Seeds of its own: the shards of a text say nothing about its slot. */
const highSeed = 0x6a756d70;
const lowSeed = 0x68617368;

/**
 * The paper's function, number for number: an unsigned 64-bit key (of a larger or negative one the lower 64 bits), and
 * how many buckets. Agrees with Guava's `Hashing.consistentHash` and other ports.
 * @throws LockstepError `misuse` for a count that is no whole number from 1 to 2^31 - 1.
 */
export function jumpHash(key: bigint, bucketCount: number): number {
  const bits = BigInt.asUintN(64, key);
  return bucketOf(Number(bits >> 32n), Number(bits & 0xffff_ffffn), bucketCount);
}

/**
 * The bucket of a text: `jumpHash` of two MurmurHash3 x86_32 of its UTF-8. Allocates nothing.
 * @throws LockstepError `misuse` for a count that is no whole number from 1 to 2^31 - 1.
 */
export function jumpBucketOf(key: string, bucketCount: number): number {
  return bucketOf(textHash(key, highSeed), textHash(key, lowSeed), bucketCount);
}

function bucketOf(keyHigh: number, keyLow: number, bucketCount: number): number {
  if (!Number.isInteger(bucketCount) || bucketCount < 1 || bucketCount > 0x7fff_ffff)
    throw new LockstepError('misuse', 'there are 1 to 2^31 - 1 buckets', { values: { bucketCount } });
  let high = keyHigh | 0;
  let low = keyLow | 0;
  let bucket = -1;
  let next = 0;
  while (next < bucketCount) {
    bucket = next;
    // key = key × multiplier + 1, modulo 2^64
    high = (Math.imul(high, multiplierLow) + Math.imul(low, multiplierHigh) + upperHalf(low)) | 0;
    low = (Math.imul(low, multiplierLow) + 1) | 0;
    if (low === 0) high = (high + 1) | 0;
    // Quotient and product of doubles, each exact to the last bit everywhere, as in the paper's own code.
    next = Math.floor((bucket + 1) * (2_147_483_648 / ((high >>> 1) + 1)));
  }
  return bucket;
}

/** The upper 32 bits of the lower half times the multiplier's lower half, from products of 16 bits. */
function upperHalf(low: number): number {
  const upper = low >>> 16;
  const lower = low & 0xffff;
  const first = upper * quarterLow + ((lower * quarterLow) >>> 16);
  const second = lower * quarterHigh + (first & 0xffff);
  return upper * quarterHigh + (first >>> 16) + (second >>> 16);
}
