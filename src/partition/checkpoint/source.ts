/** Where a replica gets checkpoints of others from: a store, or whatever else implements this. */
import type { CheckpointStore } from '../../checkpoint/port.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { CheckpointFile } from '../../storage/checkpoint.ts';
import { readCatalogue } from './archive.ts';
import type { CheckpointAbout, KeptCheckpoint } from './catalogue.ts';

/** A checkpoint that may be had. */
export interface OfferedCheckpoint {
  readonly about: CheckpointAbout;
  /** The tree's manifest and its tables, in any order; each is read once. Nothing is installed before all are verified. */
  readonly files: Iterable<CheckpointFile> | AsyncIterable<CheckpointFile>;
}

/** A peer, or a store. */
export interface CheckpointSource {
  /**
   * What it has of this log, newest first; none is an answer.
   * @throws LockstepError of whatever kind: then the next source is asked, and this one again later.
   */
  offers(log: string, signal: AbortSignal): Promise<readonly OfferedCheckpoint[]>;
}

/** What a store has. */
export function checkpointsOf(store: CheckpointStore): CheckpointSource {
  return {
    async offers(log) {
      const { kept } = await readCatalogue(store);
      return kept.filter((one) => one.log === log).map((one) => offerOf(store, one));
    },
  };
}

export function offerOf(store: CheckpointStore, kept: KeptCheckpoint): OfferedCheckpoint {
  const { files, ...about } = kept;
  return {
    about,
    files: files.map(({ name, bytes, file }) => ({
      name,
      bytes,
      content: async function* content(): AsyncGenerator<Uint8Array, void> {
        const found = await store.get(file);
        if (found === null)
          throw new LockstepError('unavailable', 'a file of a checkpoint is not there any more', { values: { file } });
        yield* found.content;
      },
    })),
  };
}
