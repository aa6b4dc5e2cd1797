/**
 * The spaces that were used lately, so that their prefixes are encoded once. One user at a time: all of them write into
 * one buffer.
 */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import { slotOf } from '../ring/slot.ts';
import { KeySpace, keyWriter } from './key-space.ts';

/**
 * So many of one kind, each where its slot says, until another of that slot takes its place. Few, since where there are many
 * places most spaces are used once: what is kept until it is old costs the collector more than it costs to make it again.
 */
const recentMax = 256;

export class KeySpaces {
  readonly #writer: ByteWriter = keyWriter();
  readonly local: KeySpace = KeySpace.ofLocal();
  readonly #places = new Recent((slot, place) => KeySpace.ofPlace(slot, place, this.#writer));
  /** By name, as `#placeSystems`: as many as the product has. */
  readonly #systems = new Map<string, KeySpace>();
  readonly #placeSystems = new Map<string, Recent>();

  /** @throws LockstepError `invalid` for a name that is not well-formed, as the others. */
  ofPlace(place: string): KeySpace {
    return this.#places.of(place);
  }

  ofSystem(name: string): KeySpace {
    const known = this.#systems.get(name);
    if (known !== undefined) return known;
    const space = KeySpace.ofSystem(name, this.#writer);
    this.#systems.set(name, space);
    return space;
  }

  ofPlaceSystem(place: string, name: string): KeySpace {
    const known = this.#placeSystems.get(name);
    if (known !== undefined) return known.of(place);
    const recent = new Recent((slot, of) => KeySpace.ofPlaceSystem(slot, of, name, this.#writer));
    this.#placeSystems.set(name, recent);
    return recent.of(place);
  }
}

class Recent {
  readonly #make: (slot: number, place: string) => KeySpace;
  readonly #names: string[] = [];
  readonly #spaces: KeySpace[] = [];

  constructor(make: (slot: number, place: string) => KeySpace) {
    this.#make = make;
  }

  of(place: string): KeySpace {
    const slot = slotOf(place);
    const at = slot % recentMax;
    const known = this.#names[at] === place ? this.#spaces[at] : undefined;
    if (known !== undefined) return known;
    const made = this.#make(slot, place);
    this.#names[at] = place;
    this.#spaces[at] = made;
    return made;
  }
}
