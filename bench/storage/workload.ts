/**
 * Keys, values and choices of the storage rows, the same for all sides: keys of 16 bytes whose order has nothing to do
 * with their numbers, values of 100 that no codec makes smaller and that differ at every update; the distributions of
 * YCSB (Cooper et al., "Benchmarking cloud serving systems with YCSB", 2010).
 */
export const keyBytes = 16;
export const valueBytes = 100;

/** MurmurHash3's last step: one number for each number. */
function mixed(value: number, salt: number): number {
  let hash = Math.imul(value ^ salt ^ ((value ^ salt) >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Writes the key of this number. */
export function putKey(into: Buffer, number: number): void {
  into.writeUInt32BE(mixed(number, 0), 0);
  into.writeUInt32BE(mixed(number, 0x51_7c_c1_b7), 4);
  into.writeUInt32BE(mixed(number, 0x27_22_0a_95), 8);
  into.writeUInt32BE(number, 12);
}

export class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = mixed(seed, 0x9e_37_79_b9) || 1;
  }

  /** From 0 to below 1 (xorshift32, Marsaglia 2003). */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 4_294_967_296;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }
}

const noise = new Uint8Array(1_024 * 1_024);
const noiseFrom = new Choices(7);
for (let at = 0; at < noise.length; at++) noise[at] = noiseFrom.below(256);

let version = 0;

/** Writes a value of the key of this number: another one at each call. */
export function putValue(into: Buffer, number: number): void {
  version = (version + 1) >>> 0;
  const from = Math.imul(version, 101) & 0xf_ff_ff;
  const start = Math.min(from, noise.length - valueBytes);
  into.set(noise.subarray(start, start + valueBytes));
  into.writeUInt32LE(number, 0);
  into.writeUInt32LE(version, 4);
}

/** The number that `putValue` wrote. */
export const numberIn = (value: Uint8Array): number =>
  (value[0] as number) + (value[1] as number) * 256 + (value[2] as number) * 65_536 + (value[3] as number) * 16_777_216;

/** Numbers below `count`, the first ones most often: Zipf's law with YCSB's 0.99 (Gray et al., 1994). */
export class Zipfian {
  readonly #choices: Choices;
  readonly #count: number;
  readonly #zeta: number;
  readonly #eta: number;
  static readonly #theta = 0.99;
  static readonly #alpha = 1 / (1 - Zipfian.#theta);

  /** Takes a while for a million. */
  static zetaOf(count: number): number {
    let zeta = 0;
    for (let rank = 1; rank <= count; rank++) zeta += rank ** -Zipfian.#theta;
    return zeta;
  }

  constructor(choices: Choices, count: number, zeta: number) {
    const theta = Zipfian.#theta;
    this.#choices = choices;
    this.#count = count;
    this.#zeta = zeta;
    this.#eta = (1 - (2 / count) ** (1 - theta)) / (1 - (1 + 0.5 ** theta) / zeta);
  }

  rank(): number {
    const share = this.#choices.next();
    const scaled = share * this.#zeta;
    if (scaled < 1) return 0;
    if (scaled < 1 + 0.5 ** Zipfian.#theta) return 1;
    return Math.min(this.#count - 1, Math.floor(this.#count * (this.#eta * share - this.#eta + 1) ** Zipfian.#alpha));
  }

  /** The same, spread over all numbers. */
  number(): number {
    return mixed(this.rank(), 0x3c_6e_f3_72) % this.#count;
  }
}
