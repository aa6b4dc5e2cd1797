/** Which part of a token is whose: one of several partitions has something for each, that of a command for one alone. */
import { LockstepError } from '../../kernel/errors.ts';
import { parseToken, tokensIn } from '../../partition/token.ts';
import type { Token } from '../../partition/transaction.ts';

/**
 * What of `after` each of the partitions is to have; null: nothing. `partitions`: a token of each, whichever.
 * @throws LockstepError `invalid` for a text that is no token, and for one of none of the partitions.
 */
export function tokensFor(after: Token | undefined, partitions: readonly Token[]): readonly (Token | null)[] {
  if (after === undefined) return partitions.map(() => null);
  const tokens = tokensIn(after);
  if (partitions.length === 1 && tokens.length === 1) return tokens; // whose it is, the partition says itself
  const given = new Map(tokens.map((token) => [parseToken(token).partition, token] as const));
  const found = partitions.map((token) => given.get(parseToken(token).partition) ?? null);
  if (found.some((token) => token !== null)) return found;
  throw new LockstepError('invalid', 'this token is of another partition', { values: { token: after.slice(0, 64) } });
}
