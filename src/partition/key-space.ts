/**
 * Where state lies in the tree. A stored key is two bytes, big-endian, and a tuple:
 *
 *     slot 0 to 4,095   [place, ...path]         what users keep at a place: the slot is the place's
 *     slot 0 to 4,095   [null, name, place, ...path]  what the product keeps of a place, apart from that
 *     0xfffe            [name, ...path]          what the product keeps of the partition
 *     0xffff            [...path]                what users keep without a place of its own
 *
 * So all that moves with a slot lies together, and a place's own state is found for all places of a slot at once.
 */
import { ByteWriter } from '../bytes/byte-writer.ts';
import { compareBytes } from '../bytes/compare.ts';
import type { Texts } from '../bytes/text-cache.ts';
import { decodeTuple } from '../bytes/tuple-decode.ts';
import { keyBytesMax as tupleBytesMax, writeTuple, type KeyPart, type Tuple } from '../bytes/tuple.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { slotCount } from '../ring/slot.ts';
import { keyBytesMax } from '../storage/entry-cursor.ts';
import type { SpaceRange } from './transaction.ts';

/** Of what the product keeps of the partition. */
export const slotOfSystem = 0xfffe;
/** Of what users keep without a place. */
export const slotOfLocal = 0xffff;
const slotBytes = 2;
/** Ends every range of tuples: no part begins with it. */
const afterAllTuples = 0xff;

export interface KeyBounds {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** How many bytes the prefix takes that was asked for, that of the space included. */
  readonly prefixBytes: number;
}

/** Where keys are written: one for all spaces of which one is used at a time. */
export const keyWriter = (): ByteWriter => new ByteWriter(tupleBytesMax);

/** The keys below one prefix. */
export class KeySpace {
  readonly #prefix: Uint8Array;
  readonly #writer: ByteWriter;

  private constructor(slot: number, tuple: Tuple, writer: ByteWriter = keyWriter()) {
    assert(slot >= 0 && slot <= slotOfLocal, 'a slot takes two bytes');
    this.#writer = writer;
    writer.clear();
    writer.writeByte(slot >> 8);
    writer.writeByte(slot & 0xff);
    writeTuple(writer, tuple);
    this.#prefix = new Uint8Array(writer.length);
    for (let at = 0; at < writer.length; at++) this.#prefix[at] = writer.buffer[at] as number; // shorter than `slice` takes to begin
  }

  /** @throws LockstepError `invalid` for a name that is not well-formed. */
  static ofPlace(slot: number, place: string, writer?: ByteWriter): KeySpace {
    return new KeySpace(slot, [place], writer);
  }

  static ofPlaceSystem(slot: number, place: string, name: string, writer?: ByteWriter): KeySpace {
    return new KeySpace(slot, [null, name, place], writer);
  }

  /** Of all places of a slot: keys begin with the place. */
  static ofSlotSystem(slot: number, name: string): KeySpace {
    return new KeySpace(slot, [null, name]);
  }

  static ofSystem(name: string, writer?: ByteWriter): KeySpace {
    return new KeySpace(slotOfSystem, [name], writer);
  }

  static ofLocal(): KeySpace {
    return new KeySpace(slotOfLocal, []);
  }

  /** An array of its own. @throws LockstepError `invalid`, with the path, for what is no key; `misuse` when it is too long. */
  key(tuple: Tuple): Uint8Array {
    return this.written(tuple).copy();
  }

  /** As `key`, without an array of its own: what lies in `buffer` up to `length`, good until its writer writes the next key. */
  written(tuple: Tuple): Readonly<Pick<ByteWriter, 'buffer' | 'length' | 'copy'>> {
    const writer = this.#write(tuple);
    if (writer.length <= keyBytesMax) return writer;
    throw new LockstepError('misuse', 'a key has more bytes than the limit', {
      values: { keyBytes: writer.length, keyBytesMax },
      advice: ['keep what is long in the value, and a hash of it in the key'],
    });
  }

