/**
 * Claims: an epoch belongs to whoever created its file. A claim fences all older ones in the moment in which its name
 * is there, durable or not. Only the newest matters; older ones are removed oldest first, so that whoever finds its
 * own claim and not the next one was not overtaken (test/sim/claim-protocol.test.ts explores this completely).
 *
 * A claim is a second name of the one before it, so that it cannot be made once that one is gone: whoever was stopped
 * between looking and claiming, while others claimed and tidied up, would else revive a number that is long past.
 */
import type { Disk } from '../env/disk.ts';
import { epoch, nextEpoch } from './coordinates.ts';
import { claimName, join, listOpenLog } from './file-format.ts';
import type { Epoch } from './port.ts';

export class Claims {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #mayClaim: (() => void) | null;

  /** `mayClaim` throws when this process is to claim nothing any more. */
  constructor(disk: Disk, directory: string, mayClaim: (() => void) | null) {
    this.#disk = disk;
    this.#directory = directory;
    this.#mayClaim = mayClaim;
  }

  /** The newest epoch that was claimed; 0 when none is. */
  newest(): Epoch {
    return listOpenLog(this.#disk, this.#directory).claims.at(-1) ?? epoch(0);
  }

  /** Claims the next epoch. From here on no older one acknowledges anything. `onClaimed` runs in that very moment. */
  async claim(onClaimed: (claimed: Epoch) => void): Promise<Epoch> {
    this.#mayClaim?.();
    for (;;) {
      const { claims, epochs } = listOpenLog(this.#disk, this.#directory);
      const newest = claims.at(-1) ?? epoch(0);
      const claimed = epoch(Math.max(newest, epochs.at(-1) ?? 0) + 1);
      if (!this.#take(claimed, newest)) continue; // somebody was faster
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

  /** One step: nobody else has it, and `newest` is still there. */
  #take(claimed: Epoch, newest: Epoch): boolean {
    // Of a log without claims, or one that has lost them, nothing is there to be named again.
    if (newest === 0 || nextEpoch(newest) !== claimed) {
      const file = this.#disk.open(this.#path(claimed), 'create');
      file?.close();
      return file !== null;
    }
    try {
      return this.#disk.link(this.#path(newest), this.#path(claimed)) === 'linked';
    } catch (error) {
      if (this.#disk.stat(this.#path(newest)) !== null) throw error;
      return false;
    }
  }

  #path(of: Epoch): string {
    return join(this.#directory, claimName(of));
  }
}
