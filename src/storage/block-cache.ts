/**
 * Blocks of all tables of a tree, unpacked, in slabs of slots: no array per block, and a table finds its block by a
 * number, without a map. A block takes as many neighbouring slots as it needs. Which goes when there is no room is
 * decided by a clock hand (second chance; Corbató, "A paging experiment with the Multics system", 1968): what was read
 * again since the hand passed stays, what was read once, as by a scan, goes.
 *
 * Nothing is pinned: bytes in the cache are good until the next block is claimed. Who needs them for longer copies.
 */
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';

const slabBytesAim = 1024 * 1024;

/** What a table keeps of its blocks' places. */
export interface CachedTable {
  readonly id: number;
  /** By block, its first slot; -1 where it is not cached. */
  readonly slots: Int32Array;
}

export class BlockCache {
  readonly slotBytes: number;
  readonly #slabCountMax: number;
  /** Slots of a slab, as a power of two. */
  readonly slabShift: number;
  readonly slabs: Uint8Array[] = [];
  /** By slot; not 0: the block that begins there was read since the hand passed. */
  readonly referenced: Uint8Array;
  /** By slot: the block's bytes. */
  readonly lengths: Uint32Array;
  /** By slot: the table whose block begins there, or -1. */
  readonly #owners: Int32Array;
  readonly #blocks: Int32Array;
  readonly #tables: (CachedTable | null)[] = [];
  #hand = 0;
  /** How many reads of blocks found them here, and how many did not. */
  hits = 0;
  misses = 0;
  evictions = 0;

  /**
   * `bytesMax` bounds the slabs, at least one of a mebibyte; they are allocated as they are needed. `slotBytes` is what
   * most blocks fit into: the tree's block size.
   */
  constructor(bytesMax: number, slotBytes: number) {
    if (!Number.isSafeInteger(bytesMax) || bytesMax < 0 || !Number.isSafeInteger(slotBytes) || slotBytes < 1)
      throw new LockstepError('misuse', 'sizes of a cache are whole numbers', { values: { bytesMax, slotBytes } });
    this.slotBytes = slotBytes;
    this.slabShift = Math.max(4, Math.floor(Math.log2(slabBytesAim / slotBytes)));
    const slabBytes = slotBytes << this.slabShift;
    this.#slabCountMax = Math.max(1, Math.floor(bytesMax / slabBytes));
    const slotCount = this.#slabCountMax << this.slabShift;
    this.referenced = new Uint8Array(slotCount);
    this.lengths = new Uint32Array(slotCount);
    this.#owners = new Int32Array(slotCount).fill(-1);
    this.#blocks = new Int32Array(slotCount);
  }

  /** Memory that is allocated for blocks. */
  get bytes(): number {
    return this.slabs.length * (this.slotBytes << this.slabShift);
  }

  addTable(blockCount: number): CachedTable {
    const free = this.#tables.indexOf(null);
    const table = { id: free === -1 ? this.#tables.length : free, slots: new Int32Array(blockCount).fill(-1) };
    this.#tables[table.id] = table;
    return table;
  }

  /** Forgets a table's blocks; their slots are free. */
  removeTable(table: CachedTable): void {
    assert(this.#tables[table.id] === table, 'a table leaves the cache once');
    for (const slot of table.slots) if (slot >= 0) this.#free(slot);
    this.#tables[table.id] = null;
  }

  /** Whether a block of this size is kept here at all: larger ones would push out too many others. */
  takes(bytes: number): boolean {
    return bytes <= (this.slotBytes << this.slabShift) / 4;
  }

  /** Makes room for a block, which is to be written there at once; whatever was read from the cache before is void. */
  claim(table: CachedTable, block: number, bytes: number): number {
    assert(this.takes(bytes) && (table.slots[block] as number) < 0, 'a block is claimed once, if it fits');
    const slot = this.#makeRoom(Math.max(1, Math.ceil(bytes / this.slotBytes)));
    this.#owners[slot] = table.id;
    this.#blocks[slot] = block;
    this.referenced[slot] = 0;
    this.lengths[slot] = bytes;
    table.slots[block] = slot;
    return slot;
  }

  /** Takes back a claim whose block could not be read. */
  release(table: CachedTable, block: number): void {
    this.#free(table.slots[block] as number);
  }

  slabOf(slot: number): Uint8Array {
    return this.slabs[slot >> this.slabShift] as Uint8Array;
  }

  /** Where a slot begins in its slab. */
  startOf(slot: number): number {
    return (slot & ((1 << this.slabShift) - 1)) * this.slotBytes;
  }

  /** The first of `count` neighbouring free slots. Two rounds of the hand at most: the first takes all second chances. */
  #makeRoom(count: number): number {
    const slabSlots = 1 << this.slabShift;
    for (;;) {
      if ((this.#hand & (slabSlots - 1)) + count > slabSlots) this.#hand = (this.#hand | (slabSlots - 1)) + 1;
      if (this.#hand === this.slabs.length * slabSlots) {
        if (this.slabs.length < this.#slabCountMax) this.slabs.push(new Uint8Array(this.slotBytes * slabSlots));
        else this.#hand = 0;
      }
      const slot = this.#hand;
      const isUsed = (this.#owners[slot] as number) >= 0;
      if (!isUsed || this.referenced[slot] === 0) {
        for (let at = slot; at < slot + count;) at += this.#evict(at);
        this.#hand = slot + count;
        return slot;
      }
      this.referenced[slot] = 0;
      this.#hand = slot + this.#slotsOf(slot);
    }
  }

  /** How many slots it is to the next block or free slot. */
  #evict(slot: number): number {
    if ((this.#owners[slot] as number) < 0) return 1;
    this.evictions++;
    this.#free(slot);
    return this.#slotsOf(slot);
  }

  #free(slot: number): void {
    const table = this.#tables[this.#owners[slot] as number];
    assert(table !== null && table !== undefined, 'a slot in use has an owner');
    table.slots[this.#blocks[slot] as number] = -1;
    this.#owners[slot] = -1;
  }

  #slotsOf(slot: number): number {
    return Math.max(1, Math.ceil((this.lengths[slot] as number) / this.slotBytes));
  }
}
