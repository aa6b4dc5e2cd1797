/**
 * Files for segments to come: full of zeros written ahead in slices, each synced, so that neither the loop nor another
 * sync waits long (a sync that need not change a file's size is faster); or trimmed segments, whose old bytes the next segment's seed makes meaningless. Named `.spare` until
 * a durable header makes a segment of one.
 */
import type { Disk, DiskFile } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';
import { sparePath, type JournalFiles, type ListedFiles } from './segment-files.ts';

const sliceBytes = 1024 * 1024;

export class SpareSegments {
  readonly #disk: Disk;
  readonly #files: JournalFiles;
  readonly #segmentBytes: number;
  readonly #countMax: number;
  readonly #ready: string[] = [];
  #preparing: Promise<void> | null = null;
  #failure: unknown = null;
  #closed = false;
  /** Somebody waits for it: what is filled is enough, the segment grows from there. */
  #hurry = false;

  constructor(disk: Disk, files: JournalFiles, segmentBytes: number, countMax: number) {
    this.#disk = disk;
    this.#files = files;
    this.#segmentBytes = segmentBytes;
    this.#countMax = countMax;
  }

  /** Takes over what an earlier run left, as far as it is of use. Its names must be durable. */
  async adopt(spares: ListedFiles['spares']): Promise<void> {
    for (const { number, size } of spares) {
      const path = sparePath(this.#files, number);
      if (size !== this.#segmentBytes || !this.recycle(path)) await this.#disk.remove(path);
    }
  }

  /** True if the file, of a segment that was durably given up, is kept for use again. */
  recycle(path: string): boolean {
    if (this.wanted) this.#ready.push(path);
    else return false;
    return true;
  }

  get wanted(): boolean {
    return this.#ready.length < this.#countMax;
  }

  /** Sees to it, in the background, that there is one by the time that segment `number` is needed. */
  prepare(number: number): void {
    if (this.#closed || this.#ready.length > 0 || this.#preparing !== null || this.#failure !== null) return;
    this.#preparing = this.#make(number).then(
      (path) => {
        this.#preparing = null;
        if (path !== null) this.#ready.push(path);
      },
      (error: unknown) => {
        this.#preparing = null;
        this.#failure = error; // told to whoever needs it
      },
    );
  }

  /** The path of a spare, made now if none is ready; then it is not full of zeros. @throws what the disk threw. */
  async take(number: number): Promise<string> {
    this.#hurry = true;
    this.prepare(number);
    if (this.#ready.length === 0) await this.#preparing;
    this.#hurry = false;
    const path = this.#ready.shift();
    if (path !== undefined) return path;
    if (this.#failure instanceof Error) throw this.#failure;
    throw new LockstepError('stopped', 'the journal was closed');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#preparing;
  }

  /** Null when it was closed meanwhile. */
  async #make(number: number): Promise<string | null> {
    const path = sparePath(this.#files, number);
    await this.#disk.remove(path); // of a run that stopped in the middle
    const file = this.#disk.open(path, 'create');
    if (file === null) throw new Error(`two writers prepare ${path}`);
    try {
      return (await this.#fill(file)) ? path : null;
    } finally {
      file.close();
    }
  }

  async #fill(file: DiskFile): Promise<boolean> {
    const zeros = new Uint8Array(Math.min(sliceBytes, this.#segmentBytes));
    for (let at = 0; at < this.#segmentBytes; at += zeros.length) {
      if (this.#closed) return false;
      if (this.#hurry) return true;
      file.write(zeros.subarray(0, Math.min(zeros.length, this.#segmentBytes - at)), at);
      await file.sync();
    }
    return true;
  }
}
