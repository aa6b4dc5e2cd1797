/** Where `dev` and `serve` listen. */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';

const portDefault = 4_000;

/**
 * Listens at the port, or, where none was asked for and 4000 is taken, at one that is free.
 * @throws LockstepError `misuse` for what is no port; as `listen`.
 */
export async function takenPort<T>(port: string | undefined, listen: (port: number) => Promise<T>): Promise<T> {
  const asked = port === undefined ? portDefault : Number(port);
  if (!(Number.isInteger(asked) && asked >= 0 && asked <= 65_535))
    throw new LockstepError('misuse', '--port is a number from 0 to 65535', { values: { port: port ?? '' } });
  try {
    return await listen(asked);
  } catch (error) {
    if (port !== undefined || !isLockstepError(error, 'in-use')) throw error;
    return listen(0);
  }
}
