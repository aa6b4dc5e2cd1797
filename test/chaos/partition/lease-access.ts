/** How a client of a chaos asks for leases: commands over the network, asked again while it stands in line. */
import {
  LockstepError,
  type ClaimAnswer,
  type ClaimOutcome,
  type GiveUpAnswer,
  type LeaseAccess,
  type ReleaseAnswer,
  type RenewAnswer,
} from 'lockstep/partition';
import type { Plain } from '../../../src/sim/cluster/calls.ts';
import type { Client } from './client.ts';
import { places, type Work } from './requests.ts';

const againMs = 40;

export function leaseAccessOf(client: Client): LeaseAccess {
  /** @throws LockstepError `unknown`, `unavailable`. */
  const done = async (work: Work): Promise<Plain> => {
    const { fate, answer } = await client.command(places.leases, work);
    if (answer?.kind === 'done') return answer.value;
    throw new LockstepError(fate === 'unknown' ? 'unknown' : 'unavailable', 'a lease was asked for in vain');
  };
  return {
    claim: async (claim, signal): Promise<ClaimAnswer> => {
      const untilMs = performance.now() + (claim.waitMs ?? 0);
      for (;;) {
        signal?.throwIfAborted();
        const outcome = (await done({ kind: 'claim', claim })) as unknown as ClaimOutcome;
        if (outcome.kind === 'granted') return { kind: 'granted', token: outcome.token, waited: !outcome.isNew };
        if (outcome.kind !== 'waiting') return outcome;
        if (performance.now() > untilMs) return { kind: 'late' };
        await client.env.sleep(`${againMs}ms`);
      }
    },
    renew: async (lease) => (await done({ kind: 'renew', lease })) as unknown as RenewAnswer,
    release: async (lease) => (await done({ kind: 'release', lease })) as unknown as ReleaseAnswer,
    giveUp: async ({ name, id: claimId }) =>
      (await done({ kind: 'give-up', name, claimId })) as unknown as GiveUpAnswer,
  };
}
