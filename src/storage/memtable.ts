/**
 * The newest writes, in memory: keys in order, each with its versions, newest first. No object for a key or a version:
 * bytes lie in one slab, everything else in typed arrays by the key's and the version's number. A table of hashes
 * finds a key at once. The ordered index is made when somebody asks for neighbours: most memtables are written, read by
 * key and flushed without it, and sorting all keys at once costs a fifth of putting each where it belongs.
 *
 * Revisions never go down, so versions are numbered in their order and a rollback takes the last ones away.
 */
import { assert } from '../kernel/assert.ts';
import { compareRanges } from '../bytes/compare.ts';
import { copy } from './block-builder.ts';
import type { EntryCursor } from './entry-cursor.ts';
import type { FoundVersion } from './found-version.ts';
import type { FrozenMemtable } from './frozen-memtable.ts';
import type { KeySlab } from './key-order.ts';
import { KeyTable } from './key-table.ts';
import { KeyTree } from './key-tree.ts';
import { MemtableCursor } from './memtable-cursor.ts';
import { RangeTombstones } from './range-tombstones.ts';
import { grown, newBytes, newFloat64s, newInt32s, newUint32s } from './slab.ts';

const none = -1;
/** The value's length of a version that is a tombstone. */
const deleted = 0xff_ff_ff_ff;
/** What a key and a version take beside their bytes, roughly: for the account of memory. */
const keyOverhead = 36;
const versionOverhead = 24;
/** So many keys at least are missing in the index before it is built anew. */
const rebuiltFrom = 256;
/** Where somebody walks, keys are put in order as they come, so many at once: about a millisecond. */
const orderedAtOnce = 1_024;

export class Memtable {
  readonly rangeTombstones: RangeTombstones;
  readonly #tree = new KeyTree();
  /** Keys of lower numbers are in the index. */
  #indexedCount = 0;
  isWalked = false;
  /** Keys are put in order as they come: the next walk is not to do it for all of them. */
  keepsOrder = false;
  #bytes: Uint8Array;
  #byteCount = 0;
  readonly #keys: KeyTable;
  /** By the number of a key: its newest version, or none after a rollback. */
  #heads: Int32Array;
  // By the number of a version. `olders` is the next older version of the same key.
  #revisions: Float64Array;
  #valueStarts: Uint32Array;
  #valueLengths: Uint32Array;
  #olders: Int32Array;
  #keysOf: Int32Array = new Int32Array(0);
  #versionCount = 0;
  #firstRevision = Infinity;
  #lastRevision = -1;
  #sealed = false;
  #cuts = 0;

  /**
   * Empty, with room for so many bytes before anything has to grow (memory that is not used yet costs nothing), or what
   * another thread has frozen: to be walked, not searched by key.
   */
  constructor(from: FrozenMemtable | number = 64 * 1024) {
    const frozen = typeof from === 'number' ? null : from;
    const room = typeof from === 'number' ? 2 ** Math.ceil(Math.log2(Math.max(64, from / 128))) : 1;
    this.#keys = new KeyTable(room);
    this.rangeTombstones = new RangeTombstones(frozen?.rangeTombstones);
    this.#bytes = frozen?.bytes ?? newBytes(from as number);
    this.#heads = frozen?.heads ?? newInt32s(room);
    this.#revisions = frozen?.revisions ?? newFloat64s(room);
    this.#valueStarts = frozen?.valueStarts ?? newUint32s(room);
    this.#valueLengths = frozen?.valueLengths ?? newUint32s(room);
    this.#olders = frozen?.olders ?? newInt32s(room);
    this.#keysOf = new Int32Array(room);
    if (frozen === null) return;
    this.#sealed = true;
    this.#keys.count = frozen.keyCount;
    this.#keys.starts = frozen.keyStarts;
    this.#keys.lengths = frozen.keyLengths;
  }

  /** Walks that stand on it: while there are any it is not `emptied`. */
  holders = 0;

