/**
 * The spaces that were used lately, so that their prefixes are encoded once. One user at a time: a space encodes one key
 * at a time.
 */
import { slotOf } from '../ring/slot.ts';
import { KeySpace } from './key-space.ts';

/** So many of one kind; then all of them are made anew as they are needed. */
const recentMax = 8_192;

export class KeySpaces {
  readonly local: KeySpace = KeySpace.ofLocal();
  readonly #places = new Map<string, KeySpace>();
  readonly #systems = new Map<string, KeySpace>();
  /** By name, then by place. */
  readonly #placeSystems = new Map<string, Map<string, KeySpace>>();

  /** @throws LockstepError `invalid` for a name that is not well-formed, as the others. */
  ofPlace(place: string): KeySpace {
    return this.#places.get(place) ?? kept(this.#places, place, KeySpace.ofPlace(slotOf(place), place));
  }

  ofSystem(name: string): KeySpace {
    return this.#systems.get(name) ?? kept(this.#systems, name, KeySpace.ofSystem(name));
  }

  ofPlaceSystem(place: string, name: string): KeySpace {
    const spaces = this.#placeSystems.get(name) ?? kept(this.#placeSystems, name, new Map<string, KeySpace>());
    return spaces.get(place) ?? kept(spaces, place, KeySpace.ofPlaceSystem(slotOf(place), place, name));
  }
}

function kept<T>(all: Map<string, T>, name: string, made: T): T {
  if (all.size >= recentMax) all.clear();
  all.set(name, made);
  return made;
}
