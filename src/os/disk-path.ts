/**
 * Paths of the disk port and where they lie on this machine. The rules are those of every system at once, so that what
 * runs on one runs on all: a backslash separates names on Windows, half a surrogate pair has no UTF-8. Not checked,
 * since only Windows minds: names such as `NUL` and `a:b`, and names that differ in case alone (also one on macOS).
 */
import { sep } from 'node:path';
import { LockstepError } from '../kernel/errors.ts';

/**
 * The absolute path of `path` below `root`.
 * @throws LockstepError `misuse` unless it is names with single `/` between them.
 */
export function pathBelow(root: string, path: string): string {
  if (!isPath(path)) {
    throw new LockstepError('misuse', 'a path of the disk is names with `/` between them, below its root', {
      values: { path },
      advice: ['no `.`, `..`, empty names, backslashes or NUL; not absolute'],
    });
  }
  return `${root}${sep}${sep === '/' ? path : path.replaceAll('/', sep)}`;
}

/** As `pathBelow`, and `''` is the root. */
export function directoryBelow(root: string, directory: string): string {
  return directory === '' ? root : pathBelow(root, directory);
}

function isPath(path: string): boolean {
  if (typeof path !== 'string' || path.includes('\\') || path.includes('\0') || !path.isWellFormed()) return false;
  return path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}
