/**
 * Frames: how a stream of bytes or a file is cut into records, so that a torn or damaged one is known for what it is.
 *
 *     payload length  uint32, little-endian
 *     payload CRC     CRC-32C of the payload, seeded
 *     header CRC      CRC-32C of the eight bytes above, seeded
 *     payload
 *
 * The header has a checksum of its own: a damaged length must not look like a frame that is still to come. Zeros (the
 * rest of a preallocated file) are a damaged header, never an empty frame.
 */
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { viewOf } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { crc32c } from './crc32c.ts';
import { getUint32, putUint32 } from './little-endian.ts';

/** A frame of up to this many bytes gets its room at once; a larger one as it arrives: its header may promise much and bring nothing. */
const bytesAhead = 65_536;
/** What a frame costs on top of its payload, in bytes. */
export const frameHeaderBytes = 12;

export interface FrameLimits {
  /** The largest payload, in bytes. */
  readonly payloadBytesMax: number;
  /** What both checksums start from (default 0). A frame is right only under the seed that it was written with. */
  readonly seed?: number | undefined;
}

/**
 * Writes the header of a frame with this payload into `into` at `offset`: for those who send header and payload in
 * two parts and copy neither.
 */
export function writeFrameHeader(into: Uint8Array, offset: number, payload: Uint8Array, seed = 0): void {
  assert(offset + frameHeaderBytes <= into.length, 'there is room for the header');
  putUint32(into, offset, payload.length);
  putUint32(into, offset + 4, crc32c(payload, 0, payload.length, seed));
  putUint32(into, offset + 8, crc32c(into, offset, offset + 8, seed));
}

/** Header and payload in one new array. `FrameWriter` saves that allocation where there are many. */
export function encodeFrame(payload: Uint8Array, seed = 0): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + payload.length);
  writeFrameHeader(frame, 0, payload, seed);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

export type FrameRead =
  /** `payload` is a view of the bytes; the next frame starts at `end`. */
  | { readonly kind: 'frame'; readonly payload: Uint8Array; readonly end: number }
  /** What there is so far is right, and ends before the frame does. `end`: where it ends; null if the header is incomplete. */
  | { readonly kind: 'incomplete'; readonly end: number | null }
  /** Not what was written: the header (its length means nothing then), or the payload, which ends at `end`. */
  | { readonly kind: 'damaged'; readonly part: 'header' }
  | { readonly kind: 'damaged'; readonly part: 'payload'; readonly end: number }
  /** An intact header that announces more than the limit. */
  | { readonly kind: 'too-large'; readonly payloadBytes: number };

/** The frame that starts at `offset`: for files, where the caller decides what damage means. Never throws. */
export function readFrame(bytes: Uint8Array, offset: number, limits: FrameLimits): FrameRead {
  const seed = limits.seed ?? 0;
  const start = offset + frameHeaderBytes;
  if (start > bytes.length) return { kind: 'incomplete', end: null };
  if (!headerIntact(bytes, offset, seed)) return { kind: 'damaged', part: 'header' };
  const payloadBytes = getUint32(bytes, offset);
  if (payloadBytes > limits.payloadBytesMax) return { kind: 'too-large', payloadBytes };
  const end = start + payloadBytes;
  if (end > bytes.length) return { kind: 'incomplete', end };
  if (crc32c(bytes, start, end, seed) !== getUint32(bytes, offset + 4)) {
    return { kind: 'damaged', part: 'payload', end };
  }
  return { kind: 'frame', payload: viewOf(bytes, start, end), end };
}

/** Gathers frames in one buffer, to be written at once. */
export class FrameWriter {
  readonly #payloadBytesMax: number;
  readonly #seed: number;
  readonly #writer: ByteWriter;

  /** `bytesMax`: the most that it gathers, headers included. */
  constructor(limits: FrameLimits & { readonly bytesMax: number }) {
    this.#payloadBytesMax = limits.payloadBytesMax;
    this.#seed = limits.seed ?? 0;
    this.#writer = new ByteWriter(limits.bytesMax);
  }

  /** Bytes gathered, headers included. */
  get length(): number {
    return this.#writer.length;
  }

