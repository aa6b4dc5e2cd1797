/**
 * The spaces that were used lately, so that their prefixes are encoded once. One user at a time: all of them write into
 * one buffer.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { slotOf } from '../ring/slot.ts';
import { KeySpace, keyWriter } from './key-space.ts';

/**
 * So many of one kind; then all of them are made anew as they are needed. Few, since where there are many places most
 * spaces are used once: what is kept until it is old costs the collector more than it costs to make it again.
 */
const recentMax = 256;

export class KeySpaces {
  readonly #writer: ByteWriter = keyWriter();
  readonly local: KeySpace = KeySpace.ofLocal();
  readonly #places = new Recent();
  readonly #systems = new Recent();
  /** By name, then by place. */
  readonly #placeSystems = new Map<string, Recent>();

  /** @throws LockstepError `invalid` for a name that is not well-formed, as the others. */
  ofPlace(place: string): KeySpace {
    return this.#places.get(place) ?? this.#places.keep(place, KeySpace.ofPlace(slotOf(place), place, this.#writer));
  }

  ofSystem(name: string): KeySpace {
    return this.#systems.get(name) ?? this.#systems.keep(name, KeySpace.ofSystem(name, this.#writer));
  }

  ofPlaceSystem(place: string, name: string): KeySpace {
    let spaces = this.#placeSystems.get(name);
    if (spaces === undefined) this.#placeSystems.set(name, (spaces = new Recent()));
    return spaces.get(place) ?? spaces.keep(place, KeySpace.ofPlaceSystem(slotOf(place), place, name, this.#writer));
  }
}

class Recent {
  #spaces = new Map<string, KeySpace>();

  get(name: string): KeySpace | undefined {
    return this.#spaces.get(name);
  }

  keep(name: string, made: KeySpace): KeySpace {
    // Not `clear`: V8's tables lead from each to the one after it, so that one that is old keeps all later ones.
    if (this.#spaces.size >= recentMax) this.#spaces = new Map();
    this.#spaces.set(name, made);
    return made;
  }
}
