/**
 * The port of checkpoint stores: immutable files, each named by its content, and one pointer that moves by
 * compare-and-set. A directory, an S3-compatible bucket, any store of objects with conditional writes. It knows nothing
 * of what it keeps, and never removes anything by itself.
 *
 * What every implementation promises, and the contract checks:
 * - A file is there whole or not at all, under every crash and every lost answer; what its name says is checked
 *   whenever it is written and whenever it is read.
 * - What was acknowledged is durable: `stored`, `already`, `moved`, and also whatever `pointer` answered.
 * - The pointer has one history: of two who move it from one place, one does.
 * - Every call comes to an end, with an outcome or a `LockstepError`; `unknown` alone leaves open what happened.
 *
 * What it does not: it does not know which files a checkpoint needs. `put` may answer `already` for a file that somebody
 * else is about to remove, so whoever removes must see to it that nobody can count on the file any more.
 */
import type { FileName } from './file-name.ts';

export interface CheckpointStore {
  /** All files, in pages of at least one, in the order of their names. What is stored or removed meanwhile may be there or not. */
  list(): AsyncIterable<readonly StoredFile[]>;
  /**
   * Keeps `content`, which is read once, under the name that it has by its hash. `already`: the file was there, and
   * `content` was not read. Repeating it is harmless.
   * @throws LockstepError `corrupt` when the content is not what the name says: nothing is stored then.
   */
  put(name: FileName, content: Content): Promise<'stored' | 'already'>;
  /** The file, to be read once; null if there is none. */
  get(name: FileName): Promise<StoredContent | null>;
  /** From here on the file is not there; whether it was is not said. */
  remove(name: FileName): Promise<void>;
  /** Where the pointer is; null before it was first moved. Linearizable: it shows every move that was acknowledged before. */
  pointer(): Promise<Pointer | null>;
  /**
   * Moves the pointer to a file that is there, if and only if it still is where `ifWas` says.
   * @throws LockstepError `misuse` when there is no such file; `unknown` when the answer stayed lost: `pointer` tells.
   */
  point(to: FileName, ifWas: Pointer | null): Promise<PointOutcome>;
}

/** Bytes in pieces of any size. A piece is not changed after it was given out. */
export type Content = AsyncIterable<Uint8Array>;

export interface StoredFile {
  readonly name: FileName;
  readonly byteCount: number;
}

export interface StoredContent {
  readonly byteCount: number;
  /**
   * Comes to its end only if all of it was what the name says; until then nothing may be made of it that lasts.
   * Throws `corrupt` otherwise, `unavailable` when the file was removed meanwhile.
   */
  readonly content: Content;
}

/** A place of the pointer. Compared by `number` and `token`; kept by callers as it is. */
export interface Pointer {
  readonly to: FileName;
  /** 1 for the first move, one more with each. */
  readonly number: number;
  /** Of this one move, drawn at random. */
  readonly token: string;
}

export type PointOutcome =
  | { readonly kind: 'moved'; readonly pointer: Pointer }
  /** It was not where it was believed to be, and was not moved. */
  | { readonly kind: 'conflict'; readonly is: Pointer | null };
