/**
 * Where a replica's tree is. At first it is in `tables`; one that came as a checkpoint is in `state-N/tables`, and the
 * file `current` says which it is. That file is replaced as a whole, so that after a crash the replica is the one or the
 * other; whatever is not current is taken away.
 */
import type { Disk } from '../../env/disk.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { syncUpwards } from '../../env/path.ts';
import { manifestName } from '../../storage/manifest.ts';
import { journalIn, tablesIn } from '../../storage/tree-places.ts';

const currentName = 'current';
const draftName = 'current.new';
const currentBytesMax = 32;

export class StateDirectory {
  readonly #disk: Disk;
  readonly #directory: string;
  #number: number;

  /** @throws LockstepError `corrupt`; `disk-failed`. */
  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
    this.#number = this.#readCurrent();
  }

  /** Where the tables of the tree are. */
  get tables(): string {
    return tablesIn(this.#treeOf(this.#number));
  }

  /** Nothing was ever made here that came to its end. */
  get isEmpty(): boolean {
    return this.#number === 0 && this.#disk.stat(`${this.tables}/${manifestName}`) === null;
  }

  /** Where the next tree is to be made; `switchTo` it then. */
  get next(): { readonly number: number; readonly tree: string } {
    return { number: this.#number + 1, tree: this.#treeOf(this.#number + 1) };
  }

  /** The tree of that number, which is whole and durable, is the replica from here on. */
  async switchTo(number: number): Promise<void> {
    const draft = `${this.#directory}/${draftName}`;
    await this.#disk.remove(draft);
    const file = this.#disk.open(draft, 'create');
    if (file === null) throw new LockstepError('in-use', 'another process writes here', { values: { path: draft } });
    try {
      file.write(new TextEncoder().encode(`${number}\n`), 0);
      await file.sync();
    } finally {
      file.close();
    }
    this.#disk.rename(draft, this.#path);
    await syncUpwards(this.#disk, this.#directory);
    this.#number = number;
  }

  /** Takes away all trees that are not current, and what is left of those that were not finished. */
  async clearOthers(): Promise<void> {
    // What `current` says may be a name that a crash left in memory alone: it is to stay before anything goes.
    if (this.#number > 0) await syncUpwards(this.#disk, this.#directory);
    for (const { name } of this.#disk.list(this.#directory) ?? []) {
      const number = Number(/^state-(\d{1,15})$/.exec(name)?.[1] ?? Number.NaN);
      if (number >= 0 && number !== this.#number) await this.#clear(this.#treeOf(number));
    }
    if (this.#number > 0) await this.#clear(this.#directory);
  }

  async #clear(tree: string): Promise<void> {
    for (const part of [journalIn(tree).directory, tablesIn(tree)]) {
      for (const { name } of this.#disk.list(part) ?? []) await this.#disk.remove(`${part}/${name}`);
      await this.#disk.remove(part);
    }
    if (tree !== this.#directory) await this.#disk.remove(tree);
  }

  get #path(): string {
    return `${this.#directory}/${currentName}`;
  }

  #treeOf(number: number): string {
    return number === 0 ? this.#directory : `${this.#directory}/state-${number}`;
  }

  #readCurrent(): number {
    const file = this.#disk.list(this.#directory) === null ? null : this.#disk.open(this.#path, 'read');
    if (file === null) return 0;
    const bytes = new Uint8Array(currentBytesMax);
    try {
      const text = new TextDecoder().decode(bytes.subarray(0, file.read(bytes, 0)));
      const [, digits] = /^([1-9]\d{0,14})\n$/.exec(text) ?? [];
      if (digits !== undefined) return Number(digits);
    } finally {
      file.close();
    }
    throw new LockstepError('corrupt', 'the file that says which state is current is not what was written', {
      values: { path: this.#path, offset: 0 },
      advice: ['restore the directory from a checkpoint or a replica; nothing was overwritten'],
    });
  }
}
