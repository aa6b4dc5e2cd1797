/**
 * Makes a checkpoint of another replica this one's state: all of it is written beside what there is, every byte is read
 * again, and only then one file is replaced that says which of the two it is.
 */
import type { Ports } from '../../env/env.ts';
import { assert } from '../../kernel/assert.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { importCheckpoint, type ImportPorts } from '../../storage/import-checkpoint.ts';
import type { TreeOptions } from '../../storage/options.ts';
import { openTreeCore, type Tree } from '../../storage/tree.ts';
import type { OfferedCheckpoint } from './source.ts';
import type { StateDirectory } from './state-directory.ts';

export type InstallPorts = ImportPorts & Pick<Ports, 'disk' | 'jobs' | 'clock' | 'timers'>;

/** Opens the tree that a directory has; makes one where there is none. @throws as `openTreeCore`. */
export async function openState(ports: InstallPorts, tables: string, options: TreeOptions): Promise<Tree> {
  const tree = await openTreeCore({ ports, directory: tables, options }, true);
  assert(tree !== null, 'a tree is made where there is none');
  return tree;
}

export interface WriteBesideOptions extends Pick<TreeOptions, 'codec'> {
  /** The newest level that this node reads. */
  readonly levelMax: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Writes a checkpoint beside the current state, and verifies it. The number that `switchTo` takes.
 * @throws LockstepError `corrupt` for damage; `invalid` for a level that this version does not read; what reading it and
 * the disk throw; the signal's reason. Nothing is changed then.
 */
export async function writeBeside(
  ports: InstallPorts,
  state: StateDirectory,
  { about, files }: OfferedCheckpoint,
  { codec, levelMax, signal }: WriteBesideOptions,
): Promise<number> {
  if (about.level > levelMax)
    throw new LockstepError('invalid', 'a checkpoint is of a level that this version does not know', {
      values: { level: about.level, levelMax },
      advice: ['run a version of the product that is at least as new as the one that wrote it'],
    });
  await state.clearOthers();
  const { number, tree } = state.next;
  const { revision } = await importCheckpoint(ports, files, tree, { codec, signal, journal: false });
  if (revision === about.revision) return number;
  throw new LockstepError('corrupt', 'a checkpoint is of another revision than it says', {
    values: { says: about.revision, has: revision },
  });
}
