/**
 * SHA-256 (FIPS 180-4), for names that are the hash of a content and must hold against an adversary, and for signed
 * requests. In plain 32-bit arithmetic, so that it runs alike in every world, a piece at a time: what is large is hashed
 * in pieces, with other work in between. Whoever needs a hash that is fast and need not hold takes `hash128`.
 */
import { assert } from '../kernel/assert.ts';

const blockBytes = 64;
export const sha256Bytes = 32;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const roundConstants: Int32Array = Int32Array.from([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);

export class Sha256 {
  readonly #state: Int32Array = Int32Array.from([
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ]);
  readonly #words: Int32Array = new Int32Array(64);
  readonly #rest: Uint8Array = new Uint8Array(blockBytes);
  #restCount = 0;
  #byteCount = 0;
  #ended = false;

  update(bytes: Uint8Array): this {
    assert(!this.#ended, 'a hash that was asked for takes no more bytes');
    this.#byteCount += bytes.length;
    let at = 0;
    if (this.#restCount > 0) {
      at = Math.min(blockBytes - this.#restCount, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#restCount);
      this.#restCount += at;
      if (this.#restCount < blockBytes) return this;
      this.#blocks(this.#rest, 0, blockBytes);
    }
    const whole = bytes.length - ((bytes.length - at) % blockBytes);
    this.#blocks(bytes, at, whole);
    this.#rest.set(bytes.subarray(whole));
    this.#restCount = bytes.length - whole;
    return this;
  }

  /** The 32 bytes; the end of this object. */
  digest(): Uint8Array<ArrayBuffer> {
    assert(!this.#ended, 'a hash is asked for once');
    this.#ended = true;
    this.#rest[this.#restCount] = 0x80;
    this.#rest.fill(0, this.#restCount + 1);
    if (this.#restCount >= blockBytes - 8) {
      this.#blocks(this.#rest, 0, blockBytes);
      this.#rest.fill(0);
    }
    const rest = new DataView(this.#rest.buffer);
    rest.setUint32(blockBytes - 8, Math.floor(this.#byteCount / 2 ** 29));
    rest.setUint32(blockBytes - 4, (this.#byteCount * 8) % 2 ** 32);
    this.#blocks(this.#rest, 0, blockBytes);
    const digest = new Uint8Array(sha256Bytes);
    const view = new DataView(digest.buffer);
    this.#state.forEach((word, index) => view.setInt32(index * 4, word));
    return digest;
  }

  #blocks(bytes: Uint8Array, from: number, to: number): void {
    const [state, w] = [this.#state, this.#words];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let block = from; block < to; block += blockBytes) {
      for (let index = 0; index < 16; index++) w[index] = view.getInt32(block + index * 4);
      schedule(w);
      compress(state, w);
    }
  }
}

function schedule(w: Int32Array): void {
  for (let index = 16; index < 64; index++) {
    const [early, late] = [w[index - 15] as number, w[index - 2] as number];
    const s0 = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
    const s1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
    w[index] = ((w[index - 16] as number) + s0 + (w[index - 7] as number) + s1) | 0;
  }
}

function compress(state: Int32Array, w: Int32Array): void {
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let round = 0; round < 64; round++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = (e & f) ^ (~e & g);
    const one = (h + s1 + choice + (roundConstants[round] as number) + (w[round] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
  state[4] = (state[4] as number) + e;
  state[5] = (state[5] as number) + f;
  state[6] = (state[6] as number) + g;
  state[7] = (state[7] as number) + h;
}

/** HMAC (RFC 2104) over SHA-256. */
export class HmacSha256 {
  readonly #inner: Sha256 = new Sha256();
  readonly #outer: Sha256 = new Sha256();

  constructor(key: Uint8Array) {
    const block = new Uint8Array(blockBytes);
    block.set(key.length > blockBytes ? new Sha256().update(key).digest() : key);
    this.#inner.update(block.map((byte) => byte ^ 0x36));
    this.#outer.update(block.map((byte) => byte ^ 0x5c));
  }

  update(bytes: Uint8Array): this {
    this.#inner.update(bytes);
    return this;
  }

  digest(): Uint8Array<ArrayBuffer> {
    return this.#outer.update(this.#inner.digest()).digest();
  }
}

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
