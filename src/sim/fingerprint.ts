/**
 * A running hash of everything a run did: what was due when, and the bytes that services sent and wrote. Two runs of
 * one seed that differ anywhere end with different fingerprints (64 bits; mixing as in MurmurHash3, Appleby 2011).
 */
export class Fingerprint {
  readonly #float = new Float64Array(1);
  readonly #words = new Uint32Array(this.#float.buffer);
  #low = 0x9e3779b9;
  #high = 0x85ebca6b;

  word(value: number): void {
    let mixed = Math.imul(value, 0xcc9e2d51);
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    const low = this.#low ^ mixed;
    this.#low = (Math.imul((low << 13) | (low >>> 19), 5) + 0xe6546b64 + this.#high) | 0;
    this.#high = Math.imul(this.#high ^ (mixed >>> 7) ^ this.#low, 0x85ebca77) | 0;
  }

  number(value: number): void {
    this.#float[0] = value;
    this.word(this.#words[0] as number);
    this.word(this.#words[1] as number);
  }

  text(value: string): void {
    this.word(value.length);
    for (let index = 0; index < value.length; index++) this.word(value.charCodeAt(index));
  }

  bytes(value: Uint8Array): void {
    this.word(value.length);
    const whole = value.length & ~3;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    for (let index = 0; index < whole; index += 4) this.word(view.getUint32(index, true));
    for (let index = whole; index < value.length; index++) this.word(value[index] as number);
  }

  /** Sixteen hexadecimal digits. */
  toString(): string {
    const hex = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }
}