  /**
   * Adds a frame with a copy of the payload.
   * @throws LockstepError `invalid` for a payload over the limit, or when there would be more than `bytesMax`; nothing
   * is added then.
   */
  append(payload: Uint8Array): void {
    if (payload.length > this.#payloadBytesMax) throw tooLarge(payload.length, this.#payloadBytesMax);
    const writer = this.#writer;
    writer.reserve(frameHeaderBytes + payload.length);
    writeFrameHeader(writer.buffer, writer.length, payload, this.#seed);
    writer.buffer.set(payload, writer.length + frameHeaderBytes);
    writer.length += frameHeaderBytes + payload.length;
  }

  /** All that was gathered, without a copy: good until the next `append` or `clear`. */
  view(): Uint8Array {
    return this.#writer.view();
  }

  /** All that was gathered, as an array of its own. */
  copy(): Uint8Array {
    return this.#writer.copy();
  }

  clear(): void {
    this.#writer.clear();
  }
}

/**
 * Cuts a stream that arrives in chunks of any size back into frames: `push` a chunk, then call `next` until it gives
 * null. Each byte is copied at most a few times in all (once for most frames that span chunks, never for those
 * that lie in one), and no more is allocated than 64 KiB or twice what has arrived.
 */
export class FrameReader {
  readonly #payloadBytesMax: number;
  readonly #seed: number;
  /** Chunks from `#chunkIndex` on are still to be looked at, the first of them from `#at` on. */
  #chunks: Uint8Array[] = [];
  #chunkIndex = 0;
  #at = 0;
  /** The frame that spans chunks, as far as it has arrived: `#partialLength` bytes of it. */
  #partial: Uint8Array = new Uint8Array(0);
  #partialLength = 0;
  /** Of the whole stream: where the frame that is read next starts. */
  #offset = 0;
  #failure: LockstepError | null = null;

  constructor(limits: FrameLimits) {
    this.#payloadBytesMax = limits.payloadBytesMax;
    this.#seed = limits.seed ?? 0;
  }

  /**
   * Takes the chunk over: frames may be views of it, so it must not be written to afterwards. It is held until all of
   * it has been asked for, so who pushes without calling `next` must bound that.
   */
  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** Whether the stream may end here: all that came was whole frames, and they were given out. */
  get empty(): boolean {
    return this.#failure === null && this.#partialLength === 0 && this.#chunks.length === 0;
  }

  /**
   * The next frame's payload; null when it has not arrived in full. The payload is a view of the chunk that it came
   * in, or an array of its own if it came in several; it stays as it is, but a small one can keep a large chunk alive:
   * `slice()` what is kept for long.
   * @throws LockstepError `corrupt` for a damaged header or payload; `invalid` for an intact header that announces
   * more than `payloadBytesMax`. Both name `offset`, where the frame starts in the stream. The stream cannot be read
   * on: every further call throws the same.
   */
  next(): Uint8Array | null {
    if (this.#failure !== null) throw this.#failure;
    if (this.#partialLength > 0) return this.#nextSpanning();
    const chunk = this.#chunks[this.#chunkIndex];
    if (chunk === undefined) return null;
    const at = this.#at;
    if (chunk.length - at < frameHeaderBytes) return this.#nextSpanning();
    const end = at + frameHeaderBytes + this.#checkHeader(chunk, at);
    if (end > chunk.length) return this.#nextSpanning();
    const payload = this.#checkPayload(chunk, at, end);
    this.#skip(end - at);
    return payload;
  }

  /** The way for frames that lie in more than one chunk: gathers header, then payload. */
  #nextSpanning(): Uint8Array | null {
    if (!this.#gather(frameHeaderBytes)) return null;
    const length = frameHeaderBytes + this.#checkHeader(this.#partial, 0);
    if (!this.#gather(length)) return null;
    const payload = this.#checkPayload(this.#partial, 0, length);
    this.#partial = new Uint8Array(0);
    this.#partialLength = 0;
    return payload;
  }

  /** Moves bytes from the chunks until the partial frame has `length`; false if they do not suffice. */
  #gather(length: number): boolean {
    while (this.#partialLength < length) {
      const chunk = this.#chunks[this.#chunkIndex];
      if (chunk === undefined) return false;
      const count = Math.min(length - this.#partialLength, chunk.length - this.#at);
      this.#makeRoom(this.#partialLength + count, length);
      this.#partial.set(chunk.subarray(this.#at, this.#at + count), this.#partialLength);
      this.#partialLength += count;
      this.#skip(count);
    }
    return true;
  }

  /** At once for what is small; else it doubles, so that tiny chunks cost no more than large ones, but never past what the frame needs. */
  #makeRoom(needed: number, length: number): void {
    if (needed <= this.#partial.length) return;
    const grown = new Uint8Array(Math.min(length, Math.max(needed, this.#partial.length * 2, bytesAhead)));
    grown.set(this.#partial.subarray(0, this.#partialLength));
    this.#partial = grown;
  }

  #skip(count: number): void {
    this.#at += count;
    if (this.#at !== this.#chunks[this.#chunkIndex]?.length) return;
    this.#at = 0;
    this.#chunkIndex++;
    if (this.#chunkIndex === this.#chunks.length) this.#forgetChunks();
  }

  #checkHeader(bytes: Uint8Array, at: number): number {
    if (!headerIntact(bytes, at, this.#seed)) throw this.#fail(damaged('header', this.#offset));
    const payloadBytes = getUint32(bytes, at);
    if (payloadBytes > this.#payloadBytesMax) {
      throw this.#fail(tooLarge(payloadBytes, this.#payloadBytesMax, this.#offset));
    }
    return payloadBytes;
  }

  #checkPayload(bytes: Uint8Array, at: number, end: number): Uint8Array {
    const start = at + frameHeaderBytes;
    if (crc32c(bytes, start, end, this.#seed) !== getUint32(bytes, at + 4)) {
      throw this.#fail(damaged('payload', this.#offset));
    }
    this.#offset += end - at;
    return viewOf(bytes, start, end);
  }

  #forgetChunks(): void {
    this.#chunks = [];
    this.#chunkIndex = 0;
  }

  #fail(failure: LockstepError): LockstepError {
    this.#failure = failure;
    this.#forgetChunks();
    this.#partial = new Uint8Array(0);
    return failure;
  }
}

const damaged = (part: 'header' | 'payload', offset: number): LockstepError =>
  new LockstepError('corrupt', "a frame's checksum does not fit", { values: { part, offset } });

const tooLarge = (payloadBytes: number, payloadBytesMax: number, offset: number | null = null): LockstepError =>
  new LockstepError('invalid', 'a frame is larger than the limit', {
    values: { payloadBytes, payloadBytesMax, ...(offset === null ? {} : { offset }) },
  });

const headerIntact = (bytes: Uint8Array, at: number, seed: number): boolean =>
  crc32c(bytes, at, at + 8, seed) === getUint32(bytes, at + 8);
