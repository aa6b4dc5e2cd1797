/** Whether a directory is that of a node. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '../kernel/errors.ts';

/** Before one is opened that must be there: opening makes what is not. @throws LockstepError `invalid` */
export async function checkNode(data: string): Promise<void> {
  try {
    await stat(join(data, 'log'));
  } catch (cause) {
    throw new LockstepError('invalid', 'no node has its logs in this directory', {
      values: { directory: data },
      advice: ['DIR is what `open` was given as `data`'],
      cause,
    });
  }
}
