/**
 * What the operating system refused, in the words of the disk port: `disk-full` where there is no space (or no quota),
 * `disk-failed` for everything else, always with the path, the call, the system's code and the cause.
 */
import { LockstepError } from '../kernel/errors.ts';
import { codeOf } from './system-code.ts';

export function diskError(cause: unknown, call: string, path: string, offset?: number): LockstepError {
  const code = codeOf(cause);
  const values = { path, ...(offset === undefined ? {} : { offset }), call, code };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new LockstepError('disk-full', 'no space is left on the disk', { cause, values });
  }
  return new LockstepError('disk-failed', 'the disk refused', { cause, values });
}
