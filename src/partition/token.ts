/**
 * Tokens: a place in a partition, as text that users keep and pass back. It names the partition, its generation (a split
 * or a merge makes a new one) and the revision.
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
