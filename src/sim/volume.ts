import type { SeededRandom } from '../kernel/random.ts';
import type { Inode } from './inode.ts';

/**
 * A machine's disk: a tree of names over inodes, again twice. Names change in memory at once and on the platter when
 * their directory is synced; power loss keeps any subset of the changes since, each rename whole. Faults are set here:
 * by the weather, or by a scenario through `World.disk`.
 */
export type Entry = Inode | 'directory';

type NameChange =
  | {
      readonly kind: 'set';
      readonly order: number;
      readonly directory: string;
      readonly path: string;
      readonly entry: Entry;
    }
  | { readonly kind: 'remove'; readonly order: number; readonly directory: string; readonly path: string }
  | {
      readonly kind: 'rename';
      readonly order: number;
      readonly directory: string;
      readonly path: string;
      readonly from: string;
      readonly entry: Entry;
    };

type NewNameChange = NameChange extends infer Change
  ? Change extends NameChange
    ? Omit<Change, 'order'>
    : never
  : never;

/** When a disk without space says so: as soon as a file grows, or only when it is synced (delayed allocation). */
export type FullAt = 'write' | 'sync';

export class Volume {
  readonly #random: SeededRandom;
  readonly #names = new Map<string, Entry>();
  readonly #durableNames = new Map<string, Entry>();
  /** What `children` gave, until a name in that directory changes: directories are listed far more often than changed. */
  readonly #listed = new Map<string, readonly (readonly [string, Entry])[]>();
  #changes: NameChange[] = [];
  #order = 0;
  /** Null: there is space. */
  fullAt: FullAt | null = null;
  /** How many of the next syncs fail. */
  syncFailures = 0;
  /** Chance that a sync fails. */
  syncFailChance = 0;
  /** How much slower than usual the disk is. */
  slowness = 1;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get random(): SeededRandom {
    return this.#random;
  }

  entry(path: string): Entry | undefined {
    return path === '' ? 'directory' : this.#names.get(path);
  }

  /** Names directly below the directory, sorted. */
  children(directory: string): readonly (readonly [string, Entry])[] {
    const known = this.#listed.get(directory);
    if (known !== undefined) return known;
    const found = this.#findChildren(directory);
    this.#listed.set(directory, found);
    return found;
  }

  #findChildren(directory: string): readonly (readonly [string, Entry])[] {
    const prefix = directory === '' ? '' : `${directory}/`;
    const found: [string, Entry][] = [];
    for (const [path, entry] of this.#names) {
      if (!path.startsWith(prefix)) continue;
      const name = path.slice(prefix.length);
      if (!name.includes('/')) found.push([name, entry]);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  set(path: string, entry: Entry): void {
    this.#names.set(path, entry);
    this.#change({ kind: 'set', directory: parentOf(path), path, entry });
  }

  remove(path: string): void {
    this.#names.delete(path);
    this.#change({ kind: 'remove', directory: parentOf(path), path });
  }

  rename(from: string, to: string, entry: Entry): void {
    this.#names.delete(from);
    this.#names.set(to, entry);
    this.#listed.delete(parentOf(from));
    this.#change({ kind: 'rename', directory: parentOf(to), path: to, from, entry });
  }

  get newest(): number {
    return this.#order;
  }

  syncNames(directory: string, order: number): void {
    const covered = (change: NameChange) => change.directory === directory && change.order <= order;
    for (const change of this.#changes) if (covered(change)) applyName(this.#durableNames, change);
    this.#changes = this.#changes.filter((change) => !covered(change));
  }

  /** Drawn once a sync; says whether this one fails. */
  nextSyncFails(): boolean {
    if (this.syncFailures > 0) {
      this.syncFailures--;
      return true;
    }
    return this.syncFailChance > 0 && this.#random.chance(this.syncFailChance);
  }

  losePower(): void {
    for (const change of this.#changes) if (this.#random.chance(0.5)) applyName(this.#durableNames, change);
    this.#changes = [];
    for (const path of [...this.#durableNames.keys()].sort()) {
      const parent = parentOf(path);
      if (parent !== '' && this.#durableNames.get(parent) !== 'directory') this.#durableNames.delete(path);
    }
    this.#names.clear();
    this.#listed.clear();
    for (const [path, entry] of this.#durableNames) this.#names.set(path, entry);
    const files = new Set([...this.#durableNames.values()].filter((entry) => entry !== 'directory'));
    for (const file of files) file.losePower(this.#random);
  }

  /** Flips one bit of what is stored, in a file that has bytes; where, for the record. Null when there is none. */
  rot(path: string | null, position: number | null): { readonly path: string; readonly position: number } | null {
    const files = [...this.#names]
      .filter((pair): pair is [string, Inode] => pair[1] !== 'directory' && pair[1].size > 0)
      .filter(([name]) => path === null || name === path)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (files.length === 0) return null;
    const [name, file] = this.#random.pick(files);
    const at = position ?? this.#random.below(file.size);
    file.rot(at, 1 << this.#random.below(8));
    return { path: name, position: at };
  }

  /** What would be found after losing everything unsynced; null when there would be no such file. */
  durableBytes(path: string): Uint8Array | null {
    const entry = this.#durableNames.get(path);
    return entry === undefined || entry === 'directory' ? null : entry.durableBytes();
  }

  #change(change: NewNameChange): void {
    this.#listed.delete(change.directory);
    this.#changes.push({ ...change, order: ++this.#order });
  }
}

function applyName(names: Map<string, Entry>, change: NameChange): void {
  if (change.kind === 'remove') names.delete(change.path);
  else names.set(change.path, change.entry);
  if (change.kind === 'rename') names.delete(change.from);
}

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
