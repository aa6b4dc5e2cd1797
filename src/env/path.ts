import { LockstepError } from '../kernel/errors.ts';
import type { Disk } from './disk.ts';

/**
 * The rule for paths of the disk port, one for every world: that of every operating system at once, so that what runs
 * on one runs on all (a backslash separates names on Windows, half a surrogate pair has no UTF-8). `''` is the root,
 * a directory and no file.
 * @throws LockstepError `misuse` unless it is names with single `/` between them.
 */
export function checkPath(path: string, root: 'root too' | 'below the root'): void {
  if ((path === '' && root === 'root too') || isPath(path)) return;
  throw new LockstepError('misuse', 'a path of the disk is names with `/` between them, below its root', {
    values: { path },
    advice: ['no `.`, `..`, empty names, backslashes or NUL; not absolute'],
  });
}

function isPath(path: string): boolean {
  if (typeof path !== 'string' || path.includes('\\') || path.includes('\0') || !path.isWellFormed()) return false;
  return path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

/** Makes durable the names in a directory, its own, and those of the directories above it. */
export async function syncUpwards(disk: Pick<Disk, 'syncDirectory'>, directory: string): Promise<void> {
  for (let path = directory; ; path = path.slice(0, Math.max(0, path.lastIndexOf('/')))) {
    await disk.syncDirectory(path);
    if (path === '') return;
  }
}
