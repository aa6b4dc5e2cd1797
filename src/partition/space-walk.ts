/** Entries of a space, one after the other, where they lie in the tree: `range` makes tuples and values of each. */
import type { KeyPart } from '../bytes/tuple.ts';
import type { ValueDecoder } from '../bytes/value-decode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { ValueParts } from '../bytes/value-parts.ts';
import type { ViewWalk } from '../storage/transaction/view.ts';
import type { KeySpace } from './key-space.ts';
import type { RangeOptions, SpaceEntry, SpaceWalk } from './transaction.ts';

/** Begins a walk over stored keys; null: there can be none between these bounds. */
type Begin = (bounds: { readonly from: Uint8Array; readonly to: Uint8Array }, reverse: boolean) => ViewWalk;

export class EntriesWalk implements SpaceWalk {
  readonly #space: KeySpace;
  readonly #decoder: ValueDecoder;
  readonly #walk: ViewWalk | null;
  /** Of each key, with those of the space. */
  readonly #prefixBytes: number;
  #left: number;

  constructor(space: KeySpace, decoder: ValueDecoder, options: RangeOptions, begin: Begin) {
    this.#space = space;
    this.#decoder = decoder;
    this.#left = options.limit ?? Infinity;
    const bounds = this.#left > 0 ? space.bounds(options) : null;
    this.#prefixBytes = bounds?.prefixBytes ?? 0;
    this.#walk = bounds === null ? null : begin(bounds, options.reverse === true);
  }

  next(): boolean {
    return this.#walk !== null && this.#left-- > 0 && this.#walk.next();
  }

  key(): KeyPart[] {
    const { keyBytes, keyStart, keyEnd } = this.#cursor;
    return this.#space.tupleOf(keyBytes, keyStart, keyEnd, this.#decoder.texts);
  }

  rest(): KeyPart[] {
    const { keyBytes, keyStart, keyEnd } = this.#cursor;
    return this.#space.restOf(keyBytes, keyStart + this.#prefixBytes, keyEnd, this.#decoder.texts);
  }

  value(): StoredValue {
    const { valueBytes, valueStart, valueEnd } = this.#cursor;
    return this.#decoder.decode(valueBytes, valueStart, valueEnd);
  }

  parts(): ValueParts {
    const { valueBytes, valueStart, valueEnd } = this.#cursor;
    return this.#decoder.begin(valueBytes, valueStart, valueEnd);
  }

  end(): void {
    this.#walk?.end();
  }

  get #cursor(): ViewWalk['cursor'] {
    return (this.#walk as ViewWalk).cursor; // `next` has said that there is an entry
  }
}

/** As `ReadSpace.range`: nothing is held before the first entry is asked for. */
export function* entriesOf(begin: () => SpaceWalk): Generator<SpaceEntry, void, undefined> {
  const walk = begin();
  try {
    while (walk.next()) yield [walk.key(), walk.value()];
  } finally {
    walk.end();
  }
}
