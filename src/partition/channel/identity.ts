/** Who a partition is, as its state says. */
import { systemNames, type Identity } from '../replica.ts';
import type { ReadSpace } from '../transaction.ts';
import { LockstepError } from '../../kernel/errors.ts';

/** `space`: the product's own state of the name `partition`. @throws LockstepError `corrupt`: whoever leads has one. */
export function identityIn(space: ReadSpace): Identity {
  const { id, generation } = (space.get([]) ?? {}) as { readonly id?: unknown; readonly generation?: unknown };
  if (typeof id === 'string' && typeof generation === 'number') return { id, generation };
  throw new LockstepError('corrupt', 'a partition that was written to has no identity');
}

/** The name of that state. */
export const identityName: string = systemNames.partition;
