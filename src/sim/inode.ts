import type { SeededRandom } from '../kernel/random.ts';

/**
 * The bytes of one file, twice: as reads see them (the page cache) and as they are on the platter, with the changes
 * in between in their order. A sync moves changes over; power loss moves any subset of them, torn at sectors; a
 * failed sync forgets them, though reads still show them until the restart.
 */
export const sectorBytes = 512;

type Change =
  | { readonly kind: 'write'; readonly order: number; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly order: number; readonly size: number };

/** Bytes that grow. */
class Extent {
  #bytes: Uint8Array = new Uint8Array(0);
  size = 0;

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.size - position));
    into.set(this.#bytes.subarray(position, position + count));
    return count;
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    this.#reserve(end);
    this.#bytes.set(bytes, position);
    this.size = Math.max(this.size, end);
  }

  truncate(size: number): void {
    this.#reserve(size);
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }

  flip(position: number, mask: number): void {
    if (position < this.size) this.#bytes[position] = (this.#bytes[position] as number) ^ mask;
  }

  copyFrom(other: Extent): void {
    this.#bytes = other.#bytes.slice(0, other.size);
    this.size = other.size;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.size);
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(size, this.#bytes.length * 2, 256));
    grown.set(this.#bytes.subarray(0, this.size));
    this.#bytes = grown;
  }
}

export class Inode {
  readonly #cached = new Extent();
  readonly #durable = new Extent();
  #changes: Change[] = [];
  #order = 0;

  get size(): number {
    return this.#cached.size;
  }

  /** The order of the newest change: what a sync that starts now covers. */
  get newest(): number {
    return this.#order;
  }

  /** Whether unsynced changes up to `order` make the file larger than it is on the platter. */
  growsUpTo(order: number): boolean {
    return this.#changes.some((change) => change.order <= order && endOf(change) > this.#durable.size);
  }

  read(into: Uint8Array, position: number): number {
    return this.#cached.read(into, position);
  }

  write(bytes: Uint8Array, position: number): void {
    this.#cached.write(bytes, position);
    this.#changes.push({ kind: 'write', order: ++this.#order, position, bytes: bytes.slice() });
  }

  truncate(size: number): void {
    this.#cached.truncate(size);
    this.#changes.push({ kind: 'truncate', order: ++this.#order, size });
  }

  syncUpTo(order: number): void {
    for (const change of this.#changes) if (change.order <= order) apply(this.#durable, change);
    this.#changes = this.#changes.filter((change) => change.order > order);
  }

  /** A sync that failed: any part of the changes is on the platter, and none will ever be written again. */
  loseUpTo(order: number, random: SeededRandom): void {
    const lost = this.#changes.filter((change) => change.order <= order);
    this.#changes = this.#changes.filter((change) => change.order > order);
    keepSome(this.#durable, lost, random);
  }

  losePower(random: SeededRandom): void {
    keepSome(this.#durable, this.#changes, random);
    this.#changes = [];
    this.#cached.copyFrom(this.#durable);
  }

  rot(position: number, mask: number): void {
    this.#durable.flip(position, mask);
    this.#cached.flip(position, mask);
  }

  /** What is on the platter, for checks from outside. */
  durableBytes(): Uint8Array {
    return this.#durable.bytes();
  }
}

const endOf = (change: Change): number =>
  change.kind === 'write' ? change.position + change.bytes.length : change.size;

function apply(extent: Extent, change: Change): void {
  if (change.kind === 'write') extent.write(change.bytes, change.position);
  else extent.truncate(change.size);
}

/** One draw decides how: nothing, everything, a beginning with its last write torn, or any sectors of any writes. */
function keepSome(durable: Extent, changes: readonly Change[], random: SeededRandom): void {
  const how = random.pick(['none', 'all', 'beginning', 'any', 'any'] as const);
  if (how === 'none') return;
  if (how === 'any') {
    for (const change of changes) keepSectors(durable, change, () => random.chance(0.5));
    return;
  }
  const whole = how === 'all' ? changes.length : random.below(changes.length + 1);
  for (const change of changes.slice(0, whole)) apply(durable, change);
  const torn = changes[whole];
  if (torn === undefined) return;
  let keeping = true;
  keepSectors(durable, torn, () => (keeping &&= random.chance(0.7)));
}

function keepSectors(durable: Extent, change: Change, keeps: () => boolean): void {
  if (change.kind === 'truncate') {
    if (keeps()) durable.truncate(change.size);
    return;
  }
  const end = change.position + change.bytes.length;
  for (let from = change.position; from < end;) {
    const to = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
    if (keeps()) durable.write(change.bytes.subarray(from - change.position, to - change.position), from);
    from = to;
  }
}
