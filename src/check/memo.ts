/**
 * Configurations that a search has been in, exactly and compactly: which operations are placed, and the state. Those
 * that must be placed are a window of bits after the first that is not; those of unknown outcome are a set beside it.
 * A configuration is refused when one with the same window and state is known whose set is contained in its own: what
 * the new one could still do, the known one could as well (Lowe 2017 has equality; containment prunes more). Entries lie
 * in one array of integers, chained from a table of buckets.
 */
const headWords = 4;

export class Memo {
  readonly #infoWords: number;
  readonly #wordsMax: number;
  #arena = new Int32Array(1 << 12);
  #used = 1; // 0 means none
  #buckets = new Int32Array(1 << 10);
  #count = 0;
  /** How many entries were looked at, beyond the first of a bucket: work that a budget has to see. */
  scannedCount = 0;

  constructor(infoWords: number, bytesMax: number) {
    this.#infoWords = infoWords;
    this.#wordsMax = Math.min(bytesMax / 4, 2 ** 29);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return (this.#arena.length + this.#buckets.length) * 4;
  }

  /** `new`: it was not known and is now. `full`: there is no room to remember it. */
  add(
    state: number,
    base: number,
    window: Int32Array,
    windowWords: number,
    info: Int32Array,
  ): 'new' | 'known' | 'full' {
    let hash = Math.imul(state ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(base + 1, 0xc2b2ae35);
    for (let word = 0; word < windowWords; word++) hash = Math.imul(hash ^ (window[word] as number), 0x01000193) + word;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    const bucket = (hash ^ (hash >>> 13)) & (this.#buckets.length - 1);
    for (let entry = this.#buckets[bucket] as number; entry !== 0; entry = this.#arena[entry] as number) {
      if (this.#covers(entry, state, base, window, windowWords, info)) return 'known';
      this.scannedCount++;
    }
    const size = headWords + windowWords + this.#infoWords;
    if (!this.#makeRoom(size)) return 'full';
    const entry = this.#used;
    this.#arena[entry] = this.#buckets[bucket] as number;
    this.#arena[entry + 1] = state;
    this.#arena[entry + 2] = base;
    this.#arena[entry + 3] = hash;
    this.#arena.set(window.subarray(0, windowWords), entry + headWords);
    this.#arena.set(info, entry + headWords + windowWords);
    this.#buckets[bucket] = entry;
    this.#used += size;
    this.#count++;
    if (this.#count > this.#buckets.length) this.#rehash();
    return 'new';
  }

  #covers(
    entry: number,
    state: number,
    base: number,
    window: Int32Array,
    windowWords: number,
    info: Int32Array,
  ): boolean {
    const arena = this.#arena;
    if (arena[entry + 1] !== state || arena[entry + 2] !== base) return false;
    // The base decides how long the window is, so the words line up.
    let at = entry + headWords;
    for (let word = 0; word < windowWords; word++) if (arena[at++] !== window[word]) return false;
    for (let word = 0; word < this.#infoWords; word++) {
      if (((arena[at++] as number) & ~(info[word] as number)) !== 0) return false;
    }
    return true;
  }

  #makeRoom(words: number): boolean {
    if (this.#used + words <= this.#arena.length) return true;
    if (this.#used + words + this.#buckets.length > this.#wordsMax) return false;
    const wanted = Math.max(this.#arena.length * 2, this.#used + words);
    const length = Math.min(wanted, this.#wordsMax - this.#buckets.length);
    const grown = new Int32Array(length);
    grown.set(this.#arena.subarray(0, this.#used));
    this.#arena = grown;
    return true;
  }

  #rehash(): void {
    const length = this.#buckets.length * 4;
    if (this.#arena.length + length > this.#wordsMax) return; // the chains become longer
    const grown = new Int32Array(length);
    for (let first of this.#buckets) {
      while (first !== 0) {
        const next = this.#arena[first] as number;
        const hash = this.#arena[first + 3] as number;
        const bucket = (hash ^ (hash >>> 13)) & (grown.length - 1);
        this.#arena[first] = grown[bucket] as number;
        grown[bucket] = first;
        first = next;
      }
    }
    this.#buckets = grown;
  }
}