  /**
   * Of one that was flushed and that nobody walks: empty again, over the same memory. Getting memory anew costs more
   * than writing to it, and what is given up stays until all threads have collected their garbage.
   */
  emptied(): Memtable {
    assert(this.#sealed && this.holders === 0, 'a memtable in use is not emptied');
    this.rangeTombstones.cutAfter(-1);
    this.#keys.clear();
    this.#tree.clear();
    this.#indexedCount = 0;
    this.isWalked = this.keepsOrder = false;
    this.#byteCount = 0;
    this.#versionCount = 0;
    this.#firstRevision = Infinity;
    this.#lastRevision = -1;
    this.#sealed = false;
    return this;
  }

  /** Keys that were ever put, those that a rollback left without a version included. */
  get keyCount(): number {
    return this.#keys.count;
  }

  get versionCount(): number {
    return this.#versionCount;
  }

  /** Of the first and the last write that are still in it; Infinity and -1 when there are none. */
  get firstRevision(): number {
    return this.#firstRevision;
  }

  get lastRevision(): number {
    return this.#lastRevision;
  }

  /** What it takes of memory, roughly: the bytes of keys and values, and what is kept beside them. */
  get bytesUsed(): number {
    const ranges = this.rangeTombstones.count * 256;
    return this.#byteCount + this.#keys.count * keyOverhead + this.#versionCount * versionOverhead + ranges;
  }

  get isEmpty(): boolean {
    return this.#versionCount === 0 && this.rangeTombstones.count === 0;
  }

  /**
   * Adds a version. `hash` is that of the key (`keyHash`). Nobody reads below `floor` any more: of the key's versions
   * not above it only the newest is kept.
   */
  put(
    revision: number,
    hash: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    floor: number,
  ): void {
    const start = this.take(key, keyStart, keyEnd);
    const end = this.#byteCount;
    const valueAt = this.take(value, valueStart, valueEnd);
    this.putTaken(revision, hash, start, end, valueAt, this.#byteCount, floor);
  }

  delete(revision: number, hash: number, key: Uint8Array, keyStart: number, keyEnd: number, floor: number): void {
    const start = this.take(key, keyStart, keyEnd);
    this.deleteTaken(revision, hash, start, this.#byteCount, floor);
  }

  /** Where `take` puts bytes: another array after each. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Copies bytes in, to be referred to by `putTaken` and `deleteTaken`; where they begin in `bytes`. */
  take(from: Uint8Array, start: number, end: number): number {
    const at = this.#byteCount;
    const next = at + end - start;
    if (next > this.#bytes.length) this.#bytes = grown(this.#bytes, newBytes, next);
    copy(from, start, end, this.#bytes, at);
    this.#byteCount = next;
    return at;
  }

  /** As `put`, of a key and a value that were taken. */
  putTaken(
    revision: number,
    hash: number,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    floor: number,
  ): void {
    this.#addVersion(this.#keyFor(hash, keyStart, keyEnd), revision, valueStart, valueEnd - valueStart, floor);
  }

  deleteTaken(revision: number, hash: number, keyStart: number, keyEnd: number, floor: number): void {
    this.#addVersion(this.#keyFor(hash, keyStart, keyEnd), revision, 0, deleted, floor);
  }

  /** Covers what is older than `revision`, and what was put at it before; what is put at it afterwards stays. */
  deleteRange(revision: number, start: Uint8Array, end: Uint8Array): void {
    if (this.#lastRevision === revision) this.#deleteWrittenAt(revision, start, end);
    this.#begin(revision);
    this.rangeTombstones.add({ start: start.slice(), end: end.slice(), revision });
  }

  /** The newest version of the key that is not above `revision`. Says nothing of range tombstones. */
  find(key: Uint8Array, start: number, end: number, hash: number, revision: number, into: FoundVersion): boolean {
    const id = this.#keys.find(this.#bytes, hash, key, start, end);
    if (id === none) return false;
    const version = this.visibleOf(id, revision);
    if (version === none) return false;
    const length = this.#valueLengths[version] as number;
    into.revision = this.#revisions[version] as number;
    into.isDelete = length === deleted;
    into.bytes = this.#bytes;
    into.start = this.#valueStarts[version] as number;
    into.end = length === deleted ? into.start : into.start + length;
    return true;
  }

  cursor(): EntryCursor {
    return new MemtableCursor(this);
  }

  /** Takes every version above this revision away. A cursor that stands on one shows it until it moves. */
  cutAfter(revision: number): void {
    this.#cuts++;
    this.rangeTombstones.cutAfter(revision);
    while (this.#versionCount > 0 && (this.#revisions[this.#versionCount - 1] as number) > revision) {
      const version = --this.#versionCount;
      this.#heads[this.#keysOf[version] as number] = this.#olders[version] as number;
    }
    if (this.#versionCount === 0 && this.rangeTombstones.count === 0) this.#firstRevision = Infinity;
    this.#lastRevision = this.#firstRevision === Infinity ? -1 : Math.min(this.#lastRevision, revision);
  }

  /** From now on nothing is written. What is not durable may still be cut. */
  seal(): void {
    this.#sealed = true;
  }

  /** Of a sealed one. Its arrays are shared with this, not copied. */
  frozen(): FrozenMemtable {
    assert(this.#sealed, 'a memtable is sealed before it is flushed');
    return {
      keyCount: this.#keys.count,
      bytes: this.#bytes,
      keyStarts: this.#keys.starts,
      keyLengths: this.#keys.lengths,
      heads: this.#heads,
      revisions: this.#revisions,
      valueStarts: this.#valueStarts,
      valueLengths: this.#valueLengths,
      olders: this.#olders,
      rangeTombstones: this.rangeTombstones.list,
    };
  }

  /** Versions are numbered in the order of their revisions. */
  revisionOf(version: number): number {
    return this.#revisions[version] as number;
  }

  showVersion(version: number, cursor: EntryCursor): void {
    this.show(this.#keysOf[version] as number, version, cursor);
  }

  // What the cursor needs.

  get cuts(): number {
    return this.#cuts;
  }

  /** With all keys in it. */
  get tree(): KeyTree {
    this.isWalked = this.keepsOrder = true;
    if (this.#indexedCount < this.#keys.count) this.#index();
    return this.#tree;
  }

  locate(key: Uint8Array, start: number, end: number): boolean {
    return this.tree.locate(this.#keySlab(), key, start, end);
  }

  olderOf(version: number): number {
    return this.#olders[version] as number;
  }

  headOf(id: number): number {
    return this.#heads[id] as number;
  }

  /** The next newer version of the same key; -1 if this is the newest. */
  newerOf(id: number, version: number): number {
    let newer = none;
    for (let at = this.#heads[id] as number; at !== none && at > version; at = this.#olders[at] as number) newer = at;
    return newer;
  }

  oldestOf(id: number): number {
    let oldest = none;
    for (let at = this.#heads[id] as number; at !== none; at = this.#olders[at] as number) oldest = at;
    return oldest;
  }

  show(id: number, version: number, cursor: EntryCursor): void {
    const length = this.#valueLengths[version] as number;
    cursor.keyBytes = this.#bytes;
    cursor.keyStart = this.#keys.starts[id] as number;
    cursor.keyEnd = cursor.keyStart + (this.#keys.lengths[id] as number);
    cursor.revision = this.#revisions[version] as number;
    cursor.isDelete = length === deleted;
    cursor.valueBytes = this.#bytes;
    cursor.valueStart = this.#valueStarts[version] as number;
    cursor.valueEnd = length === deleted ? cursor.valueStart : cursor.valueStart + length;
    cursor.valid = true;
  }

  #keySlab(): KeySlab {
    return { bytes: this.#bytes, starts: this.#keys.starts, lengths: this.#keys.lengths };
  }

  /** The newest version of this key that is not above `revision`; -1 if there is none. */
  visibleOf(id: number, revision: number): number {
    let version = this.#heads[id] as number;
    while (version !== none && (this.#revisions[version] as number) > revision)
      version = this.#olders[version] as number;
    return version;
  }

  #begin(revision: number): void {
    assert(!this.#sealed, 'a sealed memtable is not written to');
    assert(revision >= this.#lastRevision, 'revisions never go down');
    if (this.#firstRevision === Infinity) this.#firstRevision = revision;
    this.#lastRevision = revision;
  }

  /**
   * A range tombstone covers older revisions alone, so what its own transaction put before gets tombstones of its own. These
   * are the last versions: looking for them among all keys would keep the order of keys from then on.
   */
  #deleteWrittenAt(revision: number, start: Uint8Array, end: Uint8Array): void {
    const { bytes, starts, lengths } = this.#keySlab();
    for (let version = this.#versionCount - 1; this.#revisions[version] === revision; version--) {
      const id = this.#keysOf[version] as number;
      if (this.#heads[id] !== version) continue; // written again later in the transaction
      const [from, to] = [starts[id] as number, (starts[id] as number) + (lengths[id] as number)];
      if (compareRanges(bytes, from, to, start, 0, start.length) < 0) continue;
      if (compareRanges(bytes, from, to, end, 0, end.length) >= 0) continue;
      this.#addVersion(id, revision, 0, deleted, none);
    }
  }

  #addVersion(id: number, revision: number, start: number, length: number, floor: number): void {
    this.#begin(revision);
    const version = this.#versionCount;
    if (version === this.#revisions.length) this.#growVersions();
    const head = this.#heads[id] as number;
    this.#revisions[version] = revision;
    this.#valueStarts[version] = start;
    this.#valueLengths[version] = length;
    this.#olders[version] = head;
    this.#keysOf[version] = id;
    this.#heads[id] = version;
    this.#versionCount = version + 1;
    if (head === none) return;
    // Of those that are not above the floor the newest alone can be read, also after a rollback of this one.
    const newest = this.visibleOf(id, Math.min(floor, revision - 1));
    if (newest !== none) this.#olders[newest] = none;
    if (this.#revisions[head] === revision) this.#olders[version] = this.#olders[head] as number; // written twice in one transaction
  }

  /** The number of the key that was taken, given to it now if it is new. */
  #keyFor(hash: number, start: number, end: number): number {
    const keys = this.#keys;
    const before = keys.count;
    const id = keys.numberOf(this.#bytes, hash, start, end);
    if (id < before) return id;
    if (id >= this.#heads.length) this.#heads = grown(this.#heads, newInt32s, id + 1);
    this.#heads[id] = none;
    if (this.keepsOrder && id - this.#indexedCount >= orderedAtOnce) this.#index();
    return id;
  }

  /** A few keys are put in one by one; where many are missing all are sorted anew. */
  #index(): void {
    const slab = this.#keySlab();
    const [from, count] = [this.#indexedCount, this.#keys.count];
    this.#indexedCount = count;
    if (count - from > rebuiltFrom && (count - from) * 4 > count) return this.#tree.rebuild(slab, count);
    for (let id = from; id < count; id++) {
      const start = slab.starts[id] as number;
      this.#tree.locate(slab, slab.bytes, start, start + (slab.lengths[id] as number));
      this.#tree.insert(slab, id);
    }
  }

  #growVersions(): void {
    const count = this.#revisions.length * 2;
    this.#revisions = grown(this.#revisions, newFloat64s, count);
    this.#valueStarts = grown(this.#valueStarts, newUint32s, count);
    this.#valueLengths = grown(this.#valueLengths, newUint32s, count);
    this.#olders = grown(this.#olders, newInt32s, count);
    this.#keysOf = grown(this.#keysOf, plainInt32s, count);
  }
}

/** Of what no other thread needs. */
const plainInt32s = (count: number): Int32Array => new Int32Array(count);
