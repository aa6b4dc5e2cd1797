/**
 * The data blocks of one open table: read, checked and unpacked, once while they stay in the cache. Three ways to read
 * them: in place (good until the next one is opened), into a cursor's own copy, and in windows past the cache, for who
 * reads all of a table once.
 */
import { getUint32 } from '../bytes/little-endian.ts';
import type { DiskFile } from '../env/disk.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { BlockCache, CachedTable } from './block-cache.ts';
import type { BlockReader } from './block.ts';
import type { BlockCodec } from './codec.ts';
import { compressed, damage, isIntact, sealBytes } from './table-format.ts';

/** Opens a block in a reader; what else was opened from this source may be void then. */
export interface BlockSource {
  open(block: number, reader: BlockReader): void;
}

export class TableBlocks implements BlockSource {
  readonly count: number;
  readonly file: DiskFile;
  readonly #number: number;
  readonly #offsets: Uint32Array;
  readonly #codec: BlockCodec | null;
  readonly #cache: BlockCache | null;
  readonly #cached: CachedTable | null;
  readonly #slots: Int32Array;
  #isOpen = true;

  /** `offsets`: where each block begins, and where the last one ends. */
  constructor(
    file: DiskFile,
    number: number,
    offsets: Uint32Array,
    codec: BlockCodec | null,
    cache: BlockCache | null,
  ) {
    this.count = offsets.length - 1;
    this.file = file;
    this.#number = number;
    this.#offsets = offsets;
    this.#codec = codec;
    this.#cache = cache;
    this.#cached = cache?.addTable(this.count) ?? null;
    this.#slots = this.#cached?.slots ?? new Int32Array(0);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#cached !== null) this.#cache?.removeTable(this.#cached);
    this.file.close();
  }

  /**
   * In place, by way of the cache.
   * @throws LockstepError `corrupt` with path and offset for damage; `misuse` once closed; what reading a file throws.
   */
  open(block: number, reader: BlockReader): void {
    const cache = this.#cache;
    if (cache === null) return this.#openApart(block, reader);
    let slot = this.#slots[block] as number;
    if (slot >= 0) {
      cache.hits++;
      cache.referenced[slot] = 1;
    } else {
      cache.misses++;
      slot = this.#fetch(block, cache);
      if (slot < 0) return this.#openApart(block, reader);
    }
    const start = cache.startOf(slot);
    reader.open(cache.slabOf(slot), start, start + (cache.lengths[slot] as number));
  }

