/**
 * Tokens: a place in a partition, as text that users keep and pass back. It names the partition, its generation (a split
 * or a merge makes a new one) and the revision. What several partitions gave is one token, theirs one behind the other; each
 * takes its own of it.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { Token } from './transaction.ts';

export interface TokenParts {
  readonly partition: string;
  readonly generation: number;
  readonly revision: number;
}

const shape = /^([0-9a-f]{16})\.([1-9a-z][0-9a-z]{0,10})\.(0|[1-9a-z][0-9a-z]{0,10})$/;

/** `partition` is 16 hexadecimal digits. */
export function printToken({ partition, generation, revision }: TokenParts): Token {
  return `${partition}.${generation.toString(36)}.${revision.toString(36)}` as Token;
}

/** As `printToken`, for many revisions. */
export function tokensOf({ partition, generation }: Omit<TokenParts, 'revision'>): (revision: number) => Token {
  const begin = `${partition}.${generation.toString(36)}.`;
  return (revision) => `${begin}${revision.toString(36)}` as Token;
}

/** @throws LockstepError `invalid` for a text that is no token. */
export function parseToken(text: string): TokenParts {
  const [, partition = '', generation = '', revision = ''] = shape.exec(text) ?? [];
  const parts = { partition, generation: Number.parseInt(generation, 36), revision: Number.parseInt(revision, 36) };
  if (Number.isSafeInteger(parts.generation) && Number.isSafeInteger(parts.revision)) return parts;
  throw new LockstepError('invalid', 'this is no token', {
    values: { token: String(text).slice(0, 64) },
    advice: ['pass back what an outcome gave, as it is'],
  });
}

const separator = '+';

export const joinTokens = (tokens: readonly Token[]): Token => tokens.join(separator) as Token;

/** Those that were joined; of any other token that one alone. */
export const tokensIn = (token: Token): readonly Token[] => token.split(separator) as unknown as readonly Token[]; // parts of one

/**
 * Of a token of several partitions what is of this one; of any other token all of it: whose it is, the partition checks.
 * @throws LockstepError `invalid` for a text that is no token, and where none is of this partition.
 */
export function parseTokenOf(text: Token, partition: string | null): TokenParts {
  const all = tokensIn(text);
  if (all.length === 1) return parseToken(text);
  const found = all.map(parseToken).find((parts) => parts.partition === partition);
  if (found !== undefined) return found;
  throw new LockstepError('invalid', 'this token is of other partitions', { values: { partition, parts: all.length } });
}
