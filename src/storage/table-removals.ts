/**
 * Files of tables that no set of tables has any more: they are removed in the background, since freeing blocks takes time. What
 * could not be removed is counted, and tried again when the tree is next opened.
 */
import type { Disk } from '../env/disk.ts';
import { asError } from '../kernel/errors.ts';

export class TableRemovals {
  readonly #disk: Pick<Disk, 'remove'>;
  readonly #underWay = new Set<Promise<void>>();
  #failedCount = 0;
  #failure: string | null = null;

  constructor(disk: Pick<Disk, 'remove'>) {
    this.#disk = disk;
  }

  /** Files that are still there though no table needs them. */
  get failedCount(): number {
    return this.#failedCount;
  }

  /** Why the last of them is; null: none is. */
  get failure(): string | null {
    return this.#failure;
  }

  begin(path: string): void {
    const removal = this.#remove(path).finally(() => this.#underWay.delete(removal));
    this.#underWay.add(removal);
  }

  /** When none is under way. */
  async ended(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#disk.remove(path);
    } catch (error) {
      this.#failedCount++;
      this.#failure = asError(error).message;
    }
  }
}
