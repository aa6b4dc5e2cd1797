/**
 * A journal as its files say, for those who do not own it: a successor that must know what its predecessor wrote, an
 * inspector, a test. Changes nothing, except that `settle` makes durable what was read.
 */
import type { Disk } from '../env/disk.ts';
import { JournalReader } from './journal-reader.ts';
import { settle } from './journal-store.ts';
import { journalPosition, type JournalPosition } from './position.ts';
import { recover, type JournalCut, type JournalPlace, type Recovered, type RecoverOptions } from './recovery.ts';
import { checkFiles, type JournalFiles } from './segment-files.ts';

/**
 * Reads and verifies all of it, or all before `end`; null if there is no such journal.
 * @throws LockstepError as `openJournal`.
 */
export async function viewJournal(
  disk: Disk,
  files: JournalFiles,
  options: RecoverOptions = {},
): Promise<JournalView | null> {
  checkFiles(files);
  const recovered = await recover(disk, files, options);
  return recovered === null ? null : new JournalView(disk, files, recovered);
}

export class JournalView {
  readonly #disk: Disk;
  readonly #files: JournalFiles;
  readonly #recovered: Recovered;

  /** For the room's own use: `viewJournal` makes it. */
  constructor(disk: Disk, files: JournalFiles, recovered: Recovered) {
    this.#disk = disk;
    this.#files = files;
    this.#recovered = recovered;
  }

  get id(): Uint8Array {
    return this.#recovered.map.last.header.journalId.slice();
  }

  get origin(): Uint8Array {
    return this.#recovered.map.last.header.origin.slice();
  }

  get first(): JournalPosition {
    return journalPosition(this.#recovered.map.first);
  }

  get next(): JournalPosition {
    return journalPosition(this.#recovered.map.nextPosition);
  }

  get end(): JournalPlace {
    const { header, end } = this.#recovered.map.last;
    return { segment: header.number, offset: end };
  }

  /** A group behind the end that is torn. */
  get cut(): JournalCut | null {
    return this.#recovered.cut;
  }

  reader(from: JournalPosition): JournalReader {
    return new JournalReader(this.#disk, this.#recovered.map, from);
  }

  /** Makes durable what was read: after a crash or a failed sync of its writer nobody knows whether it is. What is behind stays. */
  async settle(): Promise<void> {
    const file = await settle({ disk: this.#disk }, this.#recovered, 0);
    file.close();
    await this.#disk.syncDirectory(this.#files.directory);
  }
}
