/**
 * A walk over a memtable that may be written to meanwhile: keys that come in between are met if they lie ahead. The
 * place in the index is looked for anew when the index has changed; the key itself never moves.
 */
import { EntryCursor } from './entry-cursor.ts';
import type { KeyTree } from './key-tree.ts';

/** What the cursor needs of a memtable: versions by number, -1 where there is none. */
export interface VersionChains {
  readonly tree: KeyTree;
  /** Grows with every rollback: the number of a version that was taken away is given to another one. */
  readonly cuts: number;
  locate(key: Uint8Array, start: number, end: number): boolean;
  headOf(id: number): number;
  olderOf(version: number): number;
  newerOf(id: number, version: number): number;
  oldestOf(id: number): number;
  visibleOf(id: number, revision: number): number;
  /** Fills the cursor's fields. */
  show(id: number, version: number, cursor: EntryCursor): void;
}

const none = -1;

export class MemtableCursor extends EntryCursor {
  readonly #chains: VersionChains;
  #id = none;
  #version = none;
  #place = 0;
  #slot = 0;
  #changes = 0;
  #cuts = 0;

  constructor(chains: VersionChains) {
    super();
    this.#chains = chains;
  }

  override seek(key: Uint8Array, revision: number): void {
    const isThere = this.#locate(key, 0, key.length);
    if (isThere) {
      const version = this.#chains.visibleOf(this.#idHere(), revision);
      if (version !== none) return this.#stand(version);
      this.#slot++;
    }
    this.#forward();
  }

  override seekBefore(key: Uint8Array, revision: number): void {
    const isThere = this.#locate(key, 0, key.length);
    if (isThere) {
      const newer = this.#oldestAbove(this.#idHere(), revision);
      if (newer !== none) return this.#stand(newer);
    }
    this.#backward();
  }

  override first(): void {
    this.#at(0, 0);
    this.#forward();
  }

  override last(): void {
    this.#at(this.#chains.tree.leafCount, 0);
    this.#backward();
  }

  override next(): void {
    if (this.#cuts !== this.#chains.cuts) return this.seek(this.#keyHere(), this.revision - 1);
    const older = this.#chains.olderOf(this.#version);
    if (older !== none) {
      this.#version = older;
      return this.#chains.show(this.#id, older, this);
    }
    this.#relocate();
    this.#slot++;
    this.#forward();
  }

  override previous(): void {
    if (this.#cuts !== this.#chains.cuts) return this.seekBefore(this.#keyHere(), this.revision);
    const newer = this.#chains.newerOf(this.#id, this.#version);
    if (newer !== none) {
      this.#version = newer;
      return this.#chains.show(this.#id, newer, this);
    }
    this.#relocate();
    this.#backward();
  }

  #keyHere(): Uint8Array {
    return this.keyBytes.subarray(this.keyStart, this.keyEnd);
  }

  #idHere(): number {
    return this.#chains.tree.idAt(this.#place, this.#slot);
  }

  #locate(key: Uint8Array, start: number, end: number): boolean {
    const isThere = this.#chains.locate(key, start, end);
    this.#at(this.#chains.tree.place, this.#chains.tree.slot);
    return isThere;
  }

  #at(place: number, slot: number): void {
    this.#place = place;
    this.#slot = slot;
    this.#changes = this.#chains.tree.changes;
  }

  #relocate(): void {
    if (this.#changes !== this.#chains.tree.changes) this.#locate(this.keyBytes, this.keyStart, this.keyEnd);
  }

  /** To the newest version of the first key from here on that has one. */
  #forward(): void {
    const { tree } = this.#chains;
    for (; this.#place < tree.leafCount; this.#place++, this.#slot = 0) {
      for (const count = tree.countAt(this.#place); this.#slot < count; this.#slot++) {
        const head = this.#chains.headOf(this.#idHere());
        if (head !== none) return this.#stand(head);
      }
    }
    this.valid = false;
  }

  /** To the oldest version of the last key before here that has one. */
  #backward(): void {
    const { tree } = this.#chains;
    for (;;) {
      if (this.#slot === 0) {
        if (this.#place === 0) {
          this.valid = false;
          return;
        }
        this.#slot = tree.countAt(--this.#place);
      }
      this.#slot--;
      const oldest = this.#chains.oldestOf(this.#idHere());
      if (oldest !== none) return this.#stand(oldest);
    }
  }

  #stand(version: number): void {
    this.#id = this.#idHere();
    this.#version = version;
    this.#cuts = this.#chains.cuts;
    this.#chains.show(this.#id, version, this);
  }

  /** The oldest version of the key that is above `revision`. */
  #oldestAbove(id: number, revision: number): number {
    const visible = this.#chains.visibleOf(id, revision);
    return visible === none ? this.#chains.oldestOf(id) : this.#chains.newerOf(id, visible);
  }
}
