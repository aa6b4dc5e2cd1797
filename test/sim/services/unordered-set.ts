/**
 * A hash set as Go's maps are: every one is seeded by chance when it is made, so that the order of its elements is
 * another in each run. It stands for whatever lets an order leak that nobody fixed.
 */
export class UnorderedSet {
  readonly #seed = Math.floor(Math.random() * 2 ** 32);
  readonly #buckets: string[][] = Array.from({ length: 64 }, () => []);

  add(element: string): void {
    const bucket = this.#bucketOf(element);
    if (!bucket.includes(element)) bucket.push(element);
  }

  elements(): readonly string[] {
    return this.#buckets.flat();
  }

  #bucketOf(element: string): string[] {
    let hash = this.#seed;
    for (let index = 0; index < element.length; index++) {
      hash = Math.imul(hash ^ element.charCodeAt(index), 0x01000193);
      hash ^= hash >>> 15;
    }
    return this.#buckets[(hash >>> 0) % this.#buckets.length] as string[];
  }
}
