/** Tables of versions at random on a simulated disk, and what a reader must find in them. */
import { compareBytes } from '../../src/bytes/compare.ts';
import type { Disk } from '../../src/env/disk.ts';
import type { Env } from '../../src/env/env.ts';
import type { SeededRandom } from '../../src/kernel/random.ts';
import { simulate } from '../../src/sim/simulate.ts';
import { EntryCursor, type RangeTombstone } from '../../src/storage/entry-cursor.ts';
import { FoundVersion } from '../../src/storage/found-version.ts';
import { keyHash } from '../../src/storage/key-hash.ts';
import { TableBuilder, type TableBuilderOptions } from '../../src/storage/table-builder.ts';
import type { TableProperties } from '../../src/storage/table-properties.ts';
import type { Table } from '../../src/storage/table.ts';
import { inOrder, plain, randomKey, type Version } from './versions.ts';

/** Stands on one version after another: feeds builders, and says where other cursors must stand. */
export class ListCursor extends EntryCursor {
  readonly #versions: readonly Version[];
  #at = -1;

  constructor(versions: readonly Version[]) {
    super();
    this.#versions = versions;
  }

  override first(): void {
    this.#moveTo(0);
  }

  override last(): void {
    this.#moveTo(this.#versions.length - 1);
  }

  override next(): void {
    this.#moveTo(this.#at + 1);
  }

  override previous(): void {
    this.#moveTo(this.#at - 1);
  }

  override seek(key: Uint8Array, revision: number): void {
    const at = this.#versions.findIndex((one) => !isBefore(one, key, revision));
    this.#moveTo(at === -1 ? this.#versions.length : at);
  }

  override seekBefore(key: Uint8Array, revision: number): void {
    this.#moveTo(this.#versions.findLastIndex((one) => isBefore(one, key, revision)));
  }

  #moveTo(at: number): void {
    const version = this.#versions[at];
    this.#at = at;
    this.valid = version !== undefined;
    if (version === undefined) return;
    // In the midst of other bytes, as keys of memtables are.
    this.keyBytes = Uint8Array.of(7, 7, ...version.key, 255, 0);
    this.keyStart = 2;
    this.keyEnd = 2 + version.key.length;
    this.revision = version.revision;
    this.isDelete = version.value === null;
    this.valueBytes = version.value ?? new Uint8Array(0);
    this.valueEnd = this.valueBytes.length;
  }
}

function isBefore(one: Version, key: Uint8Array, revision: number): boolean {
  const order = compareBytes(one.key, key);
  return order < 0 || (order === 0 && one.revision > revision);
}

/** Which keys and values a table gets: few long histories, or many keys; short values, or some larger than a block. */
export function randomVersions(random: SeededRandom): Version[] {
  const keyCount = 1 + random.below(random.pick([2, 20, 150]));
  const versionCount = random.pick([1, 2, 20]);
  const isLong = random.chance(0.2);
  const prefix = random.chance(0.3) ? new Uint8Array(random.below(200)).fill(97) : new Uint8Array(0);
  const versions = new Map<string, Version>();
  for (let count = 0; count < keyCount; count++) {
    const key = Uint8Array.of(...prefix, ...randomKey(random));
    for (let of = random.below(versionCount) + 1; of > 0; of--) {
      const revision = random.below(random.pick([10, 5_000])) + (random.chance(0.02) ? 2 ** 40 : 0);
      const valueBytes = isLong && random.chance(0.1) ? random.below(9_000) : random.below(20);
      const value = Uint8Array.from({ length: valueBytes }, () => random.below(256));
      versions.set(`${[...key].join('.')} ${revision}`, { key, revision, value: random.chance(0.2) ? null : value });
    }
  }
  return [...versions.values()].toSorted(inOrder);
}

export async function inWorld(body: (env: Env) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, weather: 'calm', twice: false }, (world) => world.run('machine', (env) => body(env)));
}

export async function buildTable(
  disk: Disk,
  path: string,
  versions: readonly Version[],
  options: TableBuilderOptions,
  ranges: readonly RangeTombstone[] = [],
): Promise<TableProperties> {
  const file = disk.open(path, 'create');
  if (file === null) throw new Error('the name is free');
  const builder = new TableBuilder(file, options);
  const cursor = new ListCursor(versions);
  for (const range of ranges) builder.addRangeTombstone(range);
  for (cursor.first(); cursor.valid; cursor.next()) builder.add(cursor);
  const properties = builder.finish();
  await file.sync();
  file.close();
  return properties;
}

export function foundIn(table: Table, key: Uint8Array, revision: number): string | undefined {
  const found = new FoundVersion();
  if (!table.find(key, 0, key.length, keyHash(key, 0, key.length), revision, found)) return undefined;
  const value = found.isDelete ? null : found.bytes.slice(found.start, found.end);
  return plain({ key, revision: found.revision, value });
}

/** By the definition: of the versions of the key the newest that is not above the revision. */
export const foundBy = (versions: readonly Version[], key: Uint8Array, revision: number): string | undefined =>
  plain(versions.find((one) => compareBytes(one.key, key) === 0 && one.revision <= revision));
