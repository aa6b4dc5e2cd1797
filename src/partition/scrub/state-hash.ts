/**
 * A hash of all state at one revision: every key and the newest value visible there, in the order of the keys, whatever
 * tables and memory they lie in. A part of the state has a sum of its own each, so that a difference is found in it:
 * 64 ranges of slots, what the product keeps of the partition, and what has no place. Made in steps, each a walk of its
 * own from where the last one ended, so that between two steps nothing is held but the revision.
 */
import { ByteWriter } from '../../bytes/byte-writer.ts';
import { hash128 } from '../../bytes/hash.ts';
import { putUint32 } from '../../bytes/little-endian.ts';
import { assert } from '../../kernel/assert.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { digestBytes, hexAt } from '../../log/chain.ts';
import { slotCount } from '../../ring/slot.ts';
import type { Tree } from '../../storage/tree.ts';
import type { VisibleCursor } from '../../storage/visible-cursor.ts';
import { slotOfLocal, slotOfStored, slotOfSystem } from '../key-space.ts';

const slotPartCount = 64;
const slotsPerPart = slotCount / slotPartCount;
const partOfSystem = slotPartCount;
const partOfLocal = slotPartCount + 1;
const partCount = slotPartCount + 2;

/** A step ends behind the entry that reaches one of them: well below a millisecond, where blocks are in memory. */
const stepEntriesMax = 256;
const stepBytesMax = 64 * 1024;

/** A sum is four words, so the parts' sums are an array of 16 bytes each. */
const wordsOfSum = 4;

export class StateHash {
  readonly revision: number;
  readonly tree: Tree;
  readonly #sums = new Uint32Array(partCount * wordsOfSum);
  readonly #sum = new Uint32Array(wordsOfSum);
  /** The sum before, and an entry. */
  readonly #hashed = new ByteWriter(2 ** 30, 1_024);
  /** Where the next step begins; null: it is done. */
  #from: Uint8Array | null = new Uint8Array(0);
  #entryCount = 0;

  /** Somebody holds this revision until it is done. */
  constructor(tree: Tree, revision: number) {
    this.tree = tree;
    this.revision = revision;
  }

  get isDone(): boolean {
    return this.#from === null;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  /** Hashes a few entries more. @throws LockstepError `corrupt` for damage that it meets; what reading a file throws. */
  step(): void {
    assert(this.#from !== null, 'a hash that is done has no steps');
    const { cursor, release } = this.tree.walk(this.revision, { from: this.#from, to: null });
    try {
      let bytes = 0;
      let entries = 0;
      for (cursor.first(); cursor.valid; cursor.next()) {
        if (entries >= stepEntriesMax || bytes >= stepBytesMax) {
          this.#from = cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd);
          return;
        }
        bytes += this.#add(cursor);
        entries++;
      }
      this.#from = null;
    } finally {
      release();
    }
  }

  /** The sums of all parts, once it is done. */
  sums(): Uint8Array {
    assert(this.isDone, 'all of the state is hashed');
    const bytes = new Uint8Array(partCount * digestBytes);
    for (const [index, word] of this.#sums.entries()) putUint32(bytes, index * 4, word);
    return bytes;
  }

  #add(cursor: VisibleCursor): number {
    const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = cursor;
    const at = partOf(slotOfStored(keyBytes, keyStart)) * wordsOfSum;
    const hashed = this.#hashed;
    hashed.clear();
    for (let word = 0; word < wordsOfSum; word++) hashed.writeUint32(this.#sums[at + word] as number);
    hashed.writeUint32(keyEnd - keyStart);
    hashed.writeBytes(keyBytes.subarray(keyStart, keyEnd));
    hashed.writeBytes(valueBytes.subarray(valueStart, valueEnd));
    hash128(this.#sum, hashed.buffer, 0, hashed.length);
    this.#sums.set(this.#sum, at);
    this.#entryCount++;
    return hashed.length;
  }
}

/** The sum of the sums, 32 hexadecimal digits. */
export function sumOf(sums: Uint8Array): string {
  const words = new Uint32Array(wordsOfSum);
  hash128(words, sums);
  const bytes = new Uint8Array(digestBytes);
  for (const [index, word] of words.entries()) putUint32(bytes, index * 4, word);
  return hexAt(bytes, 0);
}

/** The first part of which the sums differ, in words; null when none does. */
export function differenceOf(sums: Uint8Array, others: Uint8Array): string | null {
  for (let part = 0; part < partCount; part++) {
    const at = part * digestBytes;
    if (hexAt(sums, at) !== hexAt(others, at)) return printPart(part);
  }
  return null;
}

/** What the sums of all parts take. */
export const sumsBytes: number = partCount * digestBytes;

function printPart(part: number): string {
  if (part === partOfSystem) return "the product's own state";
  if (part === partOfLocal) return 'what has no place';
  return `slots ${part * slotsPerPart} to ${(part + 1) * slotsPerPart - 1}`;
}

function partOf(slot: number): number {
  if (slot < slotCount) return Math.floor(slot / slotsPerPart);
  if (slot === slotOfSystem) return partOfSystem;
  if (slot === slotOfLocal) return partOfLocal;
  throw new LockstepError('corrupt', 'a stored key lies in no space that there is', { values: { slot } });
}
