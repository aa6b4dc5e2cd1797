/**
 * The one record header of all engines, version 1. Numbers are varints where nothing else is said.
 *
 *     check           uint32, little-endian: the first word of this record's chain
 *     format          byte: 1
 *     log id          16 bytes
 *     chain before    16 bytes: the chain of the record before, zeros for the first
 *     epoch, sequence, first revision, revision count
 *     payload         the rest
 *
 * `chain` is hash128 of all that follows the check. It covers the chain before, so two logs with one chain at a place
 * are one log up to there; and since the record names the chain that it continues, damage to it (its own check fails:
 * `corrupt`) is told apart from its not belonging here (`diverged`, see `follow.ts`).
 *
 * Sequence 0 is the claim of its epoch. Its payload is the owner's name in UTF-8; empty: a release, nobody leads.
 */
import { ByteReader, viewOf } from '../bytes/byte-reader.ts';
import { hash128, hash128View } from '../bytes/hash.ts';
import { putVarint, readVarint, varintBytes } from '../bytes/varint.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError, type ErrorValues } from '../kernel/errors.ts';
import { getUint32, putUint32 } from '../bytes/little-endian.ts';
import { digestBytes, hexAt, hexOfWord, hexOfWords, putHex, wordsAre } from './chain.ts';
import { epoch } from './coordinates.ts';
import type { Epoch, LogId, LogRecord, Position } from './port.ts';

const formatVersion = 1;
const formatAt = 4;
const logIdAt = 5;
const chainBeforeAt: number = logIdAt + digestBytes;
/** What is shorter may lie on the heap of the engine, where asking for its buffer moves it. */
const viewFromBytes = 128;
const numbersAt: number = chainBeforeAt + digestBytes;

/** The least and the most that the header adds to a payload, in bytes. */
export const recordHeaderBytesMin: number = numbersAt + 4;
export const recordHeaderBytesMax: number = numbersAt + 4 * 8;
/** The longest name of an owner, in bytes of UTF-8. */
export const ownerBytesMax = 512;

/** What a record says, but for where it stands. */
export interface RecordFields {
  readonly id: LogId;
  /** `chain` of the record before; `chainBeforeFirst` for the first. */
  readonly chainBefore: string;
  readonly epoch: Epoch;
  readonly sequence: number;
  readonly firstRevision: number;
  readonly revisionCount: number;
  readonly payload: Uint8Array;
}

/** A record that was read: a view of its bytes, which must stay as they are. */
export class StoredRecord implements LogRecord {
  readonly position: Position;
  readonly epoch: Epoch;
  readonly sequence: number;
  readonly firstRevision: number;
  readonly revisionCount: number;
  readonly payload: Uint8Array;
  /** The whole record, header included. */
  readonly bytes: Uint8Array;
  readonly #chain0: number;
  readonly #chain1: number;
  readonly #chain2: number;
  readonly #chain3: number;

  constructor(position: Position, bytes: Uint8Array, reader: ByteReader, chain: Uint32Array) {
    this.position = position;
    this.epoch = epoch(readVarint(reader));
    this.sequence = readVarint(reader);
    this.firstRevision = readVarint(reader);
    this.revisionCount = readVarint(reader);
    this.payload = viewOf(bytes, reader.at, bytes.length);
    this.bytes = bytes;
    this.#chain0 = chain[0] as number;
    this.#chain1 = chain[1] as number;
    this.#chain2 = chain[2] as number;
    this.#chain3 = chain[3] as number;
  }

  get chain(): string {
    return hexOfWord(this.#chain0) + hexOfWord(this.#chain1) + hexOfWord(this.#chain2) + hexOfWord(this.#chain3);
  }

  get id(): LogId {
    return hexAt(this.bytes, logIdAt) as LogId;
  }

  get chainBefore(): string {
    return hexAt(this.bytes, chainBeforeAt);
  }

  /** Whether it is of the log with this id, as words: what is asked of every record makes no text. */
  isOf(id: Uint32Array): boolean {
    return wordsAre(this.bytes, logIdAt, id);
  }

  continues(chain: Uint32Array): boolean {
    return wordsAre(this.bytes, chainBeforeAt, chain);
  }

  chainInto(words: Uint32Array): void {
    words[0] = this.#chain0;
    words[1] = this.#chain1;
    words[2] = this.#chain2;
    words[3] = this.#chain3;
  }
}

/** Whether this record is an epoch's first: whoever it names leads from here on. */
export const isClaim = (record: LogRecord): boolean => record.sequence === 0;

/** Who claimed; null for a release, when nobody did. Only of a claim. */
export function ownerOf(claim: LogRecord): string | null {
  assert(isClaim(claim), 'only a claim names an owner');
  return claim.payload.length === 0 ? null : new TextDecoder().decode(claim.payload);
}

/** @throws LockstepError `misuse` for a name that is empty, no well-formed text, or too long. */
export function ownerBytes(owner: string): Uint8Array {
  const bytes = new TextEncoder().encode(owner);
  if (owner !== '' && owner.isWellFormed() && bytes.length <= ownerBytesMax) return bytes;
  throw new LockstepError('misuse', 'an owner has a name, of at most 512 bytes', {
    values: { owner: owner.slice(0, 64), bytes: bytes.length },
  });
}

/** Encodes and decodes with the limits of one engine. Between two calls it keeps the buffer that was decoded last. */
export class RecordCodec {
  readonly payloadBytesMax: number;
  readonly #words = new Uint32Array(4);
  /** Of that buffer: a batch's records share one, and making a view costs as much as hashing 300 bytes. */
  #view: DataView | null = null;

