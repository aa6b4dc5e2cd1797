/** Who a partition is, as its state says. */
import { identityOf, type Identity } from '../identity.ts';
import { systemNames } from '../replica.ts';
import type { ReadSpace } from '../transaction.ts';

/** `space`: the product's own state of the name `partition`. @throws LockstepError `corrupt`: whoever leads has one. */
export const identityIn = (space: ReadSpace): Identity => identityOf(space.get([]) ?? null);

/** The name of that state. */
export const identityName: string = systemNames.partition;
