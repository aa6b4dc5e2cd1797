/** Versions of keys as plain data, made at random, and what memtables and cursors show as text to compare. */
import { compareBytes } from '../../src/bytes/compare.ts';
import { hash128 } from '../../src/bytes/hash.ts';
import type { SeededRandom } from '../../src/kernel/random.ts';
import type { EntryCursor } from '../../src/storage/entry-cursor.ts';
import type { Memtable } from '../../src/storage/memtable.ts';

export interface Version {
  readonly key: Uint8Array;
  readonly revision: number;
  readonly value: Uint8Array | null;
}

const words = new Uint32Array(4);
export function hashOf(key: Uint8Array): number {
  hash128(words, key);
  return (words[0] as number) | 0;
}

export const inOrder = (a: Version, b: Version): number => compareBytes(a.key, b.key) || b.revision - a.revision;

export function put(table: Memtable, { key, revision, value }: Version, floor = -1): void {
  if (value === null) table.delete(revision, hashOf(key), key, 0, key.length, floor);
  else table.put(revision, hashOf(key), key, 0, key.length, value, 0, value.length, floor);
}

export const shown = (cursor: EntryCursor): Version => ({
  key: cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd),
  revision: cursor.revision,
  value: cursor.isDelete ? null : cursor.valueBytes.slice(cursor.valueStart, cursor.valueEnd),
});

export const plain = (version: Version | undefined) =>
  version && [[...version.key].join('.'), version.revision, version.value && [...version.value].join('.')].join(' ');

export function walk(cursor: EntryCursor, step: 'next' | 'previous', from: 'first' | 'last'): (string | undefined)[] {
  const seen: (string | undefined)[] = [];
  for (cursor[from](); cursor.valid; cursor[step]()) seen.push(plain(shown(cursor)));
  return seen;
}

/** Short keys of few letters, so that there are prefixes, ties and long ones alike. */
export function randomKey(random: SeededRandom): Uint8Array {
  const key = new Uint8Array(random.chance(0.3) ? 6 + random.below(6) : random.below(5));
  for (let at = 0; at < key.length; at++) key[at] = random.pick([0, 1, 97, 98, 255]);
  return key;
}

export function randomVersion(random: SeededRandom, revision: number): Version {
  const value = new Uint8Array(random.chance(0.1) ? 200 : random.below(9)).fill(random.below(256));
  return { key: randomKey(random), revision, value: random.chance(0.2) ? null : value };
}

/** Every version of a key and revision once: the last one written. */
export function model(versions: readonly Version[]): Version[] {
  const last = new Map(versions.map((one) => [`${[...one.key].join('.')} ${one.revision}`, one]));
  return [...last.values()].toSorted(inOrder);
}
