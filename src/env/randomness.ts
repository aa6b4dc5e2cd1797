/**
 * Where chance comes from. In the real world not to be predicted, in the simulated one fixed by the seed. A core
 * that needs a stream of its own takes a seed from here and keeps a `SeededRandom`.
 */
export interface Randomness {
  /** A whole number of 32 random bits, at least 0. */
  uint32(): number;
  /** At least 0, below 1. */
  float(): number;
  /** A whole number from 0 to `bound` - 1; `bound` is at most 2^32. */
  below(bound: number): number;
  fill(bytes: Uint8Array): void;
}
