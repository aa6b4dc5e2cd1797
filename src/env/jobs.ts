import type { Disk } from './disk.ts';

/**
 * Pure work on another thread: files or plain data in, files or plain data out. Compaction, compression, checksums
 * of whole files. A job sees its input and a disk, no clock and no chance, so that running it again does no harm.
 */
export interface Jobs {
  /**
   * Runs the job when a thread is free; in the order of the calls when none is. Input and output are copied
   * (structured clone).
   * @throws LockstepError `misuse` for what cannot be cloned; `overloaded` when too many wait; `unavailable` when the thread died; the signal's reason
   * when aborted, though the job may run on unseen; what the job threw: a `LockstepError` as one, anything else as an
   * `Error` of its name and message.
   */
  run<In, Out>(job: Job<In, Out>, input: In, options?: { readonly signal?: AbortSignal | undefined }): Promise<Out>;
}

/** Exported by its module under any name; found there again by `name`, so both must be unchanging. */
export interface Job<In, Out> {
  readonly kind: 'job';
  readonly name: string;
  /** `import.meta.url` of the module that exports it. Loading that module must have no effects. */
  readonly module: string;
  readonly run: (input: In, disk: Disk) => Out | Promise<Out>;
}
