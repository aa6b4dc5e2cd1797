/**
 * The keys of a memtable by their hashes: each has a number, in the order of their coming. Keys themselves lie in the
 * memtable's slab. Open addressing; half of the places are free.
 */
import { grown, newUint32s } from './slab.ts';

const none = -1;

export class KeyTable {
  /** Where each key lies in the slab; seen by other threads. */
  starts: Uint32Array;
  lengths: Uint32Array;
  count = 0;
  #hashes: Int32Array;
  /** Numbers of keys, plus one; 0 where free. */
  #slots: Int32Array;

  /** With room for `room` keys, a power of two, before it grows. */
  constructor(room: number) {
    this.starts = newUint32s(room);
    this.lengths = newUint32s(room);
    this.#hashes = new Int32Array(room);
    this.#slots = new Int32Array(room * 2);
  }

  /** Forgets all keys, and keeps the room. */
  clear(): void {
    this.count = 0;
    this.#slots.fill(0);
  }

  /** The number of the key; -1 if it is not there. */
  find(slab: Uint8Array, hash: number, key: Uint8Array, start: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = (slots[slot] as number) - 1;
      if (id === none || this.#isKey(slab, id, hash, key, start, end)) return id;
    }
  }

  /** The number of the key that lies in the slab from `start` to `end`: the next one if it is new. */
  numberOf(slab: Uint8Array, hash: number, start: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = (slots[slot] as number) - 1;
      if (id === none) break;
      if (this.#isKey(slab, id, hash, slab, start, end)) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.count++;
    if (id === this.starts.length) this.#grow();
    this.starts[id] = start;
    this.lengths[id] = end - start;
    this.#hashes[id] = hash;
    slots[slot] = id + 1;
    if (this.count * 2 > slots.length) this.#rehash();
    return id;
  }

  #isKey(slab: Uint8Array, id: number, hash: number, key: Uint8Array, start: number, end: number): boolean {
    if (this.#hashes[id] !== hash || this.lengths[id] !== end - start) return false;
    for (let at = start, other = this.starts[id] as number; at < end; at++, other++) {
      if (slab[other] !== key[at]) return false;
    }
    return true;
  }

  #rehash(): void {
    const mask = this.#slots.length * 2 - 1;
    const slots = new Int32Array(mask + 1);
    for (let id = 0; id < this.count; id++) {
      let slot = (this.#hashes[id] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.#slots = slots;
  }

  #grow(): void {
    const room = this.starts.length * 2;
    this.starts = grown(this.starts, newUint32s, room);
    this.lengths = grown(this.lengths, newUint32s, room);
    this.#hashes = grown(this.#hashes, (count) => new Int32Array(count), room);
  }
}
