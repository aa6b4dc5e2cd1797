/**
 * Which keys a table certainly does not hold: a blocked Bloom filter (Putze, Sanders, Singler, "Cache-, hash- and
 * space-efficient Bloom filters", 2007), as in RocksDB's format 5. All bits of a key lie in one line of 512, so that a
 * question costs one cache miss. At 10 bits a key one in about 100 keys that are not there passes.
 */
import { LockstepError } from '../kernel/errors.ts';
import { mixed } from './key-hash.ts';

const lineWords = 16;
const lineBytes = lineWords * 4;

/** More than this gains nothing that is worth its memory. */
export const filterBitsPerKeyMax = 30;

/** How many bits of a line are set for a key: the best for this many bits a key, as RocksDB found it for lines of 512. */
function probesFor(bitsPerKey: number): number {
  const bounds = [2.08, 3.58, 5.1, 6.64, 8.3, 10.07, 11.72, 14.001, 16.05, 18.3, 22.001];
  const index = bounds.findIndex((bound) => bitsPerKey <= bound);
  return index === -1 ? 12 : index + 1;
}

export class Filter {
  readonly #words: Int32Array;
  readonly #lineCount: number;
  readonly #probes: number;

  private constructor(words: Int32Array, probes: number) {
    this.#words = words;
    this.#lineCount = words.length / lineWords;
    this.#probes = probes;
  }

  /** Of these hashes (`keyHash`), one for each key. */
  static of(hashes: Int32Array, bitsPerKey: number): Filter {
    const lineCount = Math.max(1, Math.ceil((hashes.length * bitsPerKey) / (lineBytes * 8)));
    const filter = new Filter(new Int32Array(lineCount * lineWords), probesFor(bitsPerKey));
    for (const hash of hashes) filter.#add(hash);
    return filter;
  }

  /** What `encode` gave; null if it cannot be that. */
  static decode(bytes: Uint8Array): Filter | null {
    const probes = bytes[0] ?? 0;
    const wordBytes = bytes.length - 1;
    if (probes < 1 || probes > 12 || wordBytes < lineBytes || wordBytes % lineBytes !== 0) return null;
    const words = new Int32Array(wordBytes / 4);
    const view = new DataView(bytes.buffer, bytes.byteOffset + 1, wordBytes);
    for (let index = 0; index < words.length; index++) words[index] = view.getInt32(index * 4, true);
    return new Filter(words, probes);
  }

  encode(): Uint8Array {
    const bytes = new Uint8Array(1 + this.#words.length * 4);
    bytes[0] = this.#probes;
    const view = new DataView(bytes.buffer, 1);
    for (let index = 0; index < this.#words.length; index++) {
      view.setInt32(index * 4, this.#words[index] as number, true);
    }
    return bytes;
  }

  get bytes(): number {
    return this.#words.length * 4;
  }

  /** False: no key of this hash was added. True: probably one was. */
  mayHave(hash: number): boolean {
    const line = this.#lineOf(hash);
    let probe = mixed(hash);
    for (let count = this.#probes; count > 0; count--) {
      const word = this.#words[line + (probe >>> 28)] as number;
      if (((word >>> ((probe >>> 23) & 31)) & 1) === 0) return false;
      probe = Math.imul(probe, 0x9e3779b9);
    }
    return true;
  }

  #add(hash: number): void {
    const line = this.#lineOf(hash);
    let probe = mixed(hash);
    for (let count = this.#probes; count > 0; count--) {
      const word = line + (probe >>> 28);
      this.#words[word] = (this.#words[word] as number) | (1 << ((probe >>> 23) & 31));
      probe = Math.imul(probe, 0x9e3779b9);
    }
  }

  /** Its high bits choose the line, in proportion. */
  #lineOf(hash: number): number {
    return Math.floor(((hash >>> 0) / 4_294_967_296) * this.#lineCount) * lineWords;
  }
}

/** @throws LockstepError `misuse` for what is no number of bits. */
export function checkBitsPerKey(bitsPerKey: number): void {
  if (bitsPerKey >= 0 && bitsPerKey <= filterBitsPerKeyMax) return;
  throw new LockstepError('misuse', 'a filter has from 0 (none) to 30 bits a key', { values: { bitsPerKey } });
}
