/** What a token names, as a transaction of its partition sees it. */
import { checkToken, identityOf } from './identity.ts';
import { systemNames } from './replica.ts';
import { parseTokenOf } from './token.ts';
import type { Token, Transaction } from './transaction.ts';

/** @throws LockstepError `invalid` for a token of another partition, or of what was not restored. */
export function revisionHere(tx: Transaction, token: Token): number {
  const stored = tx.system(systemNames.partition, 'local').get([]);
  if (stored === undefined) return parseTokenOf(token, null).revision;
  const identity = identityOf(stored);
  const parts = parseTokenOf(token, identity.id);
  checkToken(identity, parts);
  return parts.revision;
}