  isCached(block: number): boolean {
    return (this.#slots[block] ?? -1) >= 0;
  }

  /** Loads a block into the cache without blocking this thread. @throws as `open`. */
  async load(block: number): Promise<void> {
    const [cache, cached] = [this.#cache, this.#cached];
    if (cache === null || cached === null || this.isCached(block)) return;
    const bytes = new Uint8Array(this.storedBytes(block));
    const count = await this.file.load(bytes, this.offset(block));
    const unpacked = this.unpack(bytes, 0, count, block) ?? bytes.subarray(0, count - sealBytes);
    // Somebody may have read it meanwhile, or closed the table.
    if (!this.#isOpen || this.isCached(block) || !cache.takes(unpacked.length)) return;
    this.#keep(block, unpacked, cache);
  }

  /** Where a block begins in the file. */
  offset(block: number): number {
    return this.#offsets[block] as number;
  }

  storedBytes(block: number): number {
    return (this.#offsets[block + 1] as number) - (this.#offsets[block] as number);
  }

  /**
   * Checks what lies from `start` to `end` as it is in the file. Null: the block lies there, before its seal; else what
   * it was before it was compressed.
   * @throws LockstepError `corrupt` with path and offset.
   */
  unpack(bytes: Uint8Array, start: number, end: number, block: number): Uint8Array | null {
    const offset = this.offset(block);
    if (end - start !== this.storedBytes(block) || !isIntact(bytes, start, end, this.#number, offset))
      throw damage(this.file.path, offset, 'a block of a table is not what was written');
    if (bytes[end - sealBytes] !== compressed) return null;
    assert(this.#codec !== null, 'a table opens only with the codec of its blocks');
    const count = getUint32(bytes, start);
    try {
      const raw = this.#codec.decompress(bytes.subarray(start + 4, end - sealBytes), count);
      if (raw.length === count) return raw;
    } catch (cause) {
      throw damage(this.file.path, offset, 'a block of a table does not decompress', cause);
    }
    throw damage(this.file.path, offset, 'a block of a table decompresses to another size');
  }

  /** Into the cache; its slot, or -1 if it is too large for that. */
  #fetch(block: number, cache: BlockCache): number {
    // Its place in the cache may be another table's by now.
    if (!this.#isOpen) throw new LockstepError('misuse', 'the table was closed', { values: { path: this.file.path } });
    const bytes = this.storedBytes(block);
    if (this.#codec !== null || !cache.takes(bytes)) {
      const raw = this.#read(block);
      return cache.takes(raw.length) ? this.#keep(block, raw, cache) : -1;
    }
    const cached = this.#cached as CachedTable;
    const slot = cache.claim(cached, block, bytes);
    const [slab, start] = [cache.slabOf(slot), cache.startOf(slot)];
    let intact = false;
    try {
      const count = this.file.read(slab.subarray(start, start + bytes), this.offset(block));
      this.unpack(slab, start, start + count, block);
      intact = true;
    } finally {
      if (!intact) cache.release(cached, block);
    }
    cache.lengths[slot] = bytes - sealBytes;
    return slot;
  }

  #keep(block: number, raw: Uint8Array, cache: BlockCache): number {
    const slot = cache.claim(this.#cached as CachedTable, block, raw.length);
    cache.slabOf(slot).set(raw, cache.startOf(slot));
    return slot;
  }

  /** Into an array of its own. */
  #read(block: number): Uint8Array {
    const bytes = new Uint8Array(this.storedBytes(block));
    const count = this.file.read(bytes, this.offset(block));
    return this.unpack(bytes, 0, count, block) ?? bytes.subarray(0, count - sealBytes);
  }

  #openApart(block: number, reader: BlockReader): void {
    const raw = this.#read(block);
    reader.open(raw, 0, raw.length);
  }
}

/** By way of the cache, into a copy: a cursor stands on its block however many others are read meanwhile. */
export class CopiedBlocks implements BlockSource {
  readonly #blocks: TableBlocks;
  #copy = new Uint8Array(0);

  constructor(blocks: TableBlocks) {
    this.#blocks = blocks;
  }

  open(block: number, reader: BlockReader): void {
    this.#blocks.open(block, reader);
    const { bytes, start, end } = reader;
    if (this.#copy.length < end - start) this.#copy = new Uint8Array(Math.max(end - start, 4_096));
    this.#copy.set(bytes.subarray(start, end));
    reader.open(this.#copy, 0, end - start);
  }
}

/** Past the cache: neighbouring blocks in one read, in the direction of the walk. */
export class BlockWindow implements BlockSource {
  readonly #blocks: TableBlocks;
  readonly #bytesMax: number;
  #bytes = new Uint8Array(0);
  #first = 0;
  /** Excluded. */
  #last = 0;
  #byteCount = 0;

  /** `bytesMax` for one read; a block that is larger is read alone. */
  constructor(blocks: TableBlocks, bytesMax: number) {
    this.#blocks = blocks;
    this.#bytesMax = bytesMax;
  }

  open(block: number, reader: BlockReader): void {
    if (block < this.#first || block >= this.#last) this.#read(block);
    const start = this.#blocks.offset(block) - this.#blocks.offset(this.#first);
    const end = Math.min(start + this.#blocks.storedBytes(block), this.#byteCount);
    const raw = this.#blocks.unpack(this.#bytes, start, end, block);
    if (raw === null) reader.open(this.#bytes, start, end - sealBytes);
    else reader.open(raw, 0, raw.length);
  }

  #read(block: number): void {
    const isBackward = block === this.#first - 1;
    let [first, last] = [block, block + 1];
    const blocks = this.#blocks;
    let bytes = blocks.storedBytes(block);
    while (isBackward && first > 0 && bytes + blocks.storedBytes(first - 1) <= this.#bytesMax) {
      bytes += blocks.storedBytes(--first);
    }
    while (!isBackward && last < blocks.count && bytes + blocks.storedBytes(last) <= this.#bytesMax) {
      bytes += blocks.storedBytes(last++);
    }
    // Before anything can fail: the window shows nothing then.
    [this.#first, this.#last] = [0, 0];
    if (this.#bytes.length < bytes) this.#bytes = new Uint8Array(Math.max(bytes, this.#bytesMax));
    this.#byteCount = blocks.file.read(this.#bytes.subarray(0, bytes), blocks.offset(first));
    [this.#first, this.#last] = [first, last];
  }
}
