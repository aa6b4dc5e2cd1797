/** State as spaces of tuples and values, read from the tree at one revision. */
import type { Tuple } from '../bytes/tuple.ts';
import { ValueDecoder } from '../bytes/value-decode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import { placeOf, slotCount, slotOf } from '../ring/slot.ts';
import type { HeldCursor, Tree } from '../storage/tree.ts';
import type { ViewWalk } from '../storage/transaction/view.ts';
import type { VisibleCursor } from '../storage/visible-cursor.ts';
import { KeySpace, slotOfStored } from './key-space.ts';
import { entriesOf, EntriesWalk } from './space-walk.ts';
import type { PlaceEntry, RangeOptions, Reader, ReadSpace, SpaceWalk, SystemEntry } from './transaction.ts';

/** Whose reading it is. */
export interface ReaderOwner {
  /** Looked at by every call. @throws when there is nothing to be read any more. */
  revision(): number;
  /** A walk begins; what this gives is called when it ends. */
  walking(held: HeldCursor): () => void;
}

export class TreeReader implements Reader {
  readonly #tree: Tree;
  readonly #owner: ReaderOwner;
  readonly #decoder: ValueDecoder;

  /** `decoder`: of readers that are made often, one for all, which knows the texts that they meet. */
  constructor(tree: Tree, owner: ReaderOwner, decoder: ValueDecoder = new ValueDecoder()) {
    this.#tree = tree;
    this.#owner = owner;
    this.#decoder = decoder;
  }

  get revision(): number {
    return this.#owner.revision();
  }

  get local(): ReadSpace {
    return this.space(KeySpace.ofLocal());
  }

  at(key: string): ReadSpace {
    const place = placeOf(key);
    return this.space(KeySpace.ofPlace(slotOf(place), place));
  }

  system(name: string, place: string | null): ReadSpace {
    return this.space(place === null ? KeySpace.ofSystem(name) : KeySpace.ofPlaceSystem(slotOf(place), place, name));
  }

  /** One walk over all slots, from one that has some of it to the next. */
  *everywhere(name: string, after?: PlaceEntry): Iterable<SystemEntry> {
    if (after === undefined)
      for (const [key, value] of this.system(name, null).range()) yield { place: null, key, value };
    yield* this.#places(name, after);
  }

  /** One walk over all slots, from one that has some of it to the next. */
  *#places(name: string, after: PlaceEntry | undefined): Iterable<SystemEntry> {
    const held = this.#tree.walk(this.#owner.revision(), { from: null, to: Uint8Array.of(slotCount >> 8, 0) });
    const end = this.#owner.walking(held);
    const { cursor } = held;
    let begun = after;
    try {
      for (let slot = after === undefined ? 0 : slotOf(after.place); slot < slotCount;) {
        const space = KeySpace.ofSlotSystem(slot, name);
        cursor.seek(begun === undefined ? space.key([]) : behind(space.key([begun.place, ...begun.key])));
        begun = undefined;
        for (; cursor.valid && space.has(cursor.keyBytes, cursor.keyStart, cursor.keyEnd); cursor.next()) {
          const [place, ...key] = space.tupleOf(cursor.keyBytes, cursor.keyStart, cursor.keyEnd);
          if (typeof place !== 'string') throw new LockstepError('corrupt', 'a place is a text', { values: { slot } });
          yield { place, key, value: this.#decoder.decode(cursor.valueBytes, cursor.valueStart, cursor.valueEnd) };
          this.#owner.revision();
        }
        if (!cursor.valid) return;
        const next = slotOfStored(cursor.keyBytes, cursor.keyStart);
        slot = next > slot ? next : slot + 1;
      }
    } finally {
      end();
    }
  }

  space(space: KeySpace): ReadSpace {
    return {
      get: (key) => this.#get(space, key),
      range: (options) => entriesOf(() => this.#walk(space, options ?? {})),
      walk: (options) => this.#walk(space, options ?? {}),
    };
  }

  /**
   * The keys of a space where they lie, those behind one, up to another that is included: for who looks at few of what it
   * walks over. What lies behind that is not passed over, however much of it came after this reader's revision.
   */
  *keys(after: Uint8Array, upTo: Uint8Array): Generator<VisibleCursor, void, undefined> {
    const held = this.#tree.walk(this.#owner.revision(), { from: behind(after), to: behind(upTo) });
    const end = this.#owner.walking(held);
    const { cursor } = held;
    try {
      for (cursor.first(); cursor.valid; cursor.next()) yield cursor;
    } finally {
      end();
    }
  }

  #get(space: KeySpace, tuple: Tuple): StoredValue | undefined {
    const revision = this.#owner.revision();
    const { buffer, length } = space.written(tuple);
    const found = this.#tree.find(buffer, 0, length, revision);
    return found === null ? undefined : this.#decoder.decode(found.bytes, found.start, found.end);
  }

  #walk(space: KeySpace, options: RangeOptions): SpaceWalk {
    return new EntriesWalk(space, this.#decoder, options, (bounds, reverse) => {
      const held = this.#tree.walk(this.#owner.revision(), bounds);
      return new OwnedWalk(this.#owner, held, reverse);
    });
  }
}

/** Its owner is asked before each entry. */
class OwnedWalk implements ViewWalk {
  readonly cursor: VisibleCursor;
  readonly end: () => void;
  readonly #owner: ReaderOwner;
  readonly #reverse: boolean;
  #isNew = true;

  constructor(owner: ReaderOwner, held: HeldCursor, reverse: boolean) {
    this.cursor = held.cursor;
    this.end = owner.walking(held);
    this.#owner = owner;
    this.#reverse = reverse;
  }

  next(): boolean {
    const { cursor } = this;
    this.#owner.revision();
    if (this.#isNew) {
      this.#isNew = false;
      if (this.#reverse) cursor.last();
      else cursor.first();
    } else if (this.#reverse) cursor.previous();
    else cursor.next();
    return cursor.valid;
  }
}

/** The first key that there can be after this one. */
function behind(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
