/**
 * Claims: an epoch belongs to whoever created its file. A claim fences all older ones in the moment in which its name
 * is there, durable or not. Only the newest matters; older ones are removed oldest first, so that whoever finds its
 * own claim and not the next one was not overtaken (claim-protocol.int.test.ts explores this completely).
 */
import type { Disk } from '../env/disk.ts';
import { epoch, nextEpoch } from './coordinates.ts';
import { claimName, join, listOpenLog } from './file-format.ts';
import type { Epoch } from './port.ts';

export class Claims {
  readonly #disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** The newest epoch that was claimed; 0 when none is. */
  newest(): Epoch {
    return listOpenLog(this.#disk, this.#directory).claims.at(-1) ?? epoch(0);
  }

  /** Claims the next epoch. From here on no older one acknowledges anything. `onClaimed` runs in that very moment. */
  async claim(onClaimed: (claimed: Epoch) => void): Promise<Epoch> {
    for (;;) {
      const { claims, epochs } = listOpenLog(this.#disk, this.#directory);
      const claimed = epoch(Math.max(0, claims.at(-1) ?? 0, epochs.at(-1) ?? 0) + 1);
      const file = this.#disk.open(this.#path(claimed), 'create');
      if (file === null) continue; // somebody was faster
      file.close();
      onClaimed(claimed);
      await this.#disk.syncDirectory(this.#directory);
      for (const older of claims) await this.#disk.remove(this.#path(older));
      return claimed;
    }
  }

  /**
   * Whether nobody has claimed a newer epoch: a fresh look. The next claim first, then the own one: were it the other
   * way round, both could be removed in between.
   */
  leads(of: Epoch): boolean {
    if (this.#disk.stat(this.#path(nextEpoch(of))) !== null) return false;
    return this.#disk.stat(this.#path(of)) !== null;
  }

  #path(of: Epoch): string {
    return join(this.#directory, claimName(of));
  }
}
