/** What a partition on this node is about, as data, for whoever looks at it. */
import type { Epoch } from '../log/port.ts';
import type { EpochEnd } from './group-commit.ts';
import type { ScrubResult } from './scrub/scrubber.ts';
import type { Replica } from './replica.ts';
import type { Token } from './transaction.ts';

export interface PartitionStatus {
  /** `failed`: it cannot go on here, see `failure`; it is to be closed, and opened again when that is mended. */
  readonly kind: 'following' | 'leading' | 'failed' | 'closed';
  /** Of the epoch that this node leads. */
  readonly epoch: Epoch | null;
  /** Whoever claimed last; null when nobody did, or it was released. */
  readonly leader: string | null;
  /** The newest durable revision here. */
  readonly revision: number;
  /** Revisions that are here and not durable yet. */
  readonly undurable: number;
  /** Of the newest record in the log whose effects are here, and durable; 0: there is none. */
  readonly position: number;
  /** The hash over all records up to there, 32 hexadecimal digits: two logs with one chain are one log. Null: none was read. */
  readonly chain: string | null;
  readonly token: Token;
  /** Why this node led no longer, when it last did. */
  readonly lastEnd: EpochEnd | null;
  readonly failure: Error | null;
  /** Of the newest scrub that ended; null: there was none. */
  readonly scrub: ScrubResult | null;
  /** The format level in force. */
  readonly level: number;
  /** Why the last attempt to publish or to fetch a checkpoint came to nothing; it is repeated. Null: it did not. */
  readonly checkpointFailure: Error | null;
}

/** How far a replica is. */
export function progressOf(
  replica: Pick<Replica, 'durableRevision' | 'revision' | 'place' | 'level' | 'tokenAt'>,
): Pick<PartitionStatus, 'revision' | 'undurable' | 'position' | 'chain' | 'token' | 'level'> {
  const { durableRevision: revision, place, level } = replica;
  const { position, chain = null } = place;
  return { revision, undurable: replica.revision - revision, position, chain, token: replica.tokenAt(revision), level };
}
