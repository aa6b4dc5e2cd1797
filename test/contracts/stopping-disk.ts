/** A disk on which the writer of a segment stops, at one step of its next write and sync: for the contract of logs. */
import type { LogFaults, StopStep } from '../../src/log/contract.ts';
import type { Disk, DiskFile } from '../../src/env/disk.ts';
import { otherDisk, otherFile } from '../sim/services/other-disk.ts';

export class StoppingDisk {
  readonly disk: Disk;
  #stop: { readonly step: StopStep; readonly onStopped: () => void; readonly resumed: Promise<void> } | null = null;

  constructor(disk: Disk) {
    this.disk = otherDisk(disk, {}, (file, _path, mode) => (mode === 'read' ? file : this.#stopping(file)));
  }

  readonly stopWriter: NonNullable<LogFaults['stopWriter']> = (step) => {
    const [stopped, resumed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    this.#stop = { step, onStopped: stopped.resolve, resumed: resumed.promise };
    return { stopped: stopped.promise, resume: resumed.resolve };
  };

  /** What comes late to a disk is a write. */
  readonly delayAppend: NonNullable<LogFaults['delayAppend']> = () => {
    const { stopped, resume } = this.stopWriter('before the write');
    return { arrived: stopped, release: resume };
  };

  #stopping(file: DiskFile): DiskFile {
    let kept: { readonly bytes: Uint8Array; readonly at: number }[] = [];
    return otherFile(file, {
      // A write takes effect with its sync when the writer is to stop before it.
      write: (bytes, at) => {
        if (this.#stop?.step === 'before the write') kept.push({ bytes: bytes.slice(), at });
        else file.write(bytes, at);
      },
      sync: async () => {
        const stop = this.#stop;
        this.#stop = null;
        if (stop?.step === 'between sync and check') await file.sync();
        stop?.onStopped();
        await stop?.resumed;
        for (const { bytes, at } of kept) file.write(bytes, at);
        kept = [];
        await file.sync();
      },
    });
  }
}

/** What cannot happen to logs in files, and why. */
export const fileReasons: Readonly<Record<'loseAnswer' | 'resendAppend' | 'rollBack', string>> = {
  loseAnswer: 'a disk of this machine answers or fails',
  resendAppend: 'nothing between engine and disk sends again',
  rollBack: 'no file goes back under a process that has it; a restored copy is tried beside the contract',
};