  constructor(payloadBytesMax: number) {
    assert(
      Number.isSafeInteger(payloadBytesMax) && payloadBytesMax >= ownerBytesMax,
      'a payload has room for an owner',
    );
    this.payloadBytesMax = payloadBytesMax;
  }

  /**
   * The bytes to store, an array of their own, and the chain that they make.
   * @throws LockstepError `misuse` for a payload over the limit or revisions that cannot be counted.
   */
  encode(fields: RecordFields): { readonly bytes: Uint8Array; readonly chain: string } {
    const bytes = new Uint8Array(this.bytesOf(fields));
    return { bytes, chain: this.encodeInto(bytes, 0, fields) };
  }

  /** How many bytes they will be. @throws as `encode`. */
  bytesOf(fields: RecordFields): number {
    this.check(fields);
    const { epoch, sequence, firstRevision, revisionCount, payload } = fields;
    assert(epoch > 0 && Number.isSafeInteger(sequence) && sequence >= 0, 'epochs count from 1, sequences from 0');
    const turn = varintBytes(epoch) + varintBytes(sequence);
    return numbersAt + turn + varintBytes(firstRevision) + varintBytes(revisionCount) + payload.length;
  }

  /** The same, written from `start` on, where `bytesOf` them has room. The chain that they make. */
  encodeInto(into: Uint8Array, start: number, fields: RecordFields): string {
    const { payload } = fields;
    into[start + formatAt] = formatVersion;
    putHex(into, start + logIdAt, fields.id);
    putHex(into, start + chainBeforeAt, fields.chainBefore);
    let at = putVarint(into, start + numbersAt, fields.epoch);
    at = putVarint(into, at, fields.sequence);
    at = putVarint(into, at, fields.firstRevision);
    at = putVarint(into, at, fields.revisionCount);
    into.set(payload, at);
    hash128(this.#words, into, start + formatAt, at + payload.length);
    putUint32(into, start, this.#words[0] as number);
    return hexOfWords(this.#words);
  }

  /** What `encode` refuses, before anything is done. @throws as `encode`. */
  check(entry: Pick<RecordFields, 'payload' | 'firstRevision' | 'revisionCount'>): void {
    const { payload, firstRevision, revisionCount } = entry;
    if (payload.length > this.payloadBytesMax)
      throw new LockstepError('misuse', 'a payload is larger than the engine takes', {
        values: { payloadBytes: payload.length, payloadBytesMax: this.payloadBytesMax },
      });
    if (!(isCount(firstRevision) && isCount(revisionCount) && isCount(firstRevision + revisionCount)))
      throw new LockstepError('misuse', 'revisions are counted in whole numbers from 0 to 2^53 - 1', {
        values: { firstRevision, revisionCount },
      });
  }

  /**
   * The record in these bytes, which it holds on to.
   * @throws LockstepError `corrupt` for bytes that nobody wrote; `invalid` for an intact record of another format or
   * over the limit. Both with `position`, and `offset` in the bytes.
   */
  decode(position: Position, bytes: Uint8Array): StoredRecord {
    const { length } = bytes;
    if (length < recordHeaderBytesMin) throw damaged('a record is shorter than its header', position, length, length);
    this.#hash(bytes);
    if (getUint32(bytes, 0) !== this.#words[0]) throw damaged("a record's check does not fit", position, 0, length);
    if (bytes[formatAt] !== formatVersion)
      throw refused('a record has a format that this version does not know', position, {
        offset: formatAt,
        format: bytes[formatAt] ?? null,
      });
    const record = this.#read(position, bytes);
    const { sequence, payload, firstRevision, revisionCount } = record;
    if (record.epoch === 0 || !isCount(firstRevision + revisionCount) || (sequence === 0 && revisionCount > 0))
      throw damaged('a record says what cannot be', position, numbersAt, length);
    if (payload.length > this.payloadBytesMax)
      throw refused('a record is larger than the limit', position, {
        offset: length - payload.length,
        payloadBytes: payload.length,
        payloadBytesMax: this.payloadBytesMax,
      });
    return record;
  }

  #hash(bytes: Uint8Array): void {
    if (bytes.length < viewFromBytes) return hash128(this.#words, bytes, formatAt);
    if (this.#view?.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    const { byteOffset, length } = bytes;
    hash128View(this.#words, this.#view, byteOffset + formatAt, byteOffset + length);
  }

  #read(position: Position, bytes: Uint8Array): StoredRecord {
    const reader = new ByteReader(bytes, numbersAt);
    try {
      return new StoredRecord(position, bytes, reader, this.#words);
    } catch (cause) {
      throw damaged("a record's header is not what was written", position, reader.at, bytes.length, cause);
    }
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

const damaged = (message: string, position: Position, offset: number, bytes: number, cause?: unknown): LockstepError =>
  new LockstepError('corrupt', message, { values: { position, offset, bytes }, cause });

const refused = (message: string, position: Position, values: ErrorValues): LockstepError =>
  new LockstepError('invalid', message, { values: { position, ...values } });