  /** Null when nothing can lie between the two. */
  bounds({ prefix = [], from, to }: SpaceRange): KeyBounds | null {
    const within = { from: this.#encoded(prefix, 0), to: this.#encoded(prefix, 1) };
    const first = from === undefined ? within.from : later(within.from, this.#encoded(from, 0));
    const end = to === undefined ? within.to : earlier(within.to, this.#encoded(to, 0));
    return compareBytes(first, end) < 0 ? { from: first, to: end, prefixBytes: within.from.length } : null;
  }

  /** Whether the key is of this space. */
  has(bytes: Uint8Array, start: number, end: number): boolean {
    const prefix = this.#prefix;
    if (end - start < prefix.length) return false;
    for (let index = 0; index < prefix.length; index++) if (bytes[start + index] !== prefix[index]) return false;
    return true;
  }

  /** The tuple of a key of this space. @throws LockstepError `corrupt`. */
  tupleOf(bytes: Uint8Array, start = 0, end: number = bytes.length, texts?: Texts): KeyPart[] {
    return decodeTuple(bytes, start + this.#prefix.length, end, tupleBytesMax, texts);
  }

  /** The parts of a key from `start` on, where a prefix of it ends. @throws LockstepError `corrupt`. */
  restOf(bytes: Uint8Array, start: number, end: number, texts?: Texts): KeyPart[] {
    return decodeTuple(bytes, start, end, tupleBytesMax, texts);
  }

  #encoded(tuple: Tuple, roomAfter: 0 | 1): Uint8Array {
    const writer = this.#write(tuple);
    if (roomAfter === 1) writer.writeByte(afterAllTuples);
    return writer.copy();
  }

  #write(tuple: Tuple): ByteWriter {
    const writer = this.#writer;
    const prefix = this.#prefix;
    writer.clear();
    writer.reserve(prefix.length);
    const { buffer } = writer;
    // Most are shorter than what `set` takes to begin.
    for (let at = 0; at < prefix.length; at++) buffer[at] = prefix[at] as number;
    writer.length = prefix.length;
    writeTuple(writer, tuple);
    return writer;
  }
}

/** The slot of a stored key. */
export const slotOfStored = (bytes: Uint8Array, start: number): number =>
  ((bytes[start] as number) << 8) | (bytes[start + 1] as number);

export interface StoredKey {
  /** Null: it has no place. */
  readonly place: string | null;
  /** Of the product's own state, its name; null for what users keep. */
  readonly system: string | null;
  readonly key: Tuple;
}

/** What a stored key means. @throws LockstepError `corrupt`. */
export function meaningOf(bytes: Uint8Array, start = 0, end: number = bytes.length): StoredKey {
  if (end - start < slotBytes) throw unreadable(start);
  const slot = slotOfStored(bytes, start);
  const tuple = decodeTuple(bytes, start + slotBytes, end, tupleBytesMax);
  if (slot === slotOfLocal) return { place: null, system: null, key: tuple };
  const [first, second, third] = tuple;
  if (slot === slotOfSystem && typeof first === 'string') return { place: null, system: first, key: tuple.slice(1) };
  if (slot < slotCount && typeof first === 'string') return { place: first, system: null, key: tuple.slice(1) };
  const isOfPlace = slot < slotCount && first === null && typeof second === 'string' && typeof third === 'string';
  if (isOfPlace) return { place: third, system: second, key: tuple.slice(3) };
  throw unreadable(start);
}

const unreadable = (offset: number): LockstepError =>
  new LockstepError('corrupt', 'a stored key lies in no space that there is', { values: { offset } });

const later = (a: Uint8Array, b: Uint8Array): Uint8Array => (compareBytes(a, b) >= 0 ? a : b);
const earlier = (a: Uint8Array, b: Uint8Array): Uint8Array => (compareBytes(a, b) <= 0 ? a : b);
