/** What a tree must hold: every state since the beginning, by revision; and what readers of it are compared with. */
import type { World } from 'lockstep/sim';
import { WriteBatch } from '../../../src/storage/write-batch.ts';

export type State = ReadonlyMap<string, string>;

export type Write =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'deleteRange'; readonly from: string; readonly to: string };

/** Bounds of a walk: from `from` on, before `to`. */
export interface Bounds {
  readonly from: string | null;
  readonly to: string | null;
}

export type Pair = readonly [key: string, value: string];

const encoder = new TextEncoder();
const decoder = new TextDecoder();
export const encoded = (text: string): Uint8Array => encoder.encode(text);
export const decoded = (bytes: Uint8Array): string => decoder.decode(bytes);

const keyCount = 60;
/** The first are written so often that one of them has many versions in a table. */
const hotCount = 3;

export const keyOf = (number: number): string => `key/${String(number).padStart(3, '0')}`;

export function randomKey({ random }: World): string {
  return keyOf(random.chance(0.25) ? 20 * random.below(hotCount) : random.below(keyCount));
}

export function randomBounds(world: World): Bounds {
  const { random } = world;
  const [a, b] = [keyOf(random.below(keyCount)), keyOf(random.below(keyCount))].toSorted() as [string, string];
  return { from: random.chance(0.3) ? a : null, to: random.chance(0.3) ? b : null };
}

export function randomWrites(world: World, writesMax = 8): readonly Write[] {
  const { random } = world;
  return Array.from({ length: 1 + random.below(writesMax) }, (): Write => {
    const key = randomKey(world);
    if (random.chance(0.2)) return { kind: 'delete', key };
    if (random.chance(0.04)) {
      const at = random.below(keyCount - 1);
      return { kind: 'deleteRange', from: keyOf(at), to: keyOf(at + 1 + random.below(keyCount - at)) };
    }
    const value = `${world.random.uint32()}`.padEnd(random.chance(0.1) ? random.below(300) : random.below(40), '.');
    return { kind: 'put', key, value };
  });
}

export function batchOf(writes: readonly Write[]): WriteBatch {
  const batch = new WriteBatch();
  for (const write of writes) {
    if (write.kind === 'put') batch.put(encoded(write.key), encoded(write.value));
    else if (write.kind === 'delete') batch.delete(encoded(write.key));
    else batch.deleteRange(encoded(write.from), encoded(write.to));
  }
  return batch;
}

export function written(state: State, writes: readonly Write[]): State {
  if (writes.length === 0) return state;
  const next = new Map(state);
  for (const write of writes) {
    if (write.kind === 'put') next.set(write.key, write.value);
    else if (write.kind === 'delete') next.delete(write.key);
    else for (const key of [...next.keys()]) if (key >= write.from && key < write.to) next.delete(key);
  }
  return next;
}

/** In order of the keys. */
export const pairsOf = (state: State, { from, to }: Bounds): readonly Pair[] =>
  [...state].filter(([key]) => (from === null || key >= from) && (to === null || key < to)).toSorted(byKey);

const byKey = ([a]: Pair, [b]: Pair): number => (a < b ? -1 : 1);

export class TreeHistory {
  /** At index 0: before the first revision. */
  readonly #states: State[] = [new Map()];
  readonly #firstRevision: number;

  constructor(firstRevision: number) {
    this.#firstRevision = firstRevision;
  }

  /** The newest one. */
  get revision(): number {
    return this.#firstRevision + this.#states.length - 2;
  }

  /** Above the newest revision nothing has changed. */
  at(revision: number): State {
    const { length } = this.#states;
    return this.#states[Math.min(length - 1, Math.max(0, revision - this.#firstRevision + 1))] as State;
  }

  push(writes: readonly Write[]): void {
    this.#states.push(written(this.at(this.revision), writes));
  }

  cutAfter(revision: number): void {
    this.#states.length = Math.max(1, revision - this.#firstRevision + 2);
  }
}

/** Something to read at one revision. */
export interface View {
  get(key: Uint8Array): Uint8Array | undefined;
  /** All of it, in this direction. */
  pairs(bounds: Bounds, reverse: boolean): Iterable<readonly [Uint8Array, Uint8Array]>;
}

/** Null when the view shows this state; else what is wrong, in words. */
export function difference(world: World, view: View, state: State): string | null {
  const reverse = world.random.chance(0.5);
  const bounds = world.random.chance(0.5) ? { from: null, to: null } : randomBounds(world);
  const expected = pairsOf(state, bounds);
  const pairs = reverse ? expected.toReversed() : expected;
  let at = 0;
  for (const [key, value] of view.pairs(bounds, reverse)) {
    const found = differs(pairs[at++], key, value);
    if (found !== null) return `a walk ${reverse ? 'back' : 'forth'} ${found}`;
  }
  if (at < pairs.length) return `a walk ${reverse ? 'back' : 'forth'} ends before ${pairs[at]?.[0]}`;
  for (let count = 0; count < 4; count++) {
    const key = randomKey(world);
    const found = view.get(encoded(key));
    if ((found && decoded(found)) !== state.get(key))
      return `${key} is ${found && decoded(found)}, not ${state.get(key)}`;
  }
  return null;
}

export function differs(expected: Pair | undefined, key: Uint8Array, value: Uint8Array): string | null {
  const found = `${decoded(key)}: ${decoded(value)}`;
  if (expected === undefined) return `finds ${found} where nothing is`;
  return found === `${expected[0]}: ${expected[1]}` ? null : `finds ${found} in place of ${expected.join(': ')}`;
}
