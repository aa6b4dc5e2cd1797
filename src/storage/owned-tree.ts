/** A tree in a directory that this process takes for itself, so that a second one is told who has it. */
import type { Ports } from '../env/env.ts';
import { takeDirectory } from '../log/file-owner.ts';
import { manifestName } from './manifest.ts';
import { openTree, openTreeFor, type OpenTreeOptions, type StoredTree, type TreeEnv } from './open-tree.ts';
import { tablesIn } from './tree-places.ts';

export interface OwnedTreeOptions extends OpenTreeOptions {
  /** How long to wait for the directory while another process has it, in milliseconds. Default 0: it refuses at once. */
  readonly withinMs?: number | undefined;
  /** Ends the wait, which rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Takes the directory where the system cannot tell whether its owner still runs, as on another machine: say so only if
   * it has certainly ended, since nothing fences it. From one that runs, stopped or not, it is never taken. Default false.
   */
  readonly takeOver?: boolean | undefined;
  /** Goes on where the file system is of a kind that trees are not made for; what they promise is then not promised. Default false. */
  readonly anyFileSystem?: boolean | undefined;
  /** How errors and waits call the directory. Default: its path on the env's disk. */
  readonly calledDirectory?: string | undefined;
}

export type OwnedTreeEnv = TreeEnv & Pick<Ports, 'ownership'>;

/**
 * Opens the tree in a directory of the env's disk, or makes it: `journal` and `tables` below it. The directory is this
 * process' from here on, until `close` or its end in whatever way. Null when there is no tree and `create` is false.
 * @throws LockstepError `in-use` when another process has it, now or still at the deadline; values `directory`, `pid`,
 * `host`, `since`. `corrupt` for damage, with path and offset. `invalid` for another format, a codec that was not given,
 * a checkpoint that was not completed, a file system that is not supported. `misuse` for options that are none.
 * `disk-full`, `disk-failed`.
 */
export async function openOwnedTree(
  env: OwnedTreeEnv,
  directory: string,
  { withinMs, signal, takeOver = false, anyFileSystem, calledDirectory, ...options }: OwnedTreeOptions = {},
): Promise<StoredTree | null> {
  const isThere = env.disk.stat(`${tablesIn(directory)}/${manifestName}`) !== null;
  if (options.create === false && !isThere) return openTree(env, directory, options);
  env.disk.makeDirectory(directory);
  const place = await takeDirectory(env, directory, calledDirectory ?? directory, {
    withinMs,
    signal,
    anyFileSystem,
    waits: options.waits,
    takeOver: takeOver ? 'unproven' : 'never',
  });
  try {
    const tree = await openTreeFor(env, directory, options, () => place.leave());
    if (tree === null) await place.leave();
    return tree;
  } catch (error) {
    await place.leave();
    throw error;
  }
}
