/**
 * Where the paths of the disk port lie on this machine. The rule for paths is the port's own (`env/path.ts`). Not
 * checked, since only Windows minds: names such as `NUL` and `a:b`, and names that differ in case alone (also one on
 * macOS).
 */
import { sep } from 'node:path';
import { checkPath } from '../env/path.ts';

/**
 * The absolute path of `path` below `root`.
 * @throws LockstepError `misuse` unless it is names with single `/` between them.
 */
export function pathBelow(root: string, path: string): string {
  checkPath(path, 'below the root');
  return `${root}${sep}${sep === '/' ? path : path.replaceAll('/', sep)}`;
}

/** As `pathBelow`, and `''` is the root. */
export function directoryBelow(root: string, directory: string): string {
  return directory === '' ? root : pathBelow(root, directory);
}
